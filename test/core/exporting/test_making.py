"""An export from beginning to end."""

from dataclasses import replace
import json

from exported_networks import assert_is_the_network, make_network
import pytest
import torch

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.exporting import agreement, making
from robustseg_core.exporting.formats import Target
from robustseg_core.exporting.making import ExportFrames, export
from robustseg_core.runtime.opening import open_backend
from robustseg_core.runtime.torch_backend import TorchBackend


def make(model, target, out, **options):
    return export(model, target, out, checkpoint='c', tell=lambda _: None, **options)


def needs(*names):
    for name in ('onnx', *names):
        pytest.importorskip(name, reason=f'{name} is not installed')


@pytest.fixture
def frames(make_frames):
    return ExportFrames(make_frames(3), make_frames(2))


@pytest.mark.parametrize(('file_format', 'library'), [('openvino',) * 2, ('onnx', 'onnxruntime')])
def test_what_agrees_is_written(model, tmp_path, frames, file_format, library):
    needs(library)
    out = tmp_path / 'new' / 'folder'
    report = make(model, Target(file_format, size=(64, 96)), out, frames=frames)
    assert set(report.agreements) == {'noise', 'frames'}
    assert report.agreements['frames'].comparisons == 14
    assert report.agreements['noise'].logits < 1e-5
    assert json.loads((out / 'export.json').read_text())['format'] == file_format
    assert_is_the_network(open_backend(out, 'cpu'), model)
    assert [each.name for each in out.parent.iterdir()] == ['folder']


def test_what_does_not_agree_is_not_written(model, tmp_path, monkeypatch):
    needs('onnxruntime')
    other = make_network()
    other.head.classifier.bias.data[2] += 1.0
    write = making.write_graphs
    monkeypatch.setattr(
        making, 'write_graphs', lambda _, *rest, **options: write(other, *rest, **options)
    )
    with pytest.raises(CheckpointError, match='does not agree with the checkpoint on noise'):
        make(model, Target('onnx'), tmp_path / 'out')
    assert not list(tmp_path.iterdir())


@pytest.fixture
def any_labels(monkeypatch):
    """Random weights label at random: what is looked at is what is done, not how well."""
    monkeypatch.setitem(agreement.BOUNDS, 'int8', replace(agreement.BOUNDS['int8'], labels=0.3))


@pytest.mark.usefixtures('any_labels')
@pytest.mark.parametrize(
    ('file_format', 'library', 'tool', 'weights'),
    [
        ('openvino', 'openvino', 'nncf', 'encoder.bin'),
        ('onnx', 'onnxruntime', 'onnxruntime', 'encoder.onnx'),
    ],
)
def test_int8_is_scored_before_and_after(
    model, tmp_path, frames, monkeypatch, file_format, library, tool, weights
):
    needs(library, tool)
    monkeypatch.setattr(making, 'MOST_LOST', 100)
    report = make(model, Target(file_format, 'int8'), tmp_path / 'out', frames=frames)
    assert set(report.agreements) == {'frames'}
    assert report.agreements['frames'].logits > 1e-4  # something was rounded
    assert (report.calibrated_on, report.scored_on, report.spared) == (3, 2, None)
    assert report.scores['before']['any_modal'] != report.scores['after']['any_modal']
    assert open_backend(tmp_path / 'out', 'cpu').name == library
    # In float32 they would take four bytes each.
    numbers = sum(each.numel() for each in model.encoder.parameters())
    assert (tmp_path / 'out' / weights).stat().st_size < 3 * numbers


@pytest.mark.usefixtures('any_labels')
def test_int8_that_loses_too_much_is_made_again_with_care(model, tmp_path, frames, monkeypatch):
    needs('onnxruntime')
    onnx = pytest.importorskip('onnx')
    monkeypatch.setattr(making, 'MOST_LOST', -100)
    report = make(model, Target('onnx', 'int8'), tmp_path / 'out', frames=frames)
    lost = json.loads((tmp_path / 'out' / 'export.json').read_text())['lost_unless_spared']
    assert report.spared == lost
    assert f'in int8 they brought the loss to {lost:.2f}' in report.markdown()
    head = onnx.load(tmp_path / 'out' / 'head.onnx').graph
    made = {output: node.op_type for node in head.node for output in node.output}
    quantised = {made.get(node.input[0]) for node in head.node if node.op_type == 'QuantizeLinear'}
    assert 'Conv' in quantised
    assert not quantised & {'Resize', 'Add'}
    assert [each.name for each in tmp_path.iterdir()] == ['out']


def test_int8_without_frames_is_refused(model, tmp_path):
    with pytest.raises(ConfigError, match='calibrated on your own frames'):
        make(model, Target('openvino', 'int8'), tmp_path / 'out')


def test_a_folder_in_use_is_left_alone(model, tmp_path):
    (tmp_path / 'precious').touch()
    with pytest.raises(ConfigError, match='is there already'):
        make(model, Target('openvino'), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ['precious']


@pytest.mark.parametrize(
    ('file_format', 'library', 'device', 'text'),
    [
        ('tensorrt', 'onnx', 'cpu', 'needs an NVIDIA GPU'),
        ('openvino', 'openvino', 'cuda', r"checked on device 'cpu' only, got 'cuda'"),
        ('onnx', 'onnxruntime', 'mps', 'ONNX Runtime cannot compute on mps'),
        ('onnx', 'onnxruntime', 'nope', "Unknown device 'nope'"),
    ],
)
def test_a_device_that_will_not_do_is_refused_before_anything_is_made(
    model, tmp_path, monkeypatch, file_format, library, device, text
):
    needs(library)
    monkeypatch.setattr(making, 'write_graphs', None)  # not called
    with pytest.raises(ConfigError, match=text):
        make(model, Target(file_format), tmp_path / 'new' / 'out', device=device)
    assert not list(tmp_path.iterdir())


class Sized(TorchBackend):
    """Stands for TensorRT: notes the sizes, each of which would take two engines."""

    def __init__(self, model):
        super().__init__(model)
        self.sizes = set()

    def encode(self, images):
        self.sizes.add(tuple(images.shape[2:]))
        return super().encode(images)


@pytest.mark.parametrize(
    ('asked', 'shown', 'expected'),
    [
        (None, None, (64, 96)),  # the resolution
        (None, (96, 64), (96, 64)),
        ((128, 64), None, (128, 64)),
    ],
)
def test_tensorrt_builds_engines_for_one_size(
    model, tmp_path, monkeypatch, asked, shown, expected
):
    needs()
    backend = Sized(model)
    monkeypatch.setattr(making, 'check_usable', lambda _: None)
    monkeypatch.setattr(making, 'open_backend', lambda *_: backend)
    frames = None
    if shown is not None:
        batch = {'images': {name: torch.zeros(1, 3, *shown) for name in ('rgb', 'depth')}}
        frames = ExportFrames([], [batch])
    make(model, Target('tensorrt', size=asked), tmp_path / 'out', frames=frames)
    assert backend.sizes == {expected}
