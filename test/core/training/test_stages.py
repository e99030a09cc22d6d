"""The two stages, one step at a time."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from robustseg_core.data.sample import Batch
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training.building import bear_blank_images
from robustseg_core.training.config import DistillationConfig, StageConfig
from robustseg_core.training.stages import Stage, StudentStage, TeacherStage

SENSORS = ModalitySet(
    (Modality('rgb', 'R', 'rgb', UNIT), Modality('depth', 'D', 'linear_depth', UNIT))
)
LABELS = LabelSet('two', ('a', 'b'), ((0, 0, 0), (255, 255, 255)))
ALL_TERMS = {
    'ce_weight': 1.5,
    'logit_weight': 7.0,
    'prototype_weight': 5.0,
    'entropy_weight': 3.0,
    'variation_weight': 2.0,
}


def make_model(seed: int, backbone: str = 'mit_nano', **changes: Any) -> MultimodalSegmenter:
    torch.manual_seed(seed)
    config = SegmenterConfig(
        backbone=backbone,
        head_width=8,
        labels=LABELS,
        modalities=SENSORS,
        resolution=(32, 32),
        **changes,
    )
    model = MultimodalSegmenter(config)
    bear_blank_images(model)
    return model


def make_batch(count: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(
        images={
            name: torch.randn(count, 3, side, side, generator=generator) for name in SENSORS.names
        },
        availability=torch.ones(count, 2, dtype=torch.bool),
        labels=torch.randint(0, 2, (count, side, side), generator=generator),
        ids=[str(index) for index in range(count)],
        conditions=['sun'] * count,
    )


def mixed_batch() -> Batch:
    """A sample with both sensors, one with each alone; what is missing is zero."""
    batch = make_batch(3)
    batch['availability'] = torch.tensor([[True, True], [True, False], [False, True]])
    batch['images']['depth'][1] = 0
    batch['images']['rgb'][2] = 0
    return batch


def make_student(teacher: str = 'mit_nano', missing: Any = 'drop', **terms: Any) -> StudentStage:
    return StudentStage(
        make_model(1, missing=missing),
        make_model(2, teacher, missing=missing),
        StageConfig(),
        DistillationConfig(**terms),
        seed=0,
    ).train()


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shown_by(stage: StudentStage, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Return lists that gather what student and teacher are shown, step by step."""
    seen: dict[str, list[Any]] = {'student': [], 'teacher': []}
    for name, model in (('student', stage.segmenter), ('teacher', stage._frozen[0])):
        encode = model.encode_present

        def spy(images, availability, name=name, encode=encode):
            seen[name].append(availability.tolist())
            return encode(images, availability)

        monkeypatch.setattr(model, 'encode_present', spy)
    return seen


def total(stage: Stage, batch: Batch, seed: int = 0) -> torch.Tensor:
    return torch.stack([w * v for w, v in stage.losses(batch, drawn(seed)).values()]).sum()


def test_defaults_are_the_published_ones() -> None:
    stage = TeacherStage(make_model(0), StageConfig(), seed=0)
    stage._trainer = SimpleNamespace(estimated_stepping_batches=2000)  # type: ignore[assignment]
    [optimizer], [schedule] = stage.configure_optimizers()

    assert type(optimizer) is torch.optim.AdamW
    decayed, plain = optimizer.param_groups
    for group in (decayed, plain):
        assert group['initial_lr'] == 6e-5
        assert group['betas'] == (0.9, 0.999)
        assert group['eps'] == 1e-8
    assert (decayed['weight_decay'], plain['weight_decay']) == (0.01, 0.0)
    assert {p.ndim for p in plain['params']} == {1}
    assert {p.ndim for p in decayed['params']} == {2, 4}
    count = sum(p.numel() for p in stage.segmenter.parameters())
    assert sum(p.numel() for group in (decayed, plain) for p in group['params']) == count
    assert StageConfig().epochs == 200
    assert schedule['interval'] == 'step'
    # 2000 steps are 200 epochs of 10: the peak comes after 10 epochs.
    factor = schedule['scheduler'].lr_lambdas[0]
    assert [factor(0), factor(100)] == [pytest.approx(0.1), 1.0]
    # The decay is laid out for 201 epochs, 191 of them after the warm-up.
    assert factor(2000) == pytest.approx((1 / 191) ** 0.9)


def test_teacher_learns_from_labels_alone() -> None:
    stage = TeacherStage(make_model(0), StageConfig(), seed=0)
    assert list(stage.losses(make_batch(), drawn())) == ['ce']


def test_student_terms_carry_their_weights() -> None:
    terms = make_student(**ALL_TERMS).losses(make_batch(), drawn())
    assert {name: weight for name, (weight, _) in terms.items()} == {
        'ce': 1.5,
        'logit_kl': 7.0,
        'prototype': 5.0,
        'entropy': 3.0,
        'variation': 2.0,
    }
    plain = make_student(logit_weight=0.0).losses(make_batch(), drawn())
    assert [(name, weight) for name, (weight, _) in plain.items()] == [('ce', 1.0)]


def test_the_teacher_stays_frozen_and_in_eval_mode() -> None:
    stage = make_student()
    teacher = stage._frozen[0]
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    total(stage, make_batch()).backward()

    assert not any(module.training for module in teacher.modules())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    for key, value in teacher.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert not any(key.startswith('_frozen') for key in stage.state_dict())


