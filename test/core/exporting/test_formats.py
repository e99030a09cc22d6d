"""The files of a format, opened again."""

from exported_networks import CONFIG, assert_is_the_network
import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.exporting.formats import Target, write_graphs
from robustseg_core.runtime.opening import open_backend


@pytest.mark.parametrize(
    ('wrong', 'text'),
    [
        ({'format': 'tf'}, r"format 'tf'; wanted one of \['onnx'"),
        ({'format': 'onnx', 'precision': 'fp8'}, r"precision 'fp8'; wanted one of \['fp32'"),
        ({'format': 'onnx', 'size': (64, 100)}, 'multiples of 32, got 64x100'),
        ({'format': 'onnx', 'size': (0, 64)}, 'multiples of 32, got 0x64'),
    ],
)
def test_what_cannot_be_made_is_named(wrong, text):
    with pytest.raises(ConfigError, match=text):
        Target(**wrong)


@pytest.mark.parametrize(
    ('file_format', 'library'), [('openvino', 'openvino'), ('onnx', 'onnxruntime')]
)
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_the_files_are_the_network(model, tmp_path, file_format, library, precision):
    pytest.importorskip('onnx', reason='onnx is not installed')
    pytest.importorskip(library, reason=f'{library} is not installed')
    write_graphs(model, Target(file_format, precision), None, tmp_path)
    backend = open_backend(tmp_path, 'cpu')
    assert backend.name == library
    assert_is_the_network(backend, model, tolerance={'fp32': 1e-4, 'fp16': 0.02}[precision])


def test_a_cpu_never_makes_the_heads_full_width(model, tmp_path):
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    write_graphs(model, Target('onnx'), None, tmp_path)
    head = onnx.load(tmp_path / 'head.onnx').graph
    weights = {each.name: each.dims for each in head.initializer}
    channels = [weights[node.input[1]][0] for node in head.node if node.op_type == 'Conv']
    assert len(channels) == 10  # one per map, and the classifier; twice
    assert max(channels) < CONFIG.head_width


def test_tensorrt_gets_float32_and_the_head_in_one_piece(model, tmp_path):
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    write_graphs(model, Target('tensorrt', 'fp16'), None, tmp_path)
    head = onnx.load(tmp_path / 'head.onnx')
    convolutions = [node for node in head.graph.node if node.op_type == 'Conv']
    assert len(convolutions) == 5  # one per map, and the classifier
    kinds = {each.data_type for each in head.graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kinds
