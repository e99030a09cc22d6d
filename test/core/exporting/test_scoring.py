"""The mIoU of a backend; the reference is the evaluation of the network."""

from exported_networks import make_network
import pytest

from robustseg_core.errors import DataError
from robustseg_core.evaluation.protocols import evaluate
from robustseg_core.exporting.scoring import score_backend, summary
from robustseg_core.runtime.torch_backend import TorchBackend


@pytest.mark.parametrize(('missing', 'protocol'), [('drop', 'any_modal'), ('zero', 'emm')])
def test_the_scores_are_those_of_the_evaluation(make_frames, missing, protocol):
    model = make_network(missing=missing)
    frames = make_frames(2) + make_frames(1, names=('rgb', 'event'))
    ours = score_backend(TorchBackend(model), frames)
    expected = getattr(evaluate(model, frames, [protocol]), protocol)
    assert ours.frames == 3
    assert ours.scored == expected.scored
    assert ours.mean_ious() == pytest.approx(expected.mean_ious())


def test_the_summary_names_what_counts(network, make_frames):
    found = summary(score_backend(network, make_frames(2)))
    assert list(found['by_subset']) == ['R', 'D', 'E', 'RD', 'RE', 'DE', 'RDE']
    assert found['any_modal'] == pytest.approx(sum(found['by_subset'].values()) / 7)
    assert found['all_modalities'] == found['by_subset']['RDE']


def test_no_frame_is_refused(network):
    with pytest.raises(DataError, match='no frame to score'):
        score_backend(network, [])
