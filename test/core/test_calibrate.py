"""``python -m robustseg_core.calibrate``, on a handful of small frames."""

import cv2
import numpy as np
import pytest
from safetensors import safe_open
import torch

from robustseg_core.calibrate import main
from robustseg_core.data.nyuv2 import NYUV2_MODALITIES
from robustseg_core.labels import NYU13
from robustseg_core.models.checkpoint import load_model, save_model
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint with random weights and return its path."""

    def write(*, half=False):
        torch.manual_seed(0)
        config = SegmenterConfig(
            backbone='mit_nano',
            head_width=8,
            labels=NYU13,
            modalities=NYUV2_MODALITIES,
            resolution=(32, 32),
        )
        path = tmp_path / 'model.safetensors'
        save_model(MultimodalSegmenter(config), path, half=half)
        return path

    return write


@pytest.fixture
def indoor(tmp_path):
    """A folder in NYUv2's layout: four frames to train on."""
    root = tmp_path / 'nyuv2'
    generator = np.random.default_rng(0)
    for folder in ('rgb', 'depth', 'label13'):
        (root / folder).mkdir(parents=True)
    for index in range(30, 34):
        depth, labels = (
            generator.integers(low, high, (32, 32), np.uint8) for low, high in ((20, 99), (0, 13))
        )
        cv2.imwrite(str(root / f'rgb/{index:04d}.jpg'), np.full((32, 32, 3), index, np.uint8))
        cv2.imwrite(str(root / f'depth/{index:04d}.png'), depth)
        cv2.imwrite(str(root / f'label13/{index:04d}.png'), labels)
    return root


@pytest.fixture
def calibrate(tmp_path, indoor, capfd):
    """Run the command; return its status, and what it said of errors."""

    def run(checkpoint, *options):
        settings = ['data.kind=nyuv2', f'data.root={indoor}', 'data.size=[32,32]']
        out = tmp_path / 'out.safetensors'
        status = main(['--checkpoint', str(checkpoint), '--out', str(out), *options, *settings])
        assert (status == 0) == out.exists()
        return status, capfd.readouterr().err

    return run


def tensors(path):
    with safe_open(path, framework='pt') as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- no dict


@pytest.mark.parametrize('half', [False, True])
@pytest.mark.parametrize('options', [(), ('--undo',), ('--values-only',)])
def test_no_weight_is_changed_nor_its_precision(checkpoint, calibrate, tmp_path, half, options):
    source = checkpoint(half=half)
    assert calibrate(source, *options)[0] == 0
    before, after = tensors(source), tensors(tmp_path / 'out.safetensors')
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype, name
        assert torch.equal(after[name], tensor), name
    added = set() if options else {'head.norm.subset_mean', 'head.norm.subset_var'}
    assert after.keys() - before.keys() == added


def test_the_values_of_the_training_frames_travel_in_the_file(checkpoint, calibrate, tmp_path):
    source = checkpoint()
    assert load_model(source).config.modalities['rgb'].seen is None
    assert calibrate(source, '--values-only')[0] == 0
    result = load_model(tmp_path / 'out.safetensors')
    depth, rgb = result.config.modalities['depth'], result.config.modalities['rgb']
    assert rgb.seen.frames == depth.seen.frames == 4
    assert 29 <= rgb.seen.minimum[0] <= rgb.seen.maximum[0] <= 34  # a JPEG of 30 to 33
    assert depth.seen.maximum[0] == pytest.approx(98 / 25.5, rel=1e-3)  # metres
    assert depth.scale == pytest.approx(1 / 25.5)
    assert result.config.norm_statistics == 'shared'
    # They stay when the statistics are estimated, and when these are taken out.
    (tmp_path / 'out.safetensors').replace(source)
    for option in ((), ('--undo',)):
        assert calibrate(source, *option)[0] == 0
        again = load_model(tmp_path / 'out.safetensors').config.modalities
        assert again['depth'].seen == depth.seen
        (tmp_path / 'out.safetensors').replace(source)


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (['--frames', '-5'], '--frames must be at least 1, got -5.'),
        (['--frames', '0'], '--frames must be at least 1, got 0.'),
        (['--device', 'foo'], "Unknown device 'foo'"),
        (['word'], "['word'] are no key=value"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(checkpoint, calibrate, options, text):
    status, told = calibrate(checkpoint(), *options)
    assert status == 1
    assert told.startswith('robustseg_core.calibrate: ')
    assert text in told
    assert told.count('\n') == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
def test_a_gpu_that_is_not_there_is_told_in_one_line(checkpoint, calibrate):
    status, told = calibrate(checkpoint(), '--device', 'cuda')
    assert status == 1
    assert "Device 'cuda' cannot be used" in told
    assert told.count('\n') == 1


def test_an_unknown_key_comes_with_the_one_that_was_meant(checkpoint, calibrate, capfd):
    with pytest.raises(SystemExit, match='2'):
        calibrate(checkpoint(), 'data.sise=3')
    told = capfd.readouterr().err
    assert told.count('\n') == 1
    assert "unknown setting 'data.sise'; did you mean 'data.size'?" in told


def test_a_label_out_of_range_is_told_in_one_line_by_workers_too(checkpoint, indoor, calibrate):
    cv2.imwrite(str(indoor / 'label13/0031.png'), np.full((32, 32), 77, np.uint8))
    lines = [calibrate(checkpoint(), f'workers={workers}') for workers in (0, 1)]
    assert lines[0] == lines[1]
    status, told = lines[0]
    assert status == 1
    assert '77' in told
    assert told.count('\n') == 1
