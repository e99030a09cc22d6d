"""Networks and stages of a run."""

from collections.abc import Callable
from dataclasses import replace
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from robustseg_core.errors import ConfigError
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.train import _parse
from robustseg_core.training.building import TrainingNetworks, unused_parameters
from robustseg_core.training.config import TrainConfig
from robustseg_core.training.loading import RunFrames


@pytest.fixture
def config(frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]]) -> TrainConfig:
    return _parse(tiny(frames_root, tmp_path))[2]


def networks(config: TrainConfig) -> TrainingNetworks:
    return TrainingNetworks(config, RunFrames(config.data, 0, 0, lambda _: None))


def segmenter(config: TrainConfig, **changes: object) -> MultimodalSegmenter:
    built = networks(config).stage('teacher').segmenter.config
    return MultimodalSegmenter(replace(built, **changes))


def test_a_stage_has_the_network_it_was_told(config: TrainConfig) -> None:
    model = replace(config.model, dropout=0.25, missing='zero', head_width=12)
    built = networks(replace(config, model=model)).stage('teacher').segmenter.config
    assert (built.dropout, built.missing, built.head_width) == (0.25, 'zero', 12)
    assert built.resolution == (64, 64)
    assert built.modalities.letters == 'RD'


def test_a_network_says_which_values_its_frames_have_and_nothing_is_drawn_for_it(
    config: TrainConfig,
) -> None:
    before = torch.get_rng_state()
    RunFrames(config.data, 0, 0, lambda _: None).seen_modalities()
    assert torch.equal(torch.get_rng_state(), before)
    for modality in networks(config).stage('teacher').segmenter.config.modalities:
        assert modality.seen is not None
        assert modality.seen.frames == 16


def test_the_student_may_begin_as_its_teacher(config: TrainConfig) -> None:
    torch.manual_seed(0)
    teacher = segmenter(config)
    save_model(teacher, config.out / 'teacher.safetensors')
    for start, expected in (('teacher', True), ('fresh', False)):
        distillation = replace(config.distillation, start_from=start)
        stage = networks(replace(config, distillation=distillation)).stage('student')
        head = stage.segmenter.state_dict()['head.classifier.weight']
        assert torch.equal(head, teacher.state_dict()['head.classifier.weight']) is expected


def test_a_teacher_of_other_classes_or_sensors_is_refused(config: TrainConfig) -> None:
    path = config.out / 'teacher.safetensors'
    built = segmenter(config).config
    labels = replace(built.labels, classes=(*built.labels.classes[:-1], 'other'))
    save_model(segmenter(config, labels=labels), path)
    with pytest.raises(ConfigError, match='knows 13 classes'):
        networks(config).stage('student')
    modalities = replace(built.modalities, members=built.modalities.members[::-1])
    save_model(segmenter(config, modalities=modalities), path)
    with pytest.raises(ConfigError, match=r"modalities \['depth', 'rgb'\], the data has \['rgb'"):
        networks(config).stage('student')


def gradient_norm(model: MultimodalSegmenter, images: torch.Tensor) -> float:
    model.zero_grad()
    torch.stack([maps.mean() for maps in model.encode(images)]).sum().backward()
    return torch.stack([each.grad.norm() for each in model.encoder.parameters()]).norm().item()


def test_a_blank_image_does_not_blow_up_the_gradient(config: TrainConfig) -> None:
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    images[1] = 0
    unprepared = segmenter(config).train()
    assert not math.isfinite(gradient_norm(unprepared, images)), 'else it need not be prepared'
    prepared = networks(config).stage('teacher').segmenter
    assert gradient_norm(prepared, images) < 100


class WithSpare(nn.Module):
    """An encoder with a layer that no map depends on."""

    channels = (4, 4, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.spare = nn.Conv2d(4, 4, 1)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return [self.norm(self.used(image))] * 4


def test_parameters_without_a_use_are_found_and_nothing_is_changed(config: TrainConfig) -> None:
    model = segmenter(config)
    assert unused_parameters(model, (32, 32)) == []
    model.encoder = WithSpare()
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert unused_parameters(model, (32, 32)) == ['spare.weight', 'spare.bias']
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_mix_transformers_use_all_they_have(config: TrainConfig) -> None:
    """The search for unused parameters leaves them out."""
    encoder = segmenter(config).encoder
    maps = encoder(torch.rand(1, 3, 32, 32))
    torch.stack([each.sum() for each in maps]).sum().backward()
    assert [name for name, each in encoder.named_parameters() if each.grad is None] == []
