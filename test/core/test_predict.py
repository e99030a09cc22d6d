"""``python -m robustseg_core.predict`` on small files with a tiny random network."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from value_ranges import THERMAL

from robustseg_core.labels import LabelSet
from robustseg_core.modalities import IMAGENET, UNIT, Modality, ModalitySet
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.predict import main
from robustseg_core.sensors.depth import encode_depth
from robustseg_core.sensors.network_input import network_tensor

SIZE = (48, 64)
PALETTE = ((10, 0, 0), (0, 20, 0), (0, 0, 30), (40, 40, 0), (0, 50, 50))
MODALITIES = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', IMAGENET),
        Modality('depth', 'D', 'inverse_log_depth', UNIT),
    )
)


@pytest.fixture(scope='module')
def model() -> MultimodalSegmenter:
    config = SegmenterConfig(
        backbone='mit_nano',
        head_width=16,
        labels=LabelSet('five', ('road', 'sky', 'car', 'tree', 'wall'), PALETTE),
        modalities=MODALITIES,
        resolution=(64, 64),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MultimodalSegmenter(config).eval()
        # Classes that win here and there.
        model.head.norm.running_mean.normal_(std=0.1)
        model.head.classifier.weight.data.normal_(std=1.0)
    return model


@pytest.fixture
def label(model, tmp_path, capsys):
    """Run the command in ``tmp_path``; return its status and what it said."""
    save_model(model, tmp_path / 'tiny.safetensors')

    def run(*arguments, out='masks'):
        options = ['--checkpoint', str(tmp_path / 'tiny.safetensors'), '--device', 'cpu']
        status = main([*options, '--out', str(tmp_path / out), *arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.fixture
def rgb(tmp_path):
    """Three pictures, 0 to 2."""
    folder = tmp_path / 'rgb'
    folder.mkdir()
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f'{index}.png'), cv2.resize(pixels, SIZE[::-1]))
    return folder


@pytest.fixture
def depth(tmp_path):
    """Depth in millimetres, 1 to 3."""
    folder = tmp_path / 'depth'
    folder.mkdir()
    for index in range(1, 4):
        raw = np.random.default_rng(index).integers(300, 9000, (6, 8)).astype(np.uint16)
        cv2.imwrite(str(folder / f'{index}.png'), cv2.resize(raw, SIZE[::-1]))
    return folder


@torch.inference_mode()
def expected(model, **images):
    """Return the class ids by the network itself, not folded, without the engine."""
    tensors = {
        name: network_tensor(image, MODALITIES[name], (64, 64))[None]
        for name, image in images.items()
    }
    encoded = model.encode_present(tensors)
    logits = model.decode(model.fuse([each.maps for each in encoded.values()]), SIZE)
    return logits[0].argmax(dim=0).numpy()


def read_rgb(path):
    return cv2.imread(str(path))[..., ::-1]


def read_depth(path):
    metres = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000
    return encode_depth(metres, 'inverse_log_depth')


def test_every_frame_is_labelled_with_what_it_has(model, label, rgb, depth, tmp_path):
    # Of 48x64, with as many pixels as 64x64: 64x64 after rounding to strides.
    status, said = label(f'depth={depth}', f'rgb={rgb}')
    assert status == 0
    masks = [cv2.imread(str(tmp_path / f'masks/{i}.png'), cv2.IMREAD_UNCHANGED) for i in range(4)]
    images = [
        {'rgb': read_rgb(rgb / '0.png')},
        {'rgb': read_rgb(rgb / '1.png'), 'depth': read_depth(depth / '1.png')},
        {'rgb': read_rgb(rgb / '2.png'), 'depth': read_depth(depth / '2.png')},
        {'depth': read_depth(depth / '3.png')},
    ]
    for mask, each in zip(masks, images, strict=True):
        truth = expected(model, **each)
        assert len(np.unique(truth)) > 1
        assert mask.dtype == np.uint8
        assert mask.shape == SIZE
        assert (mask == truth).mean() > 0.99  # ties may fall either way in a folded head
    assert '4 frames in' in said
    assert 'R: 1, RD: 2, D: 1' in said
    assert "'five'" in said


def test_colours_are_those_of_the_checkpoint(label, rgb, tmp_path):
    assert label(f'rgb={rgb}')[0] == 0
    ids = cv2.imread(str(tmp_path / 'masks/0.png'), cv2.IMREAD_UNCHANGED)
    colours = read_rgb(tmp_path / 'masks/0_colour.png')
    for class_id, colour in enumerate(PALETTE):
        assert (colours[ids == class_id] == colour).all()
    assert not (tmp_path / 'masks/0_overlay.png').exists()


def test_a_single_picture_with_everything_asked_for(label, rgb, tmp_path):
    status, said = label(f'rgb={rgb / "1.png"}', '--overlay', '--confidence')
    assert status == 0
    assert '1 frames' in said
    names = {path.name for path in (tmp_path / 'masks').iterdir()}
    assert names == {'1.png', '1_colour.png', '1_overlay.png', '1_confidence.png'}
    confidence = cv2.imread(str(tmp_path / 'masks/1_confidence.png'), cv2.IMREAD_UNCHANGED)
    # The best of five classes has at least a fifth.
    assert confidence.shape == SIZE
    assert 51 <= confidence.min() < confidence.max() <= 255


def test_the_unit_of_depth_may_be_a_fraction(label, tmp_path):
    metres = np.full(SIZE, 2.0, np.float32)
    metres[:, 30:] = 5.0
    np.save(tmp_path / 'a.npy', metres)
    cv2.imwrite(str(tmp_path / 'a.png'), (metres * 25.5).astype(np.uint8))
    assert label(f'depth={tmp_path / "a.npy"}', out='x')[0] == 0
    assert label(f'depth={tmp_path / "a.png"}', '--scale', 'depth=1/25.5', out='y')[0] == 0
    assert (tmp_path / 'x/a.png').read_bytes() == (tmp_path / 'y/a.png').read_bytes()
    assert label(f'depth={tmp_path / "a.png"}', '--scale', 'depth=0.5', out='z')[0] == 0
    assert (tmp_path / 'x/a.png').read_bytes() != (tmp_path / 'z/a.png').read_bytes()


@pytest.mark.parametrize('unit', ['0', '-1', 'mm', '1/0', 'nan', 'inf'])
def test_a_unit_that_is_none_is_refused(label, unit):
    with pytest.raises(SystemExit, match='2'):
        label('depth=x', '--scale', f'depth={unit}')


@pytest.mark.parametrize(
    ('arguments', 'line'),
    [
        ([], 'Nothing to label: wanted at least one MODALITY=PATH; modalities are rgb, depth.'),
        (['radar=x'], "Unknown modality 'radar'; known are ['rgb', 'depth']."),
        (['rgb'], "'rgb' is no MODALITY=PATH; modalities are rgb, depth."),
        (['rgb='], "'rgb=' is no MODALITY=PATH; modalities are rgb, depth."),
        (['rgb=a', 'rgb=b'], "Modality 'rgb' is given twice, 'a' and 'b'."),
        (['rgb=no/such'], "rgb source 'no/such' does not exist; wanted a file or a folder."),
        (
            ['rgb=x', '--scale', 'rgb=2'],
            '--scale rgb: its files have three channels; wanted one of',
        ),
        (['rgb=x', '--scale', 'radar=2'], "Unknown modality 'radar'"),
        (['rgb=x', '--device', 'abacus'], "Unknown device 'abacus'"),
        (['rgb=x', '--checkpoint', 'no.safetensors'], "'no.safetensors' cannot be read"),
    ],
)
def test_refusal_is_a_line_and_an_exit_status(label, tmp_path, arguments, line):
    status, said = label(*arguments)
    assert status == 1
    assert said.startswith('robustseg_core.predict: ')
    assert line in said
    assert said.count('\n') == 1
    assert not (tmp_path / 'masks').exists()


def test_a_broken_file_is_named_and_what_came_before_it_stays(label, rgb, tmp_path):
    (rgb / '1.png').write_bytes(b'\x89PNG broken')
    status, said = label(f'rgb={rgb}')
    assert status == 1
    assert "1.png' is not a picture" in said
    assert (tmp_path / 'masks/0.png').exists()


def test_masks_are_not_written_among_the_pictures(label, rgb):
    before = sorted(rgb.iterdir())
    status, said = label(f'rgb={rgb}', out='rgb')
    assert status == 1
    assert "holds the input '0.png'" in said
    assert sorted(rgb.iterdir()) == before


def test_without_a_checkpoint_the_embedded_student_is_used(rgb, tmp_path, capsys):
    assert main(['--out', str(tmp_path / 'x'), '--device', 'cpu', f'rgb={rgb / "0.png"}']) == 0
    assert "masks of 'deliver'" in capsys.readouterr().out


def ranged(path, **changes):
    """Write a checkpoint for one thermal camera, trained on kelvin made of hundredths."""
    thermal = replace(THERMAL, **changes)
    torch.manual_seed(0)
    labels = LabelSet('five', ('road', 'sky', 'car', 'tree', 'wall'), PALETTE)
    config = SegmenterConfig(
        backbone='mit_nano',
        head_width=16,
        labels=labels,
        modalities=ModalitySet((thermal,)),
        resolution=(64, 64),
    )
    save_model(MultimodalSegmenter(config), path)


@pytest.fixture
def heat(tmp_path):
    """A picture of hundredths of a kelvin."""
    raw = np.random.default_rng(0).integers(29000, 31000, SIZE).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'heat.png'), raw)
    return tmp_path / 'heat.png'


@pytest.mark.parametrize(
    ('changes', 'options', 'told'),
    [
        ({'scale': 0.01}, [], ''),  # as the files trained on
        ({'scale': None}, ['--scale', 'thermal=0.01'], ''),
        ({'scale': 0.01}, ['--scale', 'thermal=1'], 'likely hundredths for whole units'),
        ({'scale': None}, [], 'multiply by 0.01 (--scale thermal)'),
        ({'scale': 0.01, 'seen': None}, [], 'does not say which values training saw of thermal'),
    ],
)
def test_scale_is_that_of_the_checkpoint_and_other_units_are_told(
    heat, tmp_path, capsys, changes, options, told
):
    ranged(tmp_path / 'thermal.safetensors', **changes)
    options = ['--checkpoint', str(tmp_path / 'thermal.safetensors'), '--device', 'cpu', *options]
    assert main([*options, '--out', str(tmp_path / 'masks'), f'thermal={heat}']) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bool(told)
    assert told in ''.join(lines)
    assert all(line.startswith('robustseg_core.predict: ') for line in lines)
