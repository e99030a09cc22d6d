"""What is left in float where int8 is made with care; NNCF itself is not run."""

import pytest

nncf = pytest.importorskip('nncf', reason='nncf is not installed')
pytest.importorskip('openvino', reason='openvino is not installed')

from robustseg_core.exporting.calibration import Calibration  # noqa: E402
from robustseg_core.exporting.openvino_quantisation import quantise_openvino  # noqa: E402
from robustseg_core.runtime.openvino_graphs import openvino_graphs  # noqa: E402


@pytest.fixture
def asked(monkeypatch):
    """Note what NNCF is asked for instead of doing it."""
    calls = []

    def note(graph, dataset, **options):
        calls.append({'images': len(list(dataset.get_inference_data())), **options})
        return graph

    monkeypatch.setattr(nncf, 'quantize', note)
    return calls


@pytest.mark.parametrize(('careful', 'spared'), [(False, 0), (True, 16)])
def test_care_spares_the_sums_of_the_residual_connections(
    model, network, make_frames, asked, careful, spared
):
    pair = openvino_graphs(model)
    made = quantise_openvino(*pair, Calibration(network, make_frames(2)), careful=careful)
    assert made == pair
    encoder, head = asked
    names = encoder['ignored_scope'].names
    kinds = {each.get_friendly_name(): each.get_type_name() for each in pair[0].get_ops()}
    assert [kinds[name] for name in names] == ['Add'] * spared  # two per block
    assert head['ignored_scope'].names == []
    assert (encoder['images'], encoder['subset_size']) == (6, 6)  # of three sensors
    assert (head['images'], head['subset_size']) == (14, 14)  # of seven subsets
