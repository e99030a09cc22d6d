"""Each switch of stage 2 gives the term that it names, here by the term's own function."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from robustseg_core.data.sample import Batch
from robustseg_core.distillation.features import (
    View,
    entropy_term,
    hybrid_pairing,
    prototype_term,
)
from robustseg_core.distillation.modality_dropout import visible_modalities
from robustseg_core.distillation.objective import logit_distillation, ohem_cross_entropy
from robustseg_core.distillation.prototypes import one_hot_labels
from robustseg_core.distillation.variation import variation_divergence
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training.building import bear_blank_images
from robustseg_core.training.config import DistillationConfig, StageConfig
from robustseg_core.training.stages import StudentStage, TeacherStage

SENSORS = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', UNIT),
        Modality('depth', 'D', 'linear_depth', UNIT),
        Modality('event', 'E', 'rgb', UNIT),
    )
)
NAMES = SENSORS.names
SHOWN = ('depth', 'event')
CLASSES = 3
SIZE = (64, 64)
PAIRINGS = {
    'same': {name: name for name in NAMES},
    'hybrid': {'rgb': 'depth', 'depth': 'event', 'event': 'rgb'},
    'index_order': {'depth': 'rgb', 'event': 'depth'},
}
ALL_TERMS = {
    'ce_weight': 0.5,
    'logit_weight': 7.0,
    'prototype_weight': 5.0,
    'entropy_weight': 3.0,
    'variation_weight': 2.0,
}
OFF = dict.fromkeys(ALL_TERMS, 0.0)


def make_model(seed: int, **changes: Any) -> MultimodalSegmenter:
    torch.manual_seed(seed)
    config = SegmenterConfig(
        backbone='mit_nano',
        head_width=8,
        labels=LabelSet('three', ('a', 'b', 'c'), ((0, 0, 0), (99, 0, 0), (255, 255, 255))),
        modalities=SENSORS,
        resolution=SIZE,
        **changes,
    )
    model = MultimodalSegmenter(config)
    bear_blank_images(model)
    return model


def make_stage(**settings: Any) -> StudentStage:
    """Return a stage whose student draws nothing: what is random are the switches alone."""
    student, teacher = make_model(1), make_model(2)
    return StudentStage(
        student, teacher, StageConfig(), DistillationConfig(**settings), seed=0
    ).eval()


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(
        images={name: torch.randn(2, 3, *SIZE, generator=generator) for name in NAMES},
        availability=torch.ones(2, len(NAMES), dtype=torch.bool),
        labels=torch.randint(0, CLASSES, (2, *SIZE), generator=generator),
        ids=['0', '1'],
        conditions=['sun'] * 2,
    )


@cache
def telling_seed() -> int:
    """Return a seed that shows SHOWN and permutes as PAIRINGS says: all pairings differ."""
    availability = torch.ones(2, len(NAMES), dtype=torch.bool)
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        visible = visible_modalities(availability, NAMES, 'batch', generator)
        shown = [name for name, there in zip(NAMES, visible[0].tolist(), strict=True) if there]
        pairing = hybrid_pairing(NAMES, generator)
        if shown == list(SHOWN) and pairing == PAIRINGS['hybrid']:
            return seed
    pytest.fail('no seed draws it')


def losses(stage: StudentStage, batch: Batch) -> dict[str, tuple[float, torch.Tensor]]:
    torch.manual_seed(7)  # the entropy term's noise
    return stage.losses(batch, torch.Generator().manual_seed(telling_seed()))


def views(stage: StudentStage, batch: Batch) -> tuple[View, View]:
    """Return what student and teacher make of the batch, the student of SHOWN only."""
    everyone = torch.ones(2, dtype=torch.bool)
    teacher = stage.other_networks()['teacher']
    images = {name: batch['images'][name] for name in SHOWN}
    shown = {name: everyone if name in SHOWN else ~everyone for name in NAMES}
    return (
        View(stage.segmenter.encode_present(images), shown),
        View(teacher.encode_present(batch['images']), dict.fromkeys(NAMES, everyone)),
    )


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    assert expected > 0, 'zero would tell nothing'


def test_cross_entropy_and_logit_term_are_those_of_the_two_networks_outputs(batch) -> None:
    stage = make_stage(ce_weight=0.5)
    terms = losses(stage, batch)
    logits = stage.segmenter({name: batch['images'][name] for name in SHOWN})
    target = stage.other_networks()['teacher'](batch['images'])
    assert_equal(terms['ce'][1], ohem_cross_entropy(logits, batch['labels']))
    assert_equal(terms['logit_kl'][1], logit_distillation(logits, target))
    assert (terms['ce'][0], terms['logit_kl'][0]) == (0.5, 50.0)


@pytest.mark.parametrize('second', [False, True])
@pytest.mark.parametrize('pairing', PAIRINGS)
def test_prototypes_are_paired_and_divided_as_asked(batch, pairing: str, second: bool) -> None:
    stage = make_stage(
        prototype_weight=1.0,
        prototype_pairing=pairing,
        legacy_second_division=second,
        entropy_pairing='same' if pairing == 'hybrid' else 'hybrid',
    )
    values = {
        (name, legacy): prototype_term(
            *views(stage, batch), batch['labels'], CLASSES, PAIRINGS[name], legacy=legacy
        )
        for name in PAIRINGS
        for legacy in (False, True)
    }
    assert len({round(value.item(), 9) for value in values.values()}) == 6, 'all can be told apart'
    assert_equal(losses(stage, batch)['prototype'][1], values[pairing, second])


@pytest.mark.parametrize('pairing', ['same', 'hybrid'])
def test_entropy_is_paired_as_asked(batch, pairing: str) -> None:
    other = 'same' if pairing == 'hybrid' else 'hybrid'
    stage = make_stage(entropy_weight=1.0, entropy_pairing=pairing, prototype_pairing=other)
    values = {}
    for name in (pairing, other):
        torch.manual_seed(7)
        values[name] = entropy_term(*views(stage, batch), PAIRINGS[name])
    assert values[pairing].item() != pytest.approx(values[other].item(), rel=1e-3)
    assert_equal(losses(stage, batch)['entropy'][1], values[pairing])


def test_variation_is_the_sum_over_all_four_fused_maps(batch) -> None:
    stage = make_stage(variation_weight=1.0)
    ours, theirs = (
        network.fuse([each.maps for each in view.encoded.values()])
        for network, view in zip(
            (stage.segmenter, stage.other_networks()['teacher']), views(stage, batch), strict=True
        )
    )
    parts = []
    for student, teacher in zip(ours, theirs, strict=True):
        one_hot = one_hot_labels(batch['labels'], CLASSES, tuple(student.shape[2:]))
        parts.append(variation_divergence(student, teacher, one_hot).mean())
    assert len(parts) == 4
    assert min(parts) > 0
    assert_equal(losses(stage, batch)['variation'][1], sum(parts))


def test_the_teacher_normalises_each_sample_by_its_subset(batch) -> None:
    stage = make_stage()
    teacher = make_model(2, norm_statistics='subset').eval()
    torch.manual_seed(3)
    for name, buffer in teacher.named_buffers():
        if name.endswith(('subset_mean', 'subset_var')):
            buffer.uniform_(0.5, 2.0)
    stage = StudentStage(
        stage.segmenter, teacher, StageConfig(), DistillationConfig(dropout='none'), seed=0
    ).eval()
    batch['availability'] = torch.tensor([[True, True, True], [True, False, True]])
    logits = stage.segmenter(batch['images'], batch['availability'])
    target = torch.cat(
        [
            teacher({name: batch['images'][name][row : row + 1] for name in names})
            for row, names in enumerate([NAMES, ('rgb', 'event')])
        ]
    )
    reference = F.kl_div(logits.log_softmax(1), target.softmax(1), reduction='none').mean()
    assert_equal(losses(stage, batch)['logit_kl'][1], reference)


@pytest.mark.parametrize('alone', ALL_TERMS)
def test_a_term_alone_is_all_there_is_and_reaches_every_parameter(batch, alone: str) -> None:
    """Other processes would wait for a gradient that is missing."""
    stage = make_stage(**{**OFF, alone: 2.0}, entropy_pairing='hybrid')
    # A batch that compares no pair: rgb would learn from depth, which nobody has.
    lacking = {**batch, 'availability': torch.tensor([[True, False, False]] * 2)}
    for each in (batch, lacking):
        stage.zero_grad()
        [(name, (weight, value))] = losses(stage, each).items()
        assert alone == f'{name.removesuffix("_kl")}_weight'
        assert weight == 2.0
        value.backward()
        for parameter_name, parameter in stage.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name


def test_a_step_is_the_weighted_sum_and_logs_the_plain_values(
    batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage(**ALL_TERMS)
    group = {'lr': 0.1}
    stage._trainer = SimpleNamespace(  # type: ignore[assignment]
        world_size=1,
        global_rank=0,
        current_epoch=0,
        optimizers=[SimpleNamespace(param_groups=[group])],
    )
    logged: dict[str, float] = {}
    monkeypatch.setattr(stage, 'log_dict', lambda values, **_: logged.update(values))
    monkeypatch.setattr(stage, 'log', lambda name, value, **_: logged.update({name: value}))
    made = stage.training_step(batch, 0)
    total = made['loss']
    weights = {'ce': 0.5, 'logit_kl': 7.0, 'prototype': 5.0, 'entropy': 3.0, 'variation': 2.0}
    assert logged.keys() == {*weights, 'loss', 'lr'}
    expected = sum(weight * logged[name].item() for name, weight in weights.items())
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert logged['loss'].item() == total.item()
    assert made['terms'] == {name: logged[name] for name in weights}
    assert not logged['loss'].requires_grad
    assert total.requires_grad


@pytest.mark.parametrize(('power', 'margin'), [(0.9, 1.0), (0.9, 0.0), (2.0, 0.0), (0.5, 3.0)])
def test_the_rate_decays_with_the_power_and_beyond_the_last_step(
    power: float, margin: float
) -> None:
    config = StageConfig(epochs=20, warmup_epochs=2, poly_power=power, decay_margin=margin, lr=1.0)
    stage = TeacherStage(make_model(0), config, seed=0)
    stage._trainer = SimpleNamespace(estimated_stepping_batches=200)  # type: ignore[assignment]
    _, [schedule] = stage.configure_optimizers()
    [factor, _] = schedule['scheduler'].lr_lambdas
    assert factor(20) == 1.0, 'two epochs of ten steps'
    for step in (70, 110, 200):
        length = 10 * (20 + margin) - 20
        assert factor(step) == pytest.approx((1 - (step - 20) / length) ** power)


def test_norms_freeze_when_their_epoch_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning sets the mode once, at the start; the stage must do so at each epoch."""
    model = make_model(0)
    norm = torch.nn.BatchNorm2d(3)
    model.encoder.add_module('norm', norm)
    monkeypatch.setattr(TeacherStage, 'current_epoch', 0)
    stage = TeacherStage(model, StageConfig(), seed=0, freeze_norm_after=1).train()
    for epoch, adapting in ((0, True), (1, False), (2, False)):
        monkeypatch.setattr(TeacherStage, 'current_epoch', epoch)
        stage.on_train_epoch_start()
        assert norm.training == adapting
        assert model.head.training, 'the head goes on'
