"""Our graphs as OpenVINO's files."""

from exported_networks import make_network
import pytest

openvino = pytest.importorskip('openvino', reason='openvino is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from robustseg_core.errors import CheckpointError  # noqa: E402
from robustseg_core.runtime.graph_description import GraphDescription  # noqa: E402
from robustseg_core.runtime.openvino_graphs import (  # noqa: E402
    openvino_graphs,
    read_openvino,
    save_openvino,
)


@pytest.fixture(scope='module')
def model():
    return make_network()


@pytest.fixture
def folder(model, tmp_path):
    description = GraphDescription.of(model, 'openvino', 'fp32', (64, 96))
    save_openvino(*openvino_graphs(model, (64, 96)), description, tmp_path)
    return tmp_path


def test_what_is_written_is_read(folder, model):
    encoder, head, description = read_openvino(folder)
    assert description == GraphDescription.of(model, 'openvino', 'fp32', (64, 96))
    assert list(encoder.input('image').partial_shape)[2:] == [64, 96]
    assert list(head.input('map3').partial_shape)[1:] == [80, 4, 6]
    assert head.input('subset').element_type == openvino.Type.i64


def test_float16_weights_take_half_the_space(folder, model, tmp_path_factory):
    half = tmp_path_factory.mktemp('half')
    save_openvino(
        *openvino_graphs(model), GraphDescription.of(model, 'openvino', 'fp16', None), half
    )
    sizes = [(each / 'encoder.bin').stat().st_size for each in (half, folder)]
    assert sizes[0] < 0.55 * sizes[1]


def test_files_of_two_exports_are_refused(folder, tmp_path_factory):
    other = make_network('shared')
    strange = tmp_path_factory.mktemp('strange')
    save_openvino(
        *openvino_graphs(other), GraphDescription.of(other, 'openvino', 'fp32', None), strange
    )
    for suffix in ('xml', 'bin'):
        (folder / f'head.{suffix}').write_bytes((strange / f'head.{suffix}').read_bytes())
    with pytest.raises(CheckpointError, match='different exports'):
        read_openvino(folder)


def test_a_damaged_file_is_named(folder):
    (folder / 'head.xml').write_text('<net>')
    with pytest.raises(CheckpointError, match=r'head\.xml: OpenVINO cannot read it'):
        read_openvino(folder)


def test_a_graph_of_somebody_else_is_named(folder):
    text = (folder / 'head.xml').read_text().replace('robustseg', 'else')
    (folder / 'head.xml').write_text(text)
    with pytest.raises(CheckpointError, match=r'head\.xml: no graph of ours'):
        read_openvino(folder)
