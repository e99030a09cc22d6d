"""Statistics per subset; the reference takes all maps at once."""

import pytest
import torch

from robustseg_core.calibrate import main as calibrate
from robustseg_core.data.sample import Collate
from robustseg_core.errors import DataError
from robustseg_core.models.checkpoint import load_model, save_model
from robustseg_core.train import main as train
from robustseg_core.training.calibration import calibrated, calibration_batches, uncalibrated

NAMES = ('rgb', 'depth', 'event', 'lidar')


def samples(model, present):
    """One sample of 64 x 64 per tuple of names, each at another brightness."""
    generator = torch.Generator().manual_seed(7)
    return [
        {
            'images': {n: torch.randn(3, 64, 64, generator=generator) + number for n in names},
            'labels': torch.zeros(64, 64, dtype=torch.int64),
            'id': str(number),
            'condition': '',
        }
        for number, names in enumerate(present)
    ]


@torch.no_grad()
@pytest.mark.parametrize('missing', ['drop', 'zero'])
def test_statistics_are_those_of_what_the_head_normalises(missing, make_model):
    model = make_model(missing=missing)
    frames = samples(model, [NAMES, NAMES, ('rgb', 'depth', 'lidar'), NAMES, ('rgb',)])
    collate = Collate(model.config.modalities)
    result = calibrated(model, [collate(frames[:3]), collate(frames[3:])])
    assert result.config.norm_statistics == 'subset'
    assert result.provenance['calibrated_on'] == {'frames': 5}
    for subset, used in ((('rgb', 'lidar'), [0, 1, 2, 3]), (NAMES, [0, 1, 3]), (('rgb',), None)):
        chosen = frames if used is None else [frames[index] for index in used]
        images = {name: torch.stack([f['images'][name] for f in chosen]) for name in subset}
        encoded = model.encode_present(images)
        maps = model.head.mix(model.fuse_present(encoded, len(chosen)))
        row = model.config.modalities.subset_index(subset)
        norm = result.head.norm
        expected = maps.mean(dim=(0, 2, 3)), maps.var(dim=(0, 2, 3), correction=0)
        torch.testing.assert_close(norm.subset_mean[row], expected[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(norm.subset_var[row], expected[1], rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_no_weight_changes_and_it_can_be_undone(make_model, images):
    model = make_model()
    before = model(images)
    batch = Collate(model.config.modalities)(samples(model, [NAMES]))
    result = calibrated(model, [batch])
    assert torch.equal(model(images), before)
    assert not torch.allclose(result(images), before, atol=1e-3)
    assert torch.equal(uncalibrated(result)(images), before)
    again = calibrated(result, [batch])
    assert torch.equal(again(images), result(images))


def test_a_subset_that_never_occurs_is_named(make_model):
    model = make_model()
    frames = samples(model, [('rgb', 'depth', 'event'), ('depth', 'lidar')])
    with pytest.raises(DataError, match=r"modalities \['RL', 'EL', .*'RDEL'\]"):
        calibrated(model, [Collate(model.config.modalities)(frames)])


def test_the_frames_are_spread_over_the_data_set(make_model):
    model = make_model()
    frames = samples(model, [NAMES] * 10)

    def chosen(count):
        batches = calibration_batches(frames, model, count)
        return [each for batch in batches for each in batch['ids']]

    assert chosen(4) == ['0', '3', '6', '9']
    assert chosen(99) == [str(number) for number in range(10)]


def test_a_student_is_calibrated_where_that_is_asked_for(tiny, frames_root, tmp_path):
    more = ['distillation.calibration_frames=16', 'student.epochs=1', 'teacher.epochs=1']
    assert train(tiny(frames_root, tmp_path, *more)) == 0
    assert load_model(tmp_path / 'teacher.safetensors').config.norm_statistics == 'shared'
    student = load_model(tmp_path / 'student.safetensors')
    assert student.config.norm_statistics == 'subset'
    assert 'trained_on' in student.provenance
    last = load_model(tmp_path / 'student' / 'last.safetensors')
    assert last.config.norm_statistics == 'shared'
    # As the command makes it of the same network and frames.
    settings = [each for each in tiny(frames_root, tmp_path) if each.startswith('data.')]
    out = tmp_path / 'again.safetensors'
    source = str(tmp_path / 'student' / 'last.safetensors')
    options = ['--checkpoint', source, '--frames', '16', '--out', str(out), *settings]
    assert calibrate(options) == 0
    weights = load_model(out).state_dict()
    for name, expected in student.state_dict().items():
        torch.testing.assert_close(weights[name], expected)
    # A student may start from it.
    more = ['--stage=student', f'distillation.start_from={out}', 'student.epochs=1']
    teacher = f'teacher_checkpoint={tmp_path / "teacher.safetensors"}'
    assert train(tiny(frames_root, tmp_path / 'next', teacher, *more)) == 0


def test_the_command_takes_statistics_out_again(make_model, tmp_path):
    model = make_model()
    batch = Collate(model.config.modalities)(samples(model, [NAMES]))
    save_model(calibrated(model, [batch]), tmp_path / 'in.safetensors')
    out = tmp_path / 'out.safetensors'
    options = ['--checkpoint', str(tmp_path / 'in.safetensors'), '--undo', '--out', str(out)]
    assert calibrate(options) == 0
    assert load_model(out).config.norm_statistics == 'shared'


def test_frames_that_do_not_fit_the_checkpoint_are_refused(
    make_model, frames_root, tmp_path, capsys
):
    save_model(make_model(), tmp_path / 'in.safetensors')
    options = ['--checkpoint', str(tmp_path / 'in.safetensors'), '--out', str(tmp_path / 'out')]
    assert calibrate([*options, 'data.kind=nyuv2', f'data.root={frames_root}']) == 1
    assert 'classes' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