def test_the_student_misses_sensors_the_teacher_never_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = make_student()
    seen = shown_by(stage, monkeypatch)
    for seed in range(12):
        stage.losses(make_batch(), drawn(seed))
    assert all(row == [True, True] for rows in seen['teacher'] for row in rows)
    assert {tuple(row) for rows in seen['student'] for row in rows} == {
        (True, True),
        (True, False),
        (False, True),
    }
    assert all(first == second for first, second in seen['student']), 'one subset per batch'


def test_dropout_per_sample_depends_on_the_place_in_the_step_not_on_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = make_student(dropout='sample')
    seen = shown_by(stage, monkeypatch)['student']
    for seed in range(4):
        stage.losses(make_batch(6), drawn(seed))
        stage.losses(make_batch(2), drawn(seed), first=0)
        stage.losses(make_batch(4), drawn(seed), first=2)
    for whole, head, tail in zip(seen[::3], seen[1::3], seen[2::3], strict=True):
        assert whole == head + tail
    assert len({tuple(row) for row in seen[0]}) > 1, 'samples differ'
    assert seen[0] != seen[3], 'steps differ'


@pytest.mark.parametrize('missing', ['drop', 'zero'])
@pytest.mark.parametrize('dropout', ['batch', 'sample', 'none'])
def test_batches_may_mix_sensors_in_both_stages(
    missing: str, dropout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = mixed_batch()
    teacher = TeacherStage(make_model(0, missing=missing), StageConfig(), seed=0).train()
    student = make_student(missing=missing, dropout=dropout, **ALL_TERMS)
    seen = shown_by(student, monkeypatch)
    for stage in (teacher, student):
        for seed in range(4):
            stage.zero_grad()
            total(stage, batch, seed).backward()
            for name, parameter in stage.named_parameters():
                assert parameter.grad is not None, name
                assert parameter.grad.isfinite().all(), name
    there = batch['availability'].tolist()
    assert seen['teacher'] == [there] * 4, 'the teacher sees what there is'
    for rows in seen['student']:
        for row, present in zip(rows, there, strict=True):
            assert any(row)
            assert not any(ours and not theirs for ours, theirs in zip(row, present, strict=True))


@pytest.mark.parametrize('missing', ['drop', 'zero'])
def test_what_a_sample_lacks_has_no_influence(missing: str) -> None:
    clean, dirty = mixed_batch(), mixed_batch()
    dirty['images']['depth'][1] = float('nan')
    dirty['images']['rgb'][2] = float('nan')
    for batch in (clean, dirty):
        batch['labels'][0] = 255
    stages = [
        TeacherStage(make_model(0, missing=missing, dropout=0.0), StageConfig(), seed=0),
        make_student(missing=missing, **ALL_TERMS).eval(),
    ]
    for stage in stages:
        values = []
        for batch in (clean, dirty):
            torch.manual_seed(0)
            values.append(total(stage.eval(), batch))
        torch.testing.assert_close(values[0], values[1], rtol=0, atol=0)


def test_a_wider_teacher_is_met_by_projections_that_learn_and_stay_behind() -> None:
    stage = make_student(teacher='mit_b0', logit_weight=0.0, prototype_weight=100.0)
    ours = stage.segmenter.encoder.channels
    theirs = stage._frozen[0].encoder.channels
    assert ours != theirs
    shapes = [tuple(p.shape[:2]) for p in stage.projections.parameters() if p.ndim == 4]
    assert shapes == list(zip(theirs, ours, strict=True))

    optimizer = torch.optim.SGD(stage.parameters(), lr=0.1)
    before = [p.detach().clone() for p in stage.projections.parameters()]
    # 64 pixels: the coarsest map must have both classes.
    total(stage, make_batch(side=64)).backward()
    optimizer.step()
    after = list(stage.projections.parameters())
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(m for m, p in zip(moved, before, strict=True) if p.ndim == 4)
    kept = {key for key in stage.state_dict() if key.startswith('projections.')}
    assert len(kept) == len(before), 'an interrupted run goes on with them'
    fresh = make_model(1).state_dict()
    assert stage.segmenter.state_dict().keys() == fresh.keys(), 'the network has none'


def test_projections_exist_only_where_a_term_compares_features() -> None:
    stage = make_student(teacher='mit_b0', variation_weight=1.0)
    assert not list(stage.projections.parameters())


def test_a_batch_that_compares_no_pair_still_gives_projections_a_gradient() -> None:
    """Other processes would wait for it."""
    stage = make_student(
        teacher='mit_b0',
        prototype_weight=100.0,
        entropy_weight=1.0,
        entropy_pairing='hybrid',
    )
    batch = make_batch()
    batch['availability'] = torch.tensor([[True, False], [True, False]])
    values = []
    for seed in range(8):
        stage.zero_grad()
        terms = stage.losses(batch, drawn(seed))
        values.append(terms['prototype'][1].item())
        torch.stack([weight * value for weight, value in terms.values()]).sum().backward()
        assert all(p.grad is not None for p in stage.parameters())
    assert 0.0 in values, 'some permutation pairs rgb with the depth that nobody has'
    assert any(values)


@pytest.mark.parametrize(('after', 'epoch', 'frozen'), [(0, 0, True), (2, 1, False), (2, 2, True)])
def test_norms_of_the_encoder_are_frozen_after_their_epochs(
    after: int, epoch: int, frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(0, 'resnet18')
    monkeypatch.setattr(TeacherStage, 'current_epoch', epoch)
    TeacherStage(model, StageConfig(), seed=0, freeze_norm_after=after).train()
    norms = [m for m in model.encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert all(norm.training != frozen for norm in norms)
    assert any(m.training for m in model.head.modules() if isinstance(m, torch.nn.BatchNorm2d))
