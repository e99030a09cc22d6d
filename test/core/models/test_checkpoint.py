import json
from pathlib import Path
import subprocess
import sys

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file
import torch

import robustseg_core
from robustseg_core import load_model, save_model
from robustseg_core.errors import CheckpointError, WriteError


@pytest.fixture
def saved(make_model, tmp_path) -> Path:
    path = tmp_path / 'model.safetensors'
    save_model(make_model(), path)
    return path


def rewrite(path, *, tensors=None, **changes):
    """Write the checkpoint anew with other weights, or other entries of its header."""
    with safe_open(path, 'pt') as file:
        content = json.loads(file.metadata()['robustseg'])
    save_file(
        load_file(path) if tensors is None else tensors,
        path,
        {'robustseg': json.dumps({**content, **changes})},
    )


@torch.no_grad()
def test_model_survives_the_file(make_model, images, tmp_path):
    model = make_model(missing='zero', resolution=(96, 160)).train()
    model.provenance = {'trained_on': {'data': 'streets', 'steps': 3}, 'evaluated_on': None}
    save_model(model, tmp_path / 'model.safetensors')
    loaded = load_model(tmp_path / 'model.safetensors')
    assert loaded.config == model.config
    assert loaded.provenance == model.provenance
    assert not loaded.training
    assert torch.equal(loaded(images), model.eval()(images))


@torch.no_grad()
def test_half_file_is_half_as_big_and_loads_as_float32(make_model, images, tmp_path):
    model = make_model(head_width=128)
    whole, half = tmp_path / 'whole.safetensors', tmp_path / 'half.safetensors'
    save_model(model, whole)
    save_model(model, half, half=True)
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    loaded = load_model(half)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.head.norm.running_var, model.head.norm.running_var)
    torch.testing.assert_close(loaded(images), model(images), rtol=0, atol=0.05)


def test_a_header_whose_length_starts_like_a_pickle_is_read(make_model, tmp_path):
    model, path = make_model(), tmp_path / 'model.safetensors'
    for filler in range(300):  # headers are padded to 8 bytes: one length in 32 starts with 0x80
        model.provenance = {'note': 'x' * filler}
        save_model(model, path)
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert load_model(path).provenance == model.provenance


def test_model_with_a_timm_backbone_survives_the_file(make_model, tmp_path):
    model = make_model(backbone='resnet18')
    save_model(model, tmp_path / 'model.safetensors')
    loaded = load_model(tmp_path / 'model.safetensors').state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in model.state_dict().items())


def test_weights_that_are_not_finite_are_refused_and_the_old_file_stays(make_model, saved):
    before = saved.read_bytes()
    model = make_model()
    model.head.classifier.bias.data[3] = float('nan')
    with pytest.raises(CheckpointError, match=r"'head\.classifier\.bias' is not finite"):
        save_model(model, saved)
    model.head.classifier.bias.data[3] = 70000.0
    with pytest.raises(CheckpointError, match=r'not finite as torch\.float16'):
        save_model(model, saved, half=True)
    assert saved.read_bytes() == before
    save_model(model, saved)


def test_interrupted_writing_leaves_the_old_file_and_no_litter(make_model, saved, monkeypatch):
    before = saved.read_bytes()
    write = Path.write_bytes

    def full_disk(self, data):
        write(self, data[:1000])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', full_disk)
    with pytest.raises(WriteError, match=r'cannot be written: .*No space left'):
        save_model(make_model(), saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_file_is_readable_like_any_other_new_file(saved):
    other = saved.parent / 'other'
    other.touch()
    assert saved.stat().st_mode == other.stat().st_mode


def test_folder_that_does_not_exist_is_named(make_model, tmp_path):
    with pytest.raises(WriteError, match=r"nowhere/x\.safetensors' cannot be written"):
        save_model(make_model(), tmp_path / 'nowhere' / 'x.safetensors')


def test_folded_model_is_not_saved(make_model, tmp_path):
    with pytest.raises(CheckpointError, match='folded model cannot be saved'):
        save_model(make_model().fold(), tmp_path / 'x.safetensors')


def test_provenance_that_is_not_json_is_refused(make_model, tmp_path):
    model = make_model()
    model.provenance['trained_on'] = tmp_path
    with pytest.raises(CheckpointError, match='provenance is not JSON'):
        save_model(model, tmp_path / 'x.safetensors')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.safetensors' cannot be read: No such"):
        load_model(tmp_path / 'gone.safetensors')


@pytest.mark.parametrize('keep', [0, 5, 100, 20000, -1])
def test_truncated_file_is_refused(keep, saved):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r'model\.safetensors: not a safetensors file, or'):
        load_model(saved)


@pytest.mark.parametrize('zipped', [True, False])
def test_pickle_is_refused_with_the_way_out_and_never_unpickled(zipped, saved, tmp_path):
    marker = tmp_path / 'marker'

    class Malicious:
        def __reduce__(self):
            return Path.touch, (marker,)

    torch.save({'x': Malicious()}, saved, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r'a pickle .* found.*import_checkpoint'):
        load_model(saved)
    assert not marker.exists()


def test_safetensors_of_another_family_is_refused(tmp_path):
    path = tmp_path / 'other.safetensors'
    save_file({'weight': torch.zeros(3)}, path, {'format': 'pt'})
    with pytest.raises(CheckpointError, match=r"no entry 'robustseg', found \['format'\]"):
        load_model(path)


def test_other_format_version_is_refused(saved):
    rewrite(saved, version=7)
    with pytest.raises(CheckpointError, match='format version 7 found, 1 wanted'):
        load_model(saved)


def test_header_that_describes_no_model_is_refused(saved):
    rewrite(saved, config={'backbone': 'mit_b0'})
    with pytest.raises(CheckpointError, match='the metadata describes no model'):
        load_model(saved)


def test_every_weight_must_fit(saved):
    tensors = load_file(saved)
    for index in range(5):
        tensors[f'extra.{index}'] = torch.zeros(1)
    del tensors['head.classifier.bias']
    tensors['head.fuse.weight'] = tensors['head.fuse.weight'][:, :-1].contiguous()
    rewrite(saved, tensors=tensors)
    with pytest.raises(CheckpointError) as caught:
        load_model(saved)
    message = str(caught.value)
    assert str(saved) in message
    assert 'missing head.classifier.bias;' in message
    assert 'unexpected extra.0, extra.1, extra.2 and 2 more' in message
    assert 'head.fuse.weight ((24, 95, 1, 1) found, (24, 96, 1, 1) wanted)' in message


def test_package_imports_without_torch_and_finds_its_functions_late():
    code = (
        'import sys, robustseg_core, robustseg_core.labels\n'
        "assert 'torch' not in sys.modules\n"
        'from robustseg_core import load_model, save_model\n'
        "assert 'torch' in sys.modules\n"
    )
    subprocess.run([sys.executable, '-c', code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'lod_model'"):
        robustseg_core.lod_model  # noqa: B018
