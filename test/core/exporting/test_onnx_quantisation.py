"""What ONNX Runtime's tool makes int8 of."""

import pytest

onnx = pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from robustseg_core.exporting.calibration import Calibration  # noqa: E402
from robustseg_core.exporting.onnx_quantisation import quantise_onnx  # noqa: E402
from robustseg_core.runtime.onnx_graphs import onnx_graphs  # noqa: E402


@pytest.fixture(scope='module', params=[True, False], ids=['gpu', 'cpu'])
def quantised(request, model, network, make_frames):
    graphs = onnx_graphs(model, (64, 96), channels_at_a_time=None)
    calibration = Calibration(network, make_frames(1))
    models = quantise_onnx(*graphs, calibration, for_gpu=request.param, careful=False)
    return request.param, models


def stored(graph):
    """Return what is dequantised of the numbers that are stored: their types."""
    numbers = {each.name: each.data_type for each in graph.initializer}
    return {
        numbers[node.input[0]]
        for node in graph.node
        if node.op_type == 'DequantizeLinear' and node.input[0] in numbers
    }


def zero_points(graph):
    """Return the types of the activations' zero points."""
    numbers = {each.name: each.data_type for each in graph.initializer}
    return {numbers[node.input[2]] for node in graph.node if node.op_type == 'QuantizeLinear'}


def test_tensorrt_gets_nothing_in_int32(quantised):
    # Its parser refuses such a DequantizeLinear.
    for_gpu, models = quantised
    kinds = {onnx.TensorProto.INT8} | (set() if for_gpu else {onnx.TensorProto.INT32})
    assert all(stored(model.graph) == kinds for model in models)


def test_activations_lie_around_zero_for_tensorrt_only(quantised):
    for_gpu, models = quantised
    kind = onnx.TensorProto.INT8 if for_gpu else onnx.TensorProto.UINT8
    assert all(zero_points(model.graph) == {kind} for model in models)
