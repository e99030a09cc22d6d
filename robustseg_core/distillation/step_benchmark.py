"""How long a step of stage 2 takes, beside the same step with the published loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch

from robustseg_core.distillation.timed_step import StepCase, TimedStep, Way
from robustseg_core.errors import ConfigError, RobustSegError

WAYS: tuple[Way, ...] = ('loops', 'products')
TOLERANCE = 1e-3


@dataclass(frozen=True)
class StepReport:
    """The figures of a benchmark.

    Attributes:
        case: What was timed.
        step_ms: Median duration of the whole step, by way.
        terms_ms: Median duration of the terms and their gradients alone, by way.
        difference: Largest relative difference between the ways' values and gradients.
        repeats: How often each was timed.
    """

    case: StepCase
    step_ms: dict[Way, float]
    terms_ms: dict[Way, float]
    difference: float
    repeats: int

    def as_table(self) -> str:
        """Return Markdown: one row per way, and how many times longer the loops take."""
        case = self.case
        ratios = [each['loops'] / each['products'] for each in (self.step_ms, self.terms_ms)]
        rows = [
            f'{case.backbone}, head {case.head_width}, batch {case.batch}, {case.modalities} '
            f'modalities, {case.classes} classes, {case.size[0]}x{case.size[1]}, seed '
            f'{case.seed}, terms: {", ".join(case.terms)}; medians of {self.repeats}. '
            f'Values and gradients differ by at most {self.difference:.0e}.',
            '',
            '| | step (ms) | its terms alone (ms) |',
            '|---|---|---|',
        ]
        rows += [f'| {w} | {self.step_ms[w]:.1f} | {self.terms_ms[w]:.1f} |' for w in WAYS]
        return '\n'.join([*rows, f'| loops / products | {ratios[0]:.2f} | {ratios[1]:.2f} |'])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_step(
    case: StepCase, device: torch.device, repeats: int, timer: Callable[[], float]
) -> StepReport:
    """Time the step and its terms in both ways, in turn.

    Args:
        case: What the step works on.
        device: Where.
        repeats: How often each is timed.
        timer: A time in seconds that never goes back.

    Raises:
        ConfigError: No such backbone, or ``repeats`` is below 1.
        RobustSegError: Loops and products give different values.
    """
    if repeats < 1:
        msg = f'repeats must be >= 1, got {repeats!r}.'
        raise ConfigError(msg)
    step = TimedStep(case, device)
    difference = _difference(step.run('loops', 0), step.run('products', 0))
    whole: dict[Way, list[float]] = {way: [] for way in WAYS}
    alone: dict[Way, list[float]] = {way: [] for way in WAYS}
    for index in range(repeats):
        scene = step.scene(index)
        for way in WAYS:
            times_s = [timer()]
            step.run(way, index)
            times_s.append(timer())
            step.run_terms(way, scene)
            times_s.append(timer())
            whole[way].append((times_s[1] - times_s[0]) * 1000)
            alone[way].append((times_s[2] - times_s[1]) * 1000)
    return StepReport(
        case,
        {way: median(whole[way]) for way in WAYS},
        {way: median(alone[way]) for way in WAYS},
        difference,
        repeats,
    )


def _difference(loops: dict[str, float], products: dict[str, float]) -> float:
    """Return the largest relative difference.

    Raises:
        RobustSegError: It is above the tolerance.
    """
    apart = {
        name: abs(value - products[name]) / max(abs(value), 1e-6) for name, value in loops.items()
    }
    worst = max(apart, key=lambda name: apart[name])
    if apart[worst] > TOLERANCE:
        msg = (
            f'{worst!r} is {loops[worst]!r} by loops and {products[worst]!r} by products; '
            f'they may differ by {TOLERANCE:.0e} of it.'
        )
        raise RobustSegError(msg)
    return apart[worst]
