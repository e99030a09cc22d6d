"""ONNX Runtime's backend; the reference is the network as it was trained."""

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

onnx = pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from robustseg_core.errors import CheckpointError, ConfigError  # noqa: E402
from robustseg_core.modalities import ModalitySet  # noqa: E402
from robustseg_core.runtime import onnxruntime_backend  # noqa: E402
from robustseg_core.runtime.graph_description import GraphDescription  # noqa: E402
from robustseg_core.runtime.onnx_graphs import onnx_graphs, save_onnx  # noqa: E402
from robustseg_core.runtime.onnxruntime_backend import OnnxRuntimeBackend  # noqa: E402

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def model():
    return make_network()


@pytest.fixture(scope='module')
def backend(model):
    return OnnxRuntimeBackend.of(model, CPU)


@pytest.fixture(scope='module')
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp('export')
    graphs = map(
        onnx.load_model_from_string, onnx_graphs(model, (64, 96), channels_at_a_time=None)
    )
    save_onnx(*graphs, GraphDescription.of(model, 'onnx', 'fp32', (64, 96)), folder)
    return folder


@pytest.mark.parametrize(('size', 'batch'), [((64, 96), 1), ((128, 64), 3)])
def test_the_two_halves_are_the_network(backend, model, size, batch):
    assert_is_the_network(backend, model, size=size, batch=batch)


def test_statistics_shared_by_all_subsets_are_the_networks():
    model = make_network('shared')
    assert_is_the_network(OnnxRuntimeBackend.of(model, CPU), model)


@torch.no_grad()
def test_a_single_sensor_has_no_subsets_to_tell_apart():
    model = make_network('subset', modalities=ModalitySet(CONFIG.modalities.members[:1]))
    maps = model.encode(picture())
    expected = model.head(maps, torch.tensor([0]))
    assert_near(OnnxRuntimeBackend.of(model, CPU).head(maps, 0), expected, 1e-4)


def test_any_size_is_taken_unless_one_was_asked_for(backend):
    assert backend.size is None


def test_answers_are_kept(backend):
    assert_answers_are_kept(backend)


def test_no_tensor_of_the_head_has_its_full_width(model, monkeypatch):
    made = []

    def noted(*arguments, **options):
        made.append(onnx_graphs(*arguments, **options))
        return made[0]

    monkeypatch.setattr(onnxruntime_backend, 'onnx_graphs', noted)
    OnnxRuntimeBackend.of(model, CPU)
    head = onnx.load_model_from_string(made[0][1]).graph
    weights = {each.name: each.dims for each in head.initializer}
    channels = [weights[node.input[1]][0] for node in head.node if node.op_type == 'Conv']
    assert sum(channels) == 4 * CONFIG.head_width + 2 * 5  # in two parts, each with its classifier
    assert max(channels) < CONFIG.head_width


def test_its_threads_are_as_many_as_torchs_and_leave_the_cores_when_idle(folder):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        backend = OnnxRuntimeBackend.from_folder(folder, CPU)
    finally:
        torch.set_num_threads(before)
    for session in (backend._encoder, backend._head):
        options = session.get_session_options()
        assert options.intra_op_num_threads == 3
        assert options.get_session_config_entry('session.intra_op.allow_spinning') == '0'


def test_memory_is_not_planned_for_every_shape_anew(backend):
    for session in (backend._encoder, backend._head):
        assert not session.get_session_options().enable_mem_pattern


def test_maps_that_lie_otherwise_in_memory_are_taken_for_what_they_are(backend, model):
    image = picture()
    strange = image.contiguous(memory_format=torch.channels_last)
    assert torch.equal(backend.encode(strange)[3], backend.encode(image)[3])


def test_exported_files_say_what_they_are(folder, model):
    backend = OnnxRuntimeBackend.from_folder(folder, CPU)
    assert backend.config == model.config
    assert backend.size == (64, 96)
    assert_is_the_network(backend, model)


def test_a_file_of_one_size_refuses_others(folder):
    with pytest.raises(ConfigError, match='for images of 64x96, got 64x64'):
        OnnxRuntimeBackend.from_folder(folder, CPU).encode(picture(64, 64))


def test_a_gpu_that_the_library_was_not_built_for_is_refused(folder):
    with pytest.raises(ConfigError, match=r"cannot compute on cuda.*\['.*onnxruntime-gpu"):
        OnnxRuntimeBackend.from_folder(folder, torch.device('cuda'))


def test_a_damaged_file_is_named(folder, tmp_path):
    for name in ('encoder.onnx', 'head.onnx'):
        (tmp_path / name).write_bytes(b'no graph')
    with pytest.raises(CheckpointError, match=r'encoder\.onnx: ONNX Runtime cannot read it'):
        OnnxRuntimeBackend.from_folder(tmp_path, CPU)


def test_a_missing_file_is_named(folder, tmp_path):
    with pytest.raises(CheckpointError, match=r"encoder\.onnx' cannot be read"):
        OnnxRuntimeBackend.from_folder(tmp_path, CPU)
