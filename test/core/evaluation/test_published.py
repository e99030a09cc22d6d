"""The published figures, by what they say about each other."""

from statistics import fmean

import pytest

from robustseg_core.data.deliver import CASES, CONDITIONS, DELIVER_MODALITIES
from robustseg_core.data.mcubes import MCUBES_MODALITIES
from robustseg_core.evaluation.published import published

PAPER = ['EMM Avg', 'EMM E(0.2)', 'RMM Avg (r=0.5)', 'RMM E(0.2) (r=0.5)', 'NM Low']


# Data set -> the part that the published figures are of.
SPLITS = {'deliver': 'val', 'muses': 'val', 'mcubes': 'test'}
# Row -> the mean of its figures, where the paper prints another.
MISPRINTED = {'AnySeg': 47.51, 'RobustSeg': 49.80, 'CMNeXt (MiT-B2)': 40.10}


def assert_means_fit(rows, columns, misprinted):
    """A wrong digit anywhere would move a mean of rounded figures away from the printed one."""
    for row in rows:
        found = fmean(row.values[column] for column in columns)
        wanted = MISPRINTED[row.name] if row.name in misprinted else row.values['mean']
        assert found == pytest.approx(wanted, abs=0.0065), row.name
        if row.name in misprinted:
            assert f'{wanted:.2f}' in row.note


@pytest.mark.parametrize(
    ('dataset', 'letters', 'count', 'misprinted'),
    [('deliver', 'RDEL', 5, {'AnySeg', 'RobustSeg'}), ('muses', 'FEL', 6, set())],
)
def test_the_mean_of_each_row_is_the_mean_of_its_subsets(dataset, letters, count, misprinted):
    rows = published(dataset, SPLITS[dataset], letters, 'any_modal')
    subsets = set(rows[0].values) - {'mean'}
    assert len(rows) == count
    assert len(subsets) == 2 ** len(letters) - 1
    assert_means_fit(rows, subsets, misprinted)


@pytest.mark.parametrize(
    ('dataset', 'letters', 'count', 'misprinted'),
    [('deliver', 'RDEL', 7, set()), ('mcubes', 'IADN', 5, {'CMNeXt (MiT-B2)'})],
)
@pytest.mark.parametrize('protocol', ['emm', 'rmm', 'nm'])
def test_the_mean_of_each_row_is_the_mean_of_the_failures(
    dataset, letters, count, misprinted, protocol
):
    rows = published(dataset, SPLITS[dataset], letters, protocol)
    assert len(rows) == count
    assert_means_fit(rows, PAPER, misprinted)


def test_the_figures_that_the_paper_is_known_for():
    row = {row.name: row.values for row in published('deliver', 'val', 'RDEL', 'any_modal')}
    assert (row['RobustSeg']['mean'], row['RobustSeg']['EL']) == (49.89, 32.13)
    assert row['SegFormer (teacher)']['RDEL'] == 61.92
    failures = {row.name: row.values for row in published('deliver', 'val', 'RDEL', 'emm')}
    assert failures['RobustSeg (MiT-B0)']['EMM Avg'] == 49.72
    assert published('muses', 'val', 'FEL', 'any_modal')[-1].values['mean'] == 41.21


def test_higher_levels_of_noise_are_there_where_they_were_published():
    rows = {row.name: row.values for row in published('deliver', 'val', 'RDEL', 'nm')}
    assert rows['MAGIC++ (MiT-B2)']['NM High'] == 8.70
    assert 'NM Mid' not in rows['RobustSeg (MiT-B0)']
    assert all('NM Mid' not in row.values for row in published('mcubes', 'test', 'IADN', 'nm'))


def test_conditions_are_called_as_the_data_set_calls_them():
    (row,) = published('deliver', 'val', 'RDEL', 'conditions')
    assert set(row.values) == {*CONDITIONS, *CASES}
    assert row.values['underexposure'] == min(row.values.values()) == 58.02


def test_the_letters_are_those_of_the_data_sets():
    assert published('deliver', 'val', DELIVER_MODALITIES.letters, 'any_modal')
    assert published('mcubes', 'test', MCUBES_MODALITIES.letters, 'emm')


def test_subsets_are_named_in_ones_own_order():
    mine = published('deliver', 'val', 'LERD', 'any_modal')[-1].values
    theirs = published('deliver', 'val', 'RDEL', 'any_modal')[-1].values
    assert (mine['LD'], mine['LERD'], mine['mean']) == (
        theirs['DL'],
        theirs['RDEL'],
        theirs['mean'],
    )
    assert 'DL' not in mine


@pytest.mark.parametrize(
    ('dataset', 'letters', 'protocol'),
    [
        ('streets', 'RDEL', 'any_modal'),
        ('nyuv2', 'RD', 'any_modal'),
        ('deliver', 'RD', 'any_modal'),
        ('muses', 'FELR', 'any_modal'),
        ('muses', 'FEL', 'emm'),
        ('mcubes', 'IADN', 'any_modal'),
        ('mcubes', 'IADN', 'conditions'),
    ],
)
def test_nothing_stands_beside_what_it_does_not_compare_with(dataset, letters, protocol):
    assert published(dataset, SPLITS.get(dataset, 'val'), letters, protocol) == []


@pytest.mark.parametrize(
    ('dataset', 'split', 'letters', 'protocol'),
    [
        ('deliver', 'test', 'RDEL', 'any_modal'),
        ('deliver', 'train', 'RDEL', 'conditions'),
        ('muses', 'test', 'FEL', 'any_modal'),
        ('mcubes', 'val', 'IADN', 'nm'),
        ('mcubes', 'all', 'IADN', 'emm'),
    ],
)
def test_nothing_stands_beside_the_scores_of_another_split(dataset, split, letters, protocol):
    assert published(dataset, SPLITS[dataset], letters, protocol)
    assert published(dataset, split, letters, protocol) == []


def test_every_row_says_where_it_is_from_and_what_to_beware_of():
    notes = {
        row.note
        for dataset, letters in (('deliver', 'RDEL'), ('muses', 'FEL'), ('mcubes', 'IADN'))
        for protocol in ('any_modal', 'emm', 'conditions')
        for row in published(dataset, SPLITS[dataset], letters, protocol)
    }
    assert len(notes) == 5
    assert all('arXiv:2505.12861' in note for note in notes)
    assert 'resolution is ambiguous' in published('deliver', 'val', 'RDEL', 'any_modal')[0].note
    assert 'counted as road' in published('muses', 'val', 'FEL', 'any_modal')[0].note
    assert 'test split' in published('mcubes', 'test', 'IADN', 'emm')[0].note
