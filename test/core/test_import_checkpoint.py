import pytest
from safetensors.torch import save_file
import torch

from robustseg_core import load_model
from robustseg_core.import_checkpoint import main
from robustseg_core.models.backbones import create_backbone


@pytest.fixture
def source(tmp_path):
    """A file with mmseg's names for the smallest encoder's first weights only."""
    encoder = create_backbone('mit_nano').state_dict()
    path = tmp_path / 'mit.safetensors'
    save_file({'layers.0.0.projection.weight': encoder['stages.0.embed.proj.weight']}, path)
    return path


@pytest.fixture
def nvidia_file(tmp_path):
    """An encoder alone, under NVIDIA's names."""
    theirs = {}
    for name, tensor in create_backbone('mit_nano').state_dict().items():
        _, stage, kind, rest = name.split('.', 3)
        number = int(stage) + 1
        rest = rest.replace('reduce', 'sr').replace('dwconv', 'dwconv.dwconv')
        new = {'embed': 'patch_embed', 'blocks': 'block', 'norm': 'norm'}[kind]
        theirs[f'{new}{number}.{rest}'] = tensor
    path = tmp_path / 'mit.pth'
    torch.save(theirs, path)
    return path


def test_command_converts_and_tells_what_it_did(nvidia_file, tmp_path, capsys):
    target = tmp_path / 'out.safetensors'
    options = ['--labels', 'muses', '--modalities', 'LF', '--resolution', '256', '512', '--half']
    assert main([str(nvidia_file), str(target), *options]) == 0
    config = load_model(target).config
    assert config.labels.name == 'muses'
    assert config.modalities.names == ('rgb', 'lidar')
    assert config.resolution == (256, 512)
    out = capsys.readouterr().out
    assert 'mit_nano, head 256 (freshly initialised, must be trained), 19 classes of muses' in out
    assert 'modalities FL' in out


def test_refusal_is_a_line_and_an_exit_status(source, tmp_path, capsys):
    target = tmp_path / 'out.safetensors'
    assert main([str(source), str(target), '--labels', 'deliver']) == 1
    assert 'no known Mix Transformer: found channels (16,)' in capsys.readouterr().err
    assert main([str(source), str(target), '--labels', 'ade20k']) == 1
    assert "Unknown label set 'ade20k'" in capsys.readouterr().err
    assert not target.exists()
