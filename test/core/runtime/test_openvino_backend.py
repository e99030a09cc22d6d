"""OpenVINO's backend; the reference is the network as it was trained."""

from exported_networks import (
    CONFIG,
    assert_answers_are_kept,
    assert_is_the_network,
    assert_near,
    make_network,
    picture,
)
import pytest
import torch

openvino = pytest.importorskip('openvino', reason='openvino is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from robustseg_core.errors import ConfigError  # noqa: E402
from robustseg_core.modalities import ModalitySet  # noqa: E402
from robustseg_core.runtime.graph_description import GraphDescription  # noqa: E402
from robustseg_core.runtime.openvino_backend import OpenVinoBackend  # noqa: E402
from robustseg_core.runtime.openvino_graphs import openvino_graphs  # noqa: E402
from robustseg_core.runtime.preparation import SIZES_KEPT  # noqa: E402


@pytest.fixture(scope='module')
def model():
    return make_network()


@pytest.fixture(scope='module')
def backend(model):
    return OpenVinoBackend.of(model)


@pytest.mark.parametrize(('size', 'batch'), [((64, 96), 1), ((96, 64), 2)])
def test_the_two_halves_are_the_network(backend, model, size, batch):
    assert_is_the_network(backend, model, size=size, batch=batch)


def test_statistics_shared_by_all_subsets_are_the_networks():
    model = make_network('shared')
    assert_is_the_network(OpenVinoBackend.of(model), model)


@torch.no_grad()
def test_a_single_sensor_has_no_subsets_to_tell_apart():
    model = make_network('subset', modalities=ModalitySet(CONFIG.modalities.members[:1]))
    maps = model.encode(picture())
    expected = model.head(maps, torch.tensor([0]))
    assert_near(OpenVinoBackend.of(model).head(maps, 0), expected, 1e-4)


def test_any_size_is_taken_unless_one_was_asked_for(backend):
    assert backend.size is None


def test_no_tensor_of_the_head_has_its_full_width(backend):
    operations = backend._graphs['head'].get_ops()
    convolutions = [each for each in operations if each.get_type_name() == 'Convolution']
    channels = [each.output(0).partial_shape[1].get_length() for each in convolutions]
    assert sum(channels) == 4 * CONFIG.head_width + 2 * 5  # in two parts, each with its classifier
    assert max(channels) < CONFIG.head_width


@pytest.mark.parametrize('threads', [1, 2])  # one of which it would not choose itself
def test_its_threads_are_as_many_as_torchs(backend, model, threads):
    description = GraphDescription.of(model, 'openvino', 'fp32', None)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        other = OpenVinoBackend(*backend._graphs.values(), description)
    finally:
        torch.set_num_threads(before)
    other.encode(picture(32, 32))
    (compiled,) = other._compiled.values()
    found = compiled._request.get_compiled_model().get_property('INFERENCE_NUM_THREADS')
    assert found == threads


def test_answers_are_kept(backend):
    assert_answers_are_kept(backend)


def test_maps_that_lie_otherwise_in_memory_are_taken_for_what_they_are(backend):
    image = picture()
    strange = image.contiguous(memory_format=torch.channels_last)
    assert torch.equal(backend.encode(strange)[3], backend.encode(image)[3])


class NothingCompiled:
    """Stands for OpenVINO's core: notes the sides of what it should compile."""

    outputs = ()

    def __init__(self):
        self.sides = []

    def compile_model(self, graph, *_):
        self.sides.append(list(graph.inputs[0].shape)[2:])
        return self

    def create_infer_request(self):
        return self

    def infer(self, *_, **__):
        pass


def test_a_size_is_compiled_once_and_few_are_kept(model):
    backend = OpenVinoBackend(*openvino_graphs(model), GraphDescription.of(model, 'x', 'y', None))
    core = backend._core = NothingCompiled()
    for width in (32, 64, 32, 64, 32):
        backend.encode(picture(32, width))
    assert core.sides == [[32, 32], [32, 64]]
    for step in range(2 * SIZES_KEPT):
        backend.encode(picture(32, 96 + 32 * step))
        backend.encode(picture(32, 32))
    assert core.sides.count([32, 32]) == 1  # in use all the time
    backend.encode(picture(32, 64))
    assert core.sides.count([32, 64]) == 2


def test_bfloat16_is_near(model):
    if 'BF16' not in openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
        pytest.skip('this CPU has no bfloat16')
    backend = OpenVinoBackend.of(model, 'bf16')
    assert_is_the_network(backend, model, tolerance=0.1)
    exact = model.encode(picture())[0]
    assert (backend.encode(picture())[0] - exact).abs().max() > 1e-4


def test_a_precision_that_the_cpu_does_not_have_is_refused(model):
    with pytest.raises(ConfigError, match=r"no precision 'fp16'; wanted one of \['fp32'"):
        OpenVinoBackend.of(model, 'fp16')


def test_a_file_of_one_size_refuses_others(model):
    description = GraphDescription.of(model, 'openvino', 'fp32', (64, 96))
    backend = OpenVinoBackend(*openvino_graphs(model, (64, 96)), description)
    assert backend.size == (64, 96)
    with pytest.raises(ConfigError, match='for images of 64x96, got 64x64'):
        backend.encode(picture(64, 64))
