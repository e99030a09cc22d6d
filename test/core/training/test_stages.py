"""The two stages, one step at a time."""

import pytest
import torch

from robustseg_core.data.sample import Batch
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training.config import DistillationConfig, StageConfig
from robustseg_core.training.stages import StudentStage, TeacherStage, warmup_poly

SENSORS = ModalitySet(
    (Modality('rgb', 'R', 'rgb', UNIT), Modality('depth', 'D', 'linear_depth', UNIT))
)
LABELS = LabelSet('two', ('a', 'b'), ((0, 0, 0), (255, 255, 255)))


def make_model(seed: int) -> MultimodalSegmenter:
    torch.manual_seed(seed)
    config = SegmenterConfig(
        backbone='mit_nano', head_width=8, labels=LABELS, modalities=SENSORS, resolution=(32, 32)
    )
    return MultimodalSegmenter(config)


def make_batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(
        images={name: torch.randn(2, 3, 32, 32, generator=generator) for name in SENSORS.names},
        availability=torch.ones(2, 2, dtype=torch.bool),
        labels=torch.randint(0, 2, (2, 32, 32), generator=generator),
        ids=['a', 'b'],
        conditions=['sun', 'sun'],
    )


def make_student(seed: int = 0, weight: float = 50.0) -> StudentStage:
    distillation = DistillationConfig(logit_weight=weight)
    return StudentStage(
        make_model(1), make_model(2), StageConfig(), distillation, seed=seed
    ).train()


def test_schedule_warms_up_from_a_tenth_and_decays_to_zero() -> None:
    factor = warmup_poly(total_steps=100, warmup_steps=10, power=0.9)
    assert factor(0) == pytest.approx(0.1)
    assert factor(5) == pytest.approx(0.55)
    assert factor(10) == 1
    assert factor(55) == pytest.approx(0.5**0.9)
    assert factor(100) == 0


def test_teacher_learns_from_labels_alone() -> None:
    assert list(TeacherStage(make_model(0), StageConfig()).losses(make_batch())) == ['ce']


def test_student_terms_carry_their_weights() -> None:
    terms = make_student(weight=7.0).losses(make_batch())
    assert {name: weight for name, (weight, _) in terms.items()} == {'ce': 1.0, 'logit_kl': 7.0}


def test_the_teacher_stays_frozen_and_in_eval_mode() -> None:
    stage = make_student()
    teacher = stage._frozen[0]
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    terms = stage.losses(make_batch())
    sum(weight * value for weight, value in terms.values()).backward()

    assert not any(module.training for module in teacher.modules())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    for key, value in teacher.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert not any(key.startswith('_frozen') for key in stage.state_dict())


def test_the_student_misses_sensors_the_teacher_never_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = make_student(seed=3)
    seen: dict[str, list[list[bool]]] = {'student': [], 'teacher': []}
    for name, model in (('student', stage.segmenter), ('teacher', stage._frozen[0])):
        forward = model.forward

        def spy(images, availability, name=name, forward=forward):
            seen[name].append(availability[0].tolist())
            return forward(images, availability)

        monkeypatch.setattr(model, 'forward', spy)
    for _ in range(12):
        stage.losses(make_batch())
    assert {tuple(row) for row in seen['teacher']} == {(True, True)}
    assert {tuple(row) for row in seen['student']} == {(True, True), (True, False), (False, True)}


def test_a_sample_without_the_drawn_sensors_keeps_its_own() -> None:
    stage = make_student(seed=3)
    batch = make_batch()
    batch['availability'] = torch.tensor([[True, False], [False, True]])
    for _ in range(8):
        for _, value in stage.losses(batch).values():
            assert value.isfinite()
