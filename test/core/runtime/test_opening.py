"""Which library computes what."""

import logging

from exported_networks import assert_is_the_network, make_network
import pytest
import torch

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.models.checkpoint import save_model
from robustseg_core.runtime import opening
from robustseg_core.runtime.graph_description import GraphDescription
from robustseg_core.runtime.onnx_graphs import onnx_graphs, save_onnx
from robustseg_core.runtime.opening import open_backend
from robustseg_core.runtime.openvino_graphs import openvino_graphs, save_openvino

INSTALLED = opening.find_spec


@pytest.fixture(scope='module')
def model():
    return make_network()


@pytest.fixture(scope='module')
def checkpoint(model, tmp_path_factory):
    path = tmp_path_factory.mktemp('checkpoint') / 'model.safetensors'
    save_model(model, path)
    return path


@pytest.fixture
def without(monkeypatch):
    """Let packages be not installed."""

    def hide(*names):
        monkeypatch.setattr(
            opening, 'find_spec', lambda name: None if name in names else INSTALLED(name)
        )

    return hide


def needs(*names):
    missing = [name for name in names if INSTALLED(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f'{missing} not installed')


@pytest.mark.parametrize(
    'name',
    [
        'torch',
        pytest.param('openvino', marks=needs('openvino', 'onnx')),
        pytest.param('onnxruntime', marks=needs('onnxruntime', 'onnx')),
    ],
)
def test_a_named_backend_computes_the_checkpoint(checkpoint, model, name):
    backend = open_backend(checkpoint, 'cpu', name)
    assert backend.name == name
    assert backend.config == model.config
    assert backend.device == torch.device('cpu')
    assert_is_the_network(backend, model)


@needs('openvino', 'onnxruntime', 'onnx')
def test_auto_on_a_cpu_takes_the_first_library_that_is_there(checkpoint, without):
    assert open_backend(checkpoint, 'cpu').name == 'openvino'
    without('openvino')
    assert open_backend(checkpoint, 'cpu').name == 'onnxruntime'
    without('openvino', 'onnxruntime')
    assert open_backend(checkpoint, 'cpu').name == 'torch'


@needs('openvino', 'onnx')
def test_auto_falls_back_where_a_library_fails_and_says_so(checkpoint, monkeypatch, caplog):
    def refuse(*_):
        raise RuntimeError('no such operator')

    monkeypatch.setattr(opening.OpenVinoBackend, 'of', refuse)
    monkeypatch.setattr(opening.OnnxRuntimeBackend, 'of', refuse)
    with caplog.at_level(logging.WARNING):
        assert open_backend(checkpoint, 'cpu').name == 'torch'
    assert 'openvino passed over: RuntimeError: no such operator' in caplog.text


def test_what_auto_passed_over_is_told_with_the_reason(checkpoint, without):
    without('openvino', 'onnxruntime')
    told = []
    backend = open_backend(checkpoint, 'cpu', tell_passed_over=told.append)
    assert backend.name == 'torch'
    assert [reason.split()[0] for reason in told] == ['openvino', 'onnxruntime']
    assert 'needs openvino, not installed here: `pip install openvino`' in told[0]


@needs('openvino', 'onnxruntime', 'onnx')
def test_auto_passes_over_a_library_that_does_not_load_and_says_why(
    checkpoint, monkeypatch, caplog
):
    why = "is installed but does not load: SystemError: 'built for another numpy'"
    monkeypatch.setattr(opening, 'load_problem', lambda name: why if name == 'openvino' else '')
    with caplog.at_level(logging.WARNING):
        assert open_backend(checkpoint, 'cpu').name == 'onnxruntime'
    assert f"openvino passed over: Backend 'openvino' needs openvino, which {why}" in caplog.text
    with pytest.raises(ConfigError, match='does not load: SystemError'):
        open_backend(checkpoint, 'cpu', 'openvino')


@pytest.mark.parametrize('error', [SystemError('x'), OSError('x'), AttributeError('x')])
@needs('openvino', 'onnx')
def test_auto_passes_over_a_library_whatever_it_raises(checkpoint, monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(opening.OpenVinoBackend, 'of', refuse)
    told = []
    assert open_backend(checkpoint, 'cpu', tell_passed_over=told.append).name != 'openvino'
    assert told[0] == f'openvino passed over: {type(error).__name__}: x'


def test_auto_on_a_gpu_passes_over_nothing(checkpoint, monkeypatch):
    """Torch is its first choice there."""
    opened = []
    monkeypatch.setattr(opening, 'TorchBackend', lambda model, *rest: opened.append(rest))
    told = []
    open_backend(checkpoint, 'cuda:0', tell_passed_over=told.append)
    assert opened == [('cuda:0', 'fp32')]
    assert not told


def test_auto_takes_torch_for_a_precision_that_only_it_has(checkpoint, without):
    without('openvino', 'onnxruntime')
    assert open_backend(checkpoint, 'cpu', 'auto', 'bf16').name == 'torch'


def test_auto_refuses_a_precision_that_nothing_has(checkpoint):
    with pytest.raises(ConfigError, match="no precision 'int4'"):
        open_backend(checkpoint, 'cpu', 'auto', 'int4')


def test_an_unknown_backend_is_named(checkpoint):
    with pytest.raises(ConfigError, match=r"backend 'tf'; wanted 'auto' or one of \['torch'"):
        open_backend(checkpoint, 'cpu', 'tf')


@pytest.mark.parametrize(
    ('name', 'missing'),
    [('openvino', ['openvino']), ('openvino', ['openvino', 'onnx']), ('onnxruntime', ['onnx'])],
)
def test_libraries_that_are_missing_are_named_with_what_brings_them(
    checkpoint, without, name, missing
):
    without(*missing)
    wanted = (
        f'needs {" and ".join(missing)}, not installed here: `pip install {" ".join(missing)}`'
    )
    with pytest.raises(ConfigError, match=wanted):
        open_backend(checkpoint, 'cpu', name)


@needs('openvino', 'onnx')
def test_openvino_refuses_a_gpu(checkpoint):
    with pytest.raises(ConfigError, match="on device 'cpu' only, got 'cuda"):
        open_backend(checkpoint, 'cuda', 'openvino')


@needs('onnxruntime', 'onnx')
def test_onnxruntime_refuses_another_precision(checkpoint):
    with pytest.raises(ConfigError, match="in 'fp32' only, got 'bf16'"):
        open_backend(checkpoint, 'cpu', 'onnxruntime', 'bf16')


def test_tensorrt_wants_an_export(checkpoint):
    with pytest.raises(ConfigError, match='export --format tensorrt'):
        open_backend(checkpoint, 'cpu', 'tensorrt')


@needs('openvino', 'onnx')
def test_a_folder_of_openvinos_files_is_computed_by_it(model, tmp_path, monkeypatch):
    description = GraphDescription.of(model, 'openvino', 'fp32', None)
    save_openvino(*openvino_graphs(model), description, tmp_path)
    backend = open_backend(tmp_path, 'cpu')
    assert backend.name == 'openvino'
    assert_is_the_network(backend, model)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert open_backend(tmp_path, 'auto').device == torch.device('cpu')
    with pytest.raises(ConfigError, match="exported for openvino, not for backend 'onnxruntime'"):
        open_backend(tmp_path, 'cpu', 'onnxruntime')


@needs('onnxruntime', 'onnx')
def test_a_folder_of_onnx_files_is_computed_by_onnxruntime(model, tmp_path):
    import onnx

    graphs = map(onnx.load_model_from_string, onnx_graphs(model, channels_at_a_time=64))
    save_onnx(*graphs, GraphDescription.of(model, 'onnx', 'fp32', None), tmp_path)
    backend = open_backend(tmp_path, 'cpu')
    assert backend.name == 'onnxruntime'
    assert_is_the_network(backend, model)
    with pytest.raises(ConfigError, match="got precision 'bf16'; wanted 'fp32'"):
        open_backend(tmp_path, 'cpu', 'auto', 'bf16')
    (tmp_path / 'encoder_some.engine').touch()
    with pytest.raises(ConfigError, match=r'needs an NVIDIA GPU'):
        open_backend(tmp_path, 'cpu')


def test_a_folder_without_graphs_is_no_export(tmp_path):
    with pytest.raises(CheckpointError, match=r"no export: it holds neither 'encoder\.xml' nor"):
        open_backend(tmp_path, 'cpu')
