"""What a checkpoint's own evaluation says of each subset."""

import pytest

from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.runtime.expected import ExpectedScores


def test_the_scores_of_a_subset_are_found_by_its_letters():
    note = {'data': 'streets, split val', 'frames': 7, 'seed': 1}
    note['miou_present_classes'] = {'R': 40.5, 'RD': 50, 'D': None}
    found = ExpectedScores.of({'evaluated_on': note})
    assert (found.data, found.frames) == ('streets, split val', 7)
    assert found.mean_iou('R') == 40.5
    assert found.mean_iou('RD') == 50
    assert found.mean_iou('D') is None, 'no frame had that sensor'
    assert found.mean_iou('RDEL') is None


@pytest.mark.parametrize(
    'note',
    [None, 'streets', 3, [], {}, {'miou_present_classes': [1, 2]}, {'frames': 'many'},
     {'miou_present_classes': {'R': 'good', 'D': float('nan')}}],
)  # fmt: skip
def test_a_note_of_another_kind_says_nothing_and_breaks_nothing(note):
    assert ExpectedScores.of({'evaluated_on': note}).mean_iou('R') is None
    assert ExpectedScores.of({}).mean_iou('R') is None


@pytest.mark.parametrize('name', ['streets_student', 'streets_teacher', 'nyuv2_student'])
def test_every_checkpoint_that_is_shipped_knows_the_worth_of_all_its_subsets(name):
    model = load_model(checkpoint_path(name))
    found = ExpectedScores.of(model.provenance)
    assert found.data, 'data set and split'
    assert found.frames > 100
    modalities = model.config.modalities
    for subset in modalities.subsets():
        value = found.mean_iou(modalities.letters_of(subset))
        assert value is not None, subset
        assert 0 < value < 100
