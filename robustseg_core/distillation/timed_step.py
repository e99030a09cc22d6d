"""A step of stage 2 on random weights and images, its terms by products or by loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from robustseg_core.distillation.features import (
    Pairing,
    View,
    entropy_term,
    hybrid_pairing,
    prototype_term,
)
from robustseg_core.distillation.modality_dropout import draw_subset
from robustseg_core.distillation.objective import logit_distillation, ohem_cross_entropy
from robustseg_core.distillation.prototypes import one_hot_labels
from robustseg_core.distillation.step_loops import (
    looped_entropy_term,
    looped_prototype_term,
    looped_variation_term,
)
from robustseg_core.distillation.variation import variation_divergence
from robustseg_core.errors import ConfigError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig

Way = Literal['loops', 'products']
TERMS = ('prototype', 'entropy', 'variation')
CELL = 64  # pixels: a side of the squares of one class that the labels consist of


@dataclass(frozen=True, kw_only=True)
class StepCase:
    """What a step works on.

    Attributes:
        backbone: Encoder of student and teacher, with random weights.
        head_width: Width of their heads.
        batch: Images, > 0.
        modalities: How many, 1 to 26.
        classes: K, 1 to 255.
        size: Height and width of the images, each at least 64.
        terms: Which of ``TERMS`` are computed beside cross-entropy and logit distillation.
        seed: Of weights, images, labels and draws.

    Raises:
        ConfigError: A value is refused.
    """

    backbone: str = 'mit_b0'
    head_width: int = 256
    batch: int = 4
    modalities: int = 4
    classes: int = 25
    size: tuple[int, int] = (256, 256)
    terms: tuple[str, ...] = TERMS
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {'batch': (1, 1024), 'modalities': (1, 26), 'classes': (1, 255)}
        for name, (least, most) in limits.items():
            if not least <= (value := getattr(self, name)) <= most:
                msg = f'{name} must be {least} to {most}, got {value!r}.'
                raise ConfigError(msg)
        if min(self.size) < CELL:
            msg = f'Both sides of size must be at least {CELL}, got {self.size!r}.'
            raise ConfigError(msg)
        if not self.terms or set(self.terms) - set(TERMS):
            msg = f'terms must be some of {TERMS}, got {self.terms!r}.'
            raise ConfigError(msg)


class Scene(NamedTuple):
    """What the terms of a step are computed from."""

    student: View
    teacher: View
    fused: list[Tensor]
    known_fused: list[Tensor]
    labels: Tensor
    pairing: Pairing


class TimedStep:
    """The student's and the teacher's forward pass, the terms, and the way back.

    Args:
        case: What it works on.
        device: Where.

    Raises:
        ConfigError: No such backbone.
    """

    def __init__(self, case: StepCase, device: torch.device) -> None:
        self._case = case
        with torch.random.fork_rng():
            torch.manual_seed(case.seed)
            self._student = _random_network(case).to(device).train()
            self._teacher = _random_network(case).to(device).eval()
        self._teacher.requires_grad_(requires_grad=False)
        self._names = self._student.config.modalities.names
        generator = torch.Generator().manual_seed(case.seed)
        shape = (case.batch, 3, *case.size)
        self._images = {
            name: torch.randn(shape, generator=generator).to(device) for name in self._names
        }
        height, width = (side // CELL for side in case.size)
        cells = torch.randint(case.classes, (case.batch, 1, height, width), generator=generator)
        whole = F.interpolate(cells.float(), case.size, mode='nearest')
        self._labels = whole[:, 0].long().to(device)

    def run(self, way: Way, index: int) -> dict[str, float]:
        """Do step ``index``, which draws the same in either way.

        Returns:
            The value of each term, and the norm of the student's gradient. That they are read
            back waits for a device's queued work.
        """
        torch.manual_seed(self._case.seed + index)
        self._student.zero_grad()
        scene, logits, target = self._forward(index)
        terms = {
            'ce': ohem_cross_entropy(logits, self._labels),
            'logit_kl': logit_distillation(logits, target),
            **self._terms(way, scene),
        }
        torch.autograd.backward(list(terms.values()))
        gradients = [p.grad.norm() for p in self._student.parameters() if p.grad is not None]
        terms['gradient'] = torch.stack(gradients).norm()
        return {name: value.item() for name, value in terms.items()}

    def scene(self, index: int) -> Scene:
        """Return the features of step ``index``, whose gradients end there."""
        with torch.no_grad():
            scene, _, _ = self._forward(index)
        for maps in (*scene.fused, *(m for e in scene.student.encoded.values() for m in e.maps)):
            maps.requires_grad_()
        return scene

    def run_terms(self, way: Way, scene: Scene) -> float:
        """Compute the terms and their gradients at the features; return their sum."""
        total = torch.stack(list(self._terms(way, scene).values())).sum()
        torch.autograd.backward([total])
        return total.item()

    def _terms(self, way: Way, scene: Scene) -> dict[str, Tensor]:
        compute = _PRODUCTS if way == 'products' else _LOOPS
        return {name: compute[name](scene, self._case.classes) for name in self._case.terms}

    def _forward(self, index: int) -> tuple[Scene, Tensor, Tensor]:
        """Return what the terms need, and the logits of student and teacher."""
        generator = torch.Generator().manual_seed(self._case.seed + index)
        batch, size = self._case.batch, self._case.size
        shown = draw_subset(self._names, generator)
        encoded = self._student.encode_present({name: self._images[name] for name in shown})
        fused = self._student.fuse_present(encoded, batch)
        logits = self._student.decode(fused, size)
        with torch.no_grad():
            known = self._teacher.encode_present(self._images)
            known_fused = self._teacher.fuse_present(known, batch)
            target = self._teacher.decode(known_fused, size)
        everyone = torch.ones(batch, dtype=torch.bool, device=logits.device)
        scene = Scene(
            View(encoded, dict.fromkeys(shown, everyone)),
            View(known, dict.fromkeys(self._names, everyone)),
            fused,
            known_fused,
            self._labels,
            hybrid_pairing(self._names, generator),
        )
        return scene, logits, target


def _random_network(case: StepCase) -> MultimodalSegmenter:
    letters = [chr(ord('A') + index) for index in range(case.modalities)]
    sensors = tuple(Modality(letter.lower(), letter, 'rgb', UNIT) for letter in letters)
    classes = tuple(f'class {index}' for index in range(case.classes))
    palette = tuple((index, index, index) for index in range(case.classes))
    return MultimodalSegmenter(
        SegmenterConfig(
            backbone=case.backbone,
            head_width=case.head_width,
            labels=LabelSet('benchmark', classes, palette),
            modalities=ModalitySet(sensors),
        )
    )


def _variation(scene: Scene, num_classes: int) -> Tensor:
    values = [
        variation_divergence(
            ours,
            theirs,
            one_hot_labels(scene.labels, num_classes, (ours.shape[2], ours.shape[3])),
        ).mean()
        for ours, theirs in zip(scene.fused, scene.known_fused, strict=True)
    ]
    return torch.stack(values).sum()


_PRODUCTS: dict[str, Callable[[Scene, int], Tensor]] = {
    'prototype': lambda s, k: prototype_term(s.student, s.teacher, s.labels, k, s.pairing),
    'entropy': lambda s, _: entropy_term(s.student, s.teacher, s.pairing),
    'variation': _variation,
}
_LOOPS: dict[str, Callable[[Scene, int], Tensor]] = {
    'prototype': lambda s, k: looped_prototype_term(s.student, s.teacher, s.labels, k, s.pairing),
    'entropy': lambda s, _: looped_entropy_term(s.student, s.teacher, s.pairing),
    'variation': lambda s, k: looped_variation_term(s.fused, s.known_fused, s.labels, k),
}
