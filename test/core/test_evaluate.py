"""``python -m robustseg_core.evaluate``, on a handful of small frames."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from robustseg_core.data.nyuv2 import NYUV2_MODALITIES
from robustseg_core.data.streets import STREET_MODALITIES
from robustseg_core.evaluate import main
from robustseg_core.labels import DELIVER, NYU13, NYU40
from robustseg_core.models.checkpoint import load_model, save_model
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.runtime.expected import ExpectedScores


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint with random weights and return its path."""

    def write(labels=NYU13, modalities=NYUV2_MODALITIES, missing='drop') -> Path:
        torch.manual_seed(0)
        config = SegmenterConfig(
            backbone='mit_nano',
            head_width=8,
            labels=labels,
            modalities=modalities,
            resolution=(32, 32),
            missing=missing,
        )
        path = tmp_path / 'model.safetensors'
        save_model(MultimodalSegmenter(config), path)
        return path

    return write


@pytest.fixture
def indoor(tmp_path) -> Path:
    """A folder in NYUv2's layout: three frames, the last without depth."""
    root = tmp_path / 'nyuv2'
    generator = np.random.default_rng(0)
    for folder in ('rgb', 'depth', 'label13'):
        (root / folder).mkdir(parents=True)
    for index in range(3):
        name = f'{index:04d}'
        cv2.imwrite(str(root / 'rgb' / f'{name}.jpg'), np.full((48, 64, 3), 99, np.uint8))
        if index < 2:
            depth = generator.integers(20, 200, (48, 64), np.uint8)
            cv2.imwrite(str(root / 'depth' / f'{name}.png'), depth)
        labels = generator.integers(0, 13, (48, 64)).astype(np.uint8)
        cv2.imwrite(str(root / 'label13' / f'{name}.png'), labels)
    return root


def indoor_settings(root: Path) -> list[str]:
    return ['data.kind=nyuv2', f'data.root={root}', 'data.val_split=all', 'data.size=[32,32]']


def test_a_folder_is_scored_by_configuration_alone(checkpoint, indoor, tmp_path, capsys):
    out = tmp_path / 'out'
    config = tmp_path / 'train.yaml'
    # A file of training's: what does not concern the data is read and not used.
    config.write_text(
        'out: runs/elsewhere\nseed: 11\nteacher:\n  epochs: 40\n'
        f'data:\n  kind: nyuv2\n  root: {indoor}\n  size: [32, 32]\n'
    )
    status = main(
        [
            *('--checkpoint', str(checkpoint()), '--config', str(config), '--protocol', 'all'),
            *('--out', str(out), '--no-plots', '--device', 'cpu', 'data.val_split=all'),
        ]
    )

    assert status == 0
    results = json.loads((out / 'results.json').read_text())
    assert results['frames'] == 3
    assert results['subject']['seed'] == 11
    assert results['subject']['split'] == 'all'
    assert results['any_modal']['frames_lacking_a_sensor'] == {'D': 1, 'RD': 1}
    assert set(results) >= {'any_modal', 'emm', 'rmm', 'nm', 'conditions'}
    assert (out / 'report.md').read_text().count('1 of 3 files are missing') == 1
    assert not list(out.glob('*.png'))
    told = capsys.readouterr().out
    assert '| mIoU | R | D | RD | mean |' in told
    assert '1 of 3 files are missing' in told
    assert 'Frames left out because they lack a sensor that is needed: D 1, RD 1.' in told


def test_another_library_can_be_scored(checkpoint, indoor, tmp_path):
    pytest.importorskip('openvino')
    pytest.importorskip('onnx')
    arguments = ['--checkpoint', str(checkpoint()), '--no-plots', *indoor_settings(indoor)]
    scores = {}
    for backend in ('torch', 'openvino'):
        out = tmp_path / backend
        assert main([*arguments, '--out', str(out), '--backend', backend]) == 0
        results = json.loads((out / 'results.json').read_text())
        assert results['subject']['backend'] == backend
        scores[backend] = list(results['any_modal']['miou_all_classes'].values())
    assert scores['openvino'] == pytest.approx(scores['torch'], abs=0.5)


def test_holes_can_be_made_in_the_depth(checkpoint, indoor, tmp_path):
    arguments = ['--checkpoint', str(checkpoint()), '--no-plots', *indoor_settings(indoor)]
    scores = []
    for name, options in (
        ('whole', []),
        ('holes', ['--depth-holes']),
        ('again', ['--depth-holes']),
    ):
        out = tmp_path / name
        assert main([*arguments, '--out', str(out), *options]) == 0
        results = json.loads((out / 'results.json').read_text())
        scores.append(results['any_modal']['miou_all_classes'])
        assert ('holes, drawn with seed' in (out / 'report.md').read_text()) == bool(options)
    whole, holes, again = scores
    assert holes['R'] == whole['R']
    assert holes['D'] != whole['D']
    assert again == holes


def test_another_split_can_be_named(checkpoint, indoor, tmp_path):
    arguments = ['--checkpoint', str(checkpoint()), '--out', str(tmp_path), '--no-plots']
    assert (
        main([*arguments, '--split', 'all', *indoor_settings(indoor)[:2], 'data.size=[32,32]'])
        == 0
    )
    assert json.loads((tmp_path / 'results.json').read_text())['subject']['split'] == 'all'


def test_settings_may_stand_between_the_options(checkpoint, indoor, tmp_path):
    first, *rest = indoor_settings(indoor)
    arguments = ['--checkpoint', str(checkpoint()), first, '--out', str(tmp_path), *rest]
    assert main([*arguments, '--no-plots', 'seed=5']) == 0
    assert json.loads((tmp_path / 'results.json').read_text())['subject']['seed'] == 5


