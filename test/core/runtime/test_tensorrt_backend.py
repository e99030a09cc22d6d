"""TensorRT's backend as far as it goes without a GPU: what it asks for, and what it refuses."""

from contextlib import nullcontext
import sys
from types import SimpleNamespace

from exported_networks import CONFIG, make_network, picture
import pytest
import torch

from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.modalities import ModalitySet
from robustseg_core.runtime import tensorrt_backend
from robustseg_core.runtime.graph_description import GraphDescription
from robustseg_core.runtime.onnx_graphs import onnx_graphs, save_onnx
from robustseg_core.runtime.tensorrt_backend import TensorRtBackend

CPU = torch.device('cpu')
CHANNELS, STRIDES = (16, 32, 80, 128), (4, 8, 16, 32)


def test_without_a_gpu_it_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r'needs an NVIDIA GPU.*the device is cpu'):
        TensorRtBackend(tmp_path, CPU, 'fp32', str)


@pytest.mark.parametrize('precision', ['int8', 'fp4'])
def test_a_precision_that_is_not_chosen_here_is_refused(tmp_path, precision):
    with pytest.raises(ConfigError, match=rf"no precision '{precision}'; wanted one of \['fp32'"):
        TensorRtBackend(tmp_path, torch.device('cuda'), precision, str)


class FakeEngine:
    """An engine and its context, which give no numbers: notes what it is given."""

    def __init__(self):
        self.shapes = {}
        self.addressed = set()
        self.refused = ()

    def create_execution_context(self):
        return self

    def set_input_shape(self, name, shape):
        self.shapes[name] = shape
        return name not in self.refused

    def set_tensor_address(self, name, address):
        self.addressed.add(name)

    def get_tensor_shape(self, name):
        return (1,)

    def execute_async_v3(self, stream):
        return True


@pytest.fixture
def opened(monkeypatch):
    """Note what engines are opened, in place of TensorRT and a GPU."""
    found = []

    def opening(file, model, shapes, precision, tell):
        found.append(SimpleNamespace(engine=FakeEngine(), shapes=shapes, precision=precision))
        return found[-1].engine

    monkeypatch.setattr(tensorrt_backend, 'open_engine', opening)
    monkeypatch.setattr(tensorrt_backend, 'check_usable', lambda _: None)
    monkeypatch.setitem(sys.modules, 'tensorrt', SimpleNamespace(__version__='10.9.0'))
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda _: 'a GPU')
    monkeypatch.setattr(torch.cuda, 'device', nullcontext)
    monkeypatch.setattr(torch.cuda, 'current_stream', lambda _: SimpleNamespace(cuda_stream=0))
    return found


@pytest.fixture(scope='module')
def export_of(tmp_path_factory):
    """Write an export, and return its folder."""
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')

    def write(precision='fp32', size=None, model=None):
        model = model or make_network()
        folder = tmp_path_factory.mktemp('export')
        graphs = map(
            onnx.load_model_from_string, onnx_graphs(model, (64, 96), channels_at_a_time=None)
        )
        save_onnx(*graphs, GraphDescription.of(model, 'tensorrt', precision, size), folder)
        return folder

    return write


@pytest.fixture(scope='module')
def folder(export_of):
    return export_of()


def maps_of(batch):
    return [
        torch.zeros(batch, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    ]


def test_its_engines_are_for_one_size_and_several_images(opened, folder):
    backend = TensorRtBackend(folder, CPU, 'bf16', str)
    assert backend.size is None
    backend.encode(picture(batch=2))
    backend.encode(picture(batch=3))
    backend.head(maps_of(1), 4)
    assert [each.precision for each in opened] == ['bf16', 'bf16']
    assert opened[0].shapes == {'image': ((1, 3, 64, 96), (2, 3, 64, 96), (8, 3, 64, 96))}
    assert opened[0].engine.shapes == {'image': (3, 3, 64, 96)}
    assert opened[1].shapes['subset'] == ((1,), (1,), (1,))
    assert opened[1].engine.addressed == {'map1', 'map2', 'map3', 'map4', 'subset', 'logits'}


@pytest.mark.parametrize(('statistics', 'sensors'), [('shared', 3), ('subset', 1)])
def test_a_head_that_knows_no_subsets_is_told_none(opened, export_of, statistics, sensors):
    modalities = ModalitySet(CONFIG.modalities.members[:sensors])
    folder = export_of(model=make_network(statistics, modalities=modalities))
    TensorRtBackend(folder, CPU, 'fp32', str).head(maps_of(1), 0)
    assert opened[0].engine.addressed == {'map1', 'map2', 'map3', 'map4', 'logits'}


def test_more_images_than_engines_are_built_for_are_refused(opened, folder):
    backend = TensorRtBackend(folder, CPU, 'fp32', str)
    for call in (lambda: backend.encode(picture(batch=9)), lambda: backend.head(maps_of(9), 0)):
        with pytest.raises(ConfigError, match='built for 1 to 8 images, got 9'):
            call()
    assert not opened


def test_a_shape_that_an_engine_refuses_is_told(opened, folder):
    backend = TensorRtBackend(folder, CPU, 'fp32', str)
    backend.encode(picture())
    opened[0].engine.refused = ('image',)
    with pytest.raises(RobustSegError, match=r"built for 64x96 refuses 'image' of .*\(1, 3, 64"):
        backend.encode(picture())


def test_int8_is_kept_and_cannot_be_overruled(opened, export_of):
    folder = export_of('int8', (64, 96))
    backend = TensorRtBackend(folder, CPU, 'fp32', str)
    assert backend.precision == 'int8'
    assert backend.size == (64, 96)
    backend.encode(picture())
    assert opened[0].precision == 'int8'
    for precision in ('bf16', 'fp16'):
        with pytest.raises(ConfigError, match=rf"exported in int8, got precision '{precision}'"):
            TensorRtBackend(folder, CPU, precision, str)


def test_what_was_exported_in_float_may_be_computed_in_less(opened, export_of):
    folder = export_of('fp16')
    assert TensorRtBackend(folder, CPU, 'fp32', str).precision == 'fp16'
    assert TensorRtBackend(folder, CPU, 'bf16', str).precision == 'bf16'
