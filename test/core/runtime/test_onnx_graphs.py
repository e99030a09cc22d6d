"""Our graphs as ONNX; the reference evaluates them in ONNX Runtime."""

from exported_networks import assert_is_the_network, make_network, picture
import pytest
import torch

onnx = pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from robustseg_core.runtime.graph_description import GraphDescription  # noqa: E402
from robustseg_core.runtime.onnx_graphs import onnx_graphs, save_onnx  # noqa: E402
from robustseg_core.runtime.onnxruntime_backend import OnnxRuntimeBackend  # noqa: E402

CPU = torch.device('cpu')


def sides(graph):
    shapes = {each.name: each.type.tensor_type.shape.dim for each in graph.graph.input}
    return {
        name: [each.dim_value or each.dim_param for each in dims] for name, dims in shapes.items()
    }


@pytest.fixture(scope='module')
def model():
    return make_network()


def test_one_graph_takes_any_size_and_any_batch(model):
    encoder, head = map(onnx.load_model_from_string, onnx_graphs(model, channels_at_a_time=64))
    assert sides(encoder) == {'image': ['batch', 3, 'image_height', 'image_width']}
    assert list(sides(head)) == ['map1', 'map2', 'map3', 'map4', 'subset']
    assert sides(head)['map1'][1] == 16
    assert sides(head)['subset'] == [1]


def test_a_size_that_is_asked_for_is_fixed(model):
    encoder, head = map(
        onnx.load_model_from_string, onnx_graphs(model, (96, 64), channels_at_a_time=64)
    )
    assert sides(encoder) == {'image': ['batch', 3, 96, 64]}
    assert sides(head)['map2'] == ['batch', 32, 12, 8]


def test_half_precision_computes_in_float16_between_float32(model):
    encoder, head = onnx_graphs(model, channels_at_a_time=64, half=True)
    weights = onnx.load_model_from_string(encoder).graph.initializer
    kinds = {each.data_type for each in weights if each.dims and len(each.dims) == 4}
    assert kinds == {onnx.TensorProto.FLOAT16}
    description = GraphDescription.of(model, 'onnx', 'fp16', None)
    backend = OnnxRuntimeBackend(encoder, head, CPU, description)
    assert_is_the_network(backend, model, tolerance=0.02)
    exact = model.encode(picture())[0]
    assert not torch.equal(backend.encode(picture())[0], exact)


def test_the_files_carry_the_description(model, tmp_path):
    description = GraphDescription.of(model, 'onnx', 'fp32', None)
    graphs = map(onnx.load_model_from_string, onnx_graphs(model, channels_at_a_time=64))
    save_onnx(*graphs, description, tmp_path)
    for name in ('encoder.onnx', 'head.onnx'):
        properties = onnx.load(tmp_path / name).metadata_props
        assert {each.key: each.value for each in properties} == {
            'robustseg': description.to_text()
        }
        onnx.checker.check_model(tmp_path / name)