def test_a_checkpoint_of_other_classes_is_refused(checkpoint, indoor, tmp_path, capsys):
    arguments = ['--checkpoint', str(checkpoint(NYU40)), '--out', str(tmp_path / 'out')]
    assert main([*arguments, *indoor_settings(indoor)]) == 1
    message = capsys.readouterr().err
    assert f'knows {len(NYU40)} classes' in message
    assert f'labelled with {len(NYU13)} classes' in message
    assert not (tmp_path / 'out').exists()


def test_the_streets_need_no_configuration(checkpoint, tmp_path):
    path = checkpoint(DELIVER, STREET_MODALITIES)
    settings = ['data.val_count=1', 'data.size=[32,32]']
    assert main(['--checkpoint', str(path), '--out', str(tmp_path), '--no-plots', *settings]) == 0
    results = json.loads((tmp_path / 'results.json').read_text())
    assert len(results['any_modal']['miou_all_classes']) == 15
    assert set(results) == {'subject', 'frames', 'modalities', 'classes', 'any_modal'}


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['--device', 'nonsense'], "Unknown device 'nonsense'"),
        (['--backend', 'tensorrt'], 'runs exported files'),
        (['--backend', 'openvino', 'data.size=[40,32]'], 'multiples of 32 here, got 40x32'),
        (['nonsense'], "['nonsense'] are no key=value"),
        (['--batch-size', '0'], 'batch_size must be at least 1, got 0'),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    checkpoint, indoor, tmp_path, capsys, arguments, text
):
    common = ['--checkpoint', str(checkpoint()), '--out', str(tmp_path / 'out')]
    assert main([*common, *indoor_settings(indoor), *arguments]) == 1
    message = capsys.readouterr().err
    assert text in message
    assert 'Traceback' not in message


def test_an_unknown_key_is_named(checkpoint, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(['--checkpoint', str(checkpoint()), '--out', str(tmp_path), 'data.rot=x'])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert told == (
        'python -m robustseg_core.evaluate: error: '
        "unknown setting 'data.rot'; did you mean 'data.root'?\n"
    )


def test_a_broken_file_is_told_in_one_line_by_workers_too(checkpoint, indoor, tmp_path, capfd):
    picture = indoor / 'rgb' / '0001.jpg'
    picture.write_bytes(picture.read_bytes()[:30])
    arguments = ['--checkpoint', str(checkpoint()), '--out', str(tmp_path / 'out'), '--no-plots']
    lines = []
    for workers in (0, 1):
        assert main([*arguments, *indoor_settings(indoor), f'workers={workers}']) == 1
        lines.append(capfd.readouterr().err)
    assert lines[0] == lines[1]
    assert lines[0].startswith('robustseg_core.evaluate: ')
    assert "0001.jpg'" in lines[0]
    assert lines[0].count('\n') == 1


def test_a_student_trained_on_zeroed_sensors_is_shown_with_them(
    checkpoint, indoor, tmp_path, monkeypatch
):
    shown = {}

    def spy(_evaluation, _subject, gallery, folder):
        shown[folder.name] = {s for f in gallery.frames() for s in f.predictions}
        return ''

    monkeypatch.setattr('robustseg_core.evaluate.write', spy)
    path = str(checkpoint(missing='zero'))
    for protocol in ('emm', 'any_modal', 'rmm'):
        out = str(tmp_path / protocol)
        options = ['--checkpoint', path, '--protocol', protocol, '--out', out]
        assert main([*options, *indoor_settings(indoor)]) == 0
    every = {('rgb',), ('depth',), ('rgb', 'depth')}
    assert shown == {'emm': every, 'any_modal': every, 'rmm': {('rgb', 'depth')}}


def test_scores_go_into_the_checkpoint_where_that_is_wanted(checkpoint, indoor, tmp_path, capsys):
    path = checkpoint()
    weights = load_model(path).state_dict()
    arguments = ['--checkpoint', str(path), '--no-plots', *indoor_settings(indoor)]
    assert main([*arguments, '--out', str(tmp_path / 'out')]) == 0
    assert not ExpectedScores.of(load_model(path).provenance).data, 'only where it is asked for'

    writing = [*arguments, '--out', str(tmp_path / 'out'), '--write-into-checkpoint']
    assert main(writing) == 0
    model = load_model(path)
    found = ExpectedScores.of(model.provenance)
    results = json.loads((tmp_path / 'out/results.json').read_text())
    assert (found.data, found.frames) == ('nyuv2, split all', 3)
    assert found.mean_ious == results['any_modal']['miou_present_classes']
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name

    assert main([*writing, '--depth-holes']) == 0
    found = ExpectedScores.of(load_model(path).provenance)
    assert found.data == 'nyuv2, split all, depth with holes'
    capsys.readouterr()
    assert main([*writing, '--protocol', 'nm']) == 1
    assert "by protocol 'any_modal'; got --protocol 'nm'" in capsys.readouterr().err
    assert main([*writing[2:], '--checkpoint', str(indoor)]) == 1
    assert 'is an export; wanted a checkpoint' in capsys.readouterr().err


def test_what_is_trained_on_zeroed_sensors_notes_how_it_is_used(checkpoint, indoor, tmp_path):
    path = checkpoint(missing='zero')
    arguments = ['--checkpoint', str(path), '--no-plots', *indoor_settings(indoor)]
    writing = [*arguments, '--out', str(tmp_path / 'out'), '--write-into-checkpoint']
    assert main(writing) == 1
    assert main([*writing, '--protocol', 'emm']) == 0
    results = json.loads((tmp_path / 'out/results.json').read_text())
    found = ExpectedScores.of(load_model(path).provenance)
    assert found.mean_ious == results['emm']['miou_present_classes']
