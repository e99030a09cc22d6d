"""The papers' tables, from scores that are made up."""

from itertools import combinations

import numpy as np
import pytest

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.layouts import all_tables
from robustseg_core.evaluation.scores import Evaluation, SubsetScores

NAMES = ('rgb', 'depth', 'event', 'lidar')
SUBSETS = [subset for size in range(1, 5) for subset in combinations(NAMES, size)]


def counts(generator) -> Confusion:
    confusion = Confusion(3)
    confusion.counts[:2, :2] = generator.integers(1, 100, (2, 2))  # class 2 does not occur
    return confusion


@pytest.fixture
def make_evaluation(sensors, labels):
    def make(*protocols) -> Evaluation:
        generator = np.random.default_rng(0)

        def scores() -> SubsetScores:
            table = {subset: counts(generator) for subset in SUBSETS}
            return SubsetScores(sensors, table, 2, dict.fromkeys(SUBSETS, 2))

        return Evaluation(
            modalities=sensors,
            labels=labels,
            frames=2,
            any_modal=scores() if 'any_modal' in protocols else None,
            emm=scores() if 'emm' in protocols else None,
            rmm={r: scores() for r in (0.25, 0.5, 0.75)} if 'rmm' in protocols else {},
            nm={k: counts(generator) for k in ('Low', 'Mid', 'High')} if 'nm' in protocols else {},
            conditions={'fog': scores(), 'night': scores()} if 'conditions' in protocols else {},
        )

    return make


def row(table, name):
    return next(row.values for row in table.rows if row.name == name)


def test_any_modal_stands_beside_the_published_rows_of_the_same_convention(make_evaluation):
    evaluation = make_evaluation('any_modal')
    table = all_tables(evaluation, 'deliver', 'val')['any_modal']

    assert ' '.join(table.columns) == 'R D E L RD RE RL DE DL EL RDE RDL REL DEL RDEL mean'
    names = [each.name for each in table.rows]
    assert names[0] == 'this checkpoint, all K classes'
    assert names.index('RobustSeg') < names.index('this checkpoint, classes that occur')
    assert row(table, 'RobustSeg')['RD'] == 62.60
    confusion = evaluation.any_modal.counts['rgb',]
    hits = np.diag(confusion.counts)[:2]
    ious = hits / (confusion.counts.sum() - hits[::-1])  # of two classes, all pixels but these
    assert row(table, names[0])['R'] == pytest.approx(100 * ious.sum() / 3)
    assert row(table, 'this checkpoint, classes that occur')['R'] == pytest.approx(
        100 * ious.mean()
    )


def test_nothing_published_stands_beside_another_data_set(make_evaluation):
    tables = all_tables(make_evaluation('any_modal', 'emm', 'conditions'), 'streets', 'val')
    names = {each.name for table in tables.values() for each in table.rows}
    assert not any('RobustSeg' in name for name in names)
    assert tables['conditions'].columns[-1] == 'mean'


def test_the_summary_of_failures_has_the_papers_columns_and_their_mean(make_evaluation):
    evaluation = make_evaluation('emm', 'rmm', 'nm')
    table = all_tables(evaluation, 'deliver', 'val')['sensor_failures']

    ours = row(table, 'this checkpoint')
    paper = ['EMM Avg', 'EMM E(0.2)', 'RMM Avg (r=0.5)', 'RMM E(0.2) (r=0.5)', 'NM Low']
    assert table.columns == [*paper, 'mean', 'NM Mid', 'NM High']
    assert ours['mean'] == pytest.approx(np.mean([ours[name] for name in paper]))
    assert ours['RMM E(0.2) (r=0.5)'] == evaluation.rmm[0.5].expected(0.2, absent_as_zero=True)
    assert ours['NM Mid'] == evaluation.nm['Mid'].mean_iou(absent_as_zero=True)
    assert row(table, 'RobustSeg (MiT-B0)')['EMM Avg'] == 49.72
    assert row(table, 'MAGIC (MiT-B2)')['NM High'] == 3.98


def test_a_part_of_the_failures_has_no_mean(make_evaluation):
    table = all_tables(make_evaluation('emm'), 'deliver', 'val')['sensor_failures']
    assert table.columns == ['EMM Avg', 'EMM E(0.2)']


def test_rmm_has_a_row_for_each_rate_and_convention(make_evaluation):
    evaluation = make_evaluation('rmm')
    table = all_tables(evaluation, 'streets', 'val')['rmm']
    assert [each.name for each in table.rows][:3] == [
        'r=0.25, all K classes',
        'r=0.5, all K classes',
        'r=0.75, all K classes',
    ]
    assert table.columns[-4:] == ['Avg', 'E(0.05)', 'E(0.1)', 'E(0.2)']
    assert row(table, 'r=0.75, classes that occur')['E(0.1)'] == evaluation.rmm[0.75].expected(0.1)


def test_conditions_have_a_row_each_and_the_published_column_of_all_sensors(make_evaluation):
    table = all_tables(make_evaluation('conditions'), 'deliver', 'val')['conditions']
    assert [each.name for each in table.rows] == ['fog (2)', 'night (2)']
    assert table.columns[-1] == 'RobustSeg RDEL'
    assert row(table, 'fog (2)')['RobustSeg RDEL'] == 60.91


def test_class_iou_has_a_row_for_each_class(make_evaluation):
    evaluation = make_evaluation('any_modal')
    table = all_tables(evaluation, 'streets', 'val')['class_iou']
    assert [each.name for each in table.rows] == ['a', 'b', 'c']
    expected = 100 * evaluation.any_modal.counts['rgb',].class_iou()[1]
    assert row(table, 'b')['R'] == pytest.approx(expected)


def test_only_what_was_scored_has_a_table(make_evaluation):
    assert list(all_tables(make_evaluation('nm'), 'streets', 'val')) == ['sensor_failures', 'nm']
