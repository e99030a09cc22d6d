"""Our engine beside Hugging Face's SegFormer and the published network, in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from robustseg_core.benchmarking.contestants import Entry, write_weights
from robustseg_core.benchmarking.process import Case, ContestantProcess, Run
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.models.importers.protocols import published_modalities
from robustseg_core.runtime.measure import Machine, Timing, machine

BASELINE = Entry('published')
FEWEST = 3  # runs of a case, however slow
MODALITIES = 4
# Half-precision arithmetic decides otherwise where two classes are nearly alike.
AGREEMENT = {'fp32': 0.999, 'bf16': 0.9, 'fp16': 0.9}


@dataclass(frozen=True)
class Score:
    """One contestant at one case.

    Attributes:
        name: Who.
        size: Side of the square images, in pixels.
        modalities: Of a frame.
        frame: From all images to the mask.
        last: From the last image to the mask.
        peak_mb: Largest memory beside the loaded network.
        agreement: Share of pixels with the published network's class.
    """

    name: str
    size: int
    modalities: int
    frame: Timing
    last: Timing
    peak_mb: float
    agreement: float


@dataclass(frozen=True)
class Comparison:
    """The figures of one run and what they belong to.

    Attributes:
        model: The network.
        machine: Where.
        scores: Of every contestant that could take part, at every case.
        absent: Who could not, and why.
    """

    model: str
    machine: Machine
    scores: tuple[Score, ...]
    absent: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def as_tables(self) -> str:
        """Return Markdown: a table per case, with ratios to the published network."""
        lines = [f'{self.model}; {self.machine}.', *self.absent]
        for size, modalities in dict.fromkeys((s.size, s.modalities) for s in self.scores):
            group = [s for s in self.scores if (s.size, s.modalities) == (size, modalities)]
            base = group[0]
            lines += [
                '',
                f'{size}x{size}, {modalities} of 4 modalities:',
                '',
                '| | frame p50 / p99 (ms) | x | last image to mask p50 / p99 (ms) | x '
                '| memory (MB) | x | same class |',
                '|---|---|---|---|---|---|---|---|',
            ]
            lines += [
                f'| {s.name} | {s.frame.p50_ms:.1f} / {s.frame.p99_ms:.1f} '
                f'| {base.frame.p50_ms / s.frame.p50_ms:.1f} '
                f'| {s.last.p50_ms:.1f} / {s.last.p99_ms:.1f} '
                f'| {base.last.p50_ms / s.last.p50_ms:.1f} '
                f'| {s.peak_mb:.0f} | {base.peak_mb / max(1.0, s.peak_mb):.1f} '
                f'| {100 * s.agreement:.2f} % |'
                for s in group
            ]
        return '\n'.join(lines)


def compare(
    entries: Sequence[Entry],
    sizes: Sequence[int],
    *,
    backbone: str,
    width: int,
    device: str = 'cpu',
    repeats: int = 20,
    budget_s: float = 60.0,
    sweep: int = 512,
    seed: int = 0,
    tell: Callable[[str], None],
) -> Comparison:
    """Time contestants on the same weights and images, turn by turn.

    Turns, because a machine's speed changes while it works: a ratio then compares what ran
    within the same minute.

    Args:
        entries: Besides the published network, which every ratio refers to.
        sizes: Sides of square images, with all four modalities.
        backbone: A Mix Transformer.
        width: Of the head.
        device: Torch's name of it.
        repeats: Frames per case.
        budget_s: Once a case has taken so long there are no more, but three there are.
        sweep: The size at which one to three modalities are timed too, if it is among ``sizes``.
        seed: Of weights and images.
        tell: Called with lines on the progress.

    Raises:
        ConfigError: A size or ``repeats`` is refused.
        RobustSegError: A contestant disagrees with the published network, or that one failed.
    """
    if repeats < 1 or not sizes or any(size < 64 or size % 32 for size in sizes):
        msg = f'repeats must be >= 1, sizes multiples of 32 from 64; got {repeats}, {list(sizes)}.'
        raise ConfigError(msg)
    names = published_modalities('deliver').names
    scores: list[Score] = []
    absent: list[str] = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        write_weights(Path(folder), sizes, backbone=backbone, width=width, seed=seed)
        running = [
            stack.enter_context(ContestantProcess(entry, Path(folder), device, names))
            for entry in (BASELINE, *entries)
        ]
        for size in sorted(sizes):
            counts = range(1, MODALITIES + 1) if size == sweep else [MODALITIES]
            for count in counts:
                tell(f'{size}x{size}, {count} modalities ...')
                case = Case(size, count, seed)
                scores += _scored(running, case, repeats, budget_s, absent)
    title = f'{backbone}, head {width}, 25 classes, random weights, seed {seed}'
    return Comparison(title, machine(device), tuple(scores), tuple(absent))


def _warmed_up(contestant: ContestantProcess, case: Case, absent: list[str]) -> Run | None:
    """Return a contestant's first run of a case, or None and why it cannot take part."""
    try:
        return contestant.run(case)
    except RobustSegError as error:
        if contestant.entry == BASELINE:
            raise
        absent.append(str(error))
        return None


def _scored(
    running: list[ContestantProcess],
    case: Case,
    repeats: int,
    budget_s: float,
    absent: list[str],
) -> list[Score]:
    """Run a case; those who cannot take part leave ``running`` for good."""
    first: dict[str, Run] = {}
    for contestant in list(running):
        if (run := _warmed_up(contestant, case, absent)) is None:
            running.remove(contestant)
        else:
            first[contestant.entry.name] = run
    truth = first[BASELINE.name].class_ids
    agreement = {name: float(np.mean(run.class_ids == truth)) for name, run in first.items()}
    for contestant in running:
        name, wanted = contestant.entry.name, AGREEMENT.get(contestant.entry.precision, 0.9)
        if agreement[name] < wanted:
            msg = (
                f'{name} gives {100 * agreement[name]:.2f} % of the pixels the class that the '
                f'published network gives; wanted {100 * wanted} %.'
            )
            raise RobustSegError(msg)
    runs: dict[str, list[Run]] = {name: [] for name in first}
    spent_s = 0.0
    for turn in range(repeats):
        if turn >= FEWEST and spent_s > budget_s:
            break
        for contestant in running:
            run = contestant.run(case)
            runs[contestant.entry.name].append(run)
            spent_s += (run.frame_ms + run.last_ms) / 1000
    return [
        Score(
            name=name,
            size=case.size,
            modalities=case.modalities,
            frame=Timing.of('frame', case.size, [run.frame_ms for run in each]),
            last=Timing.of('last image', case.size, [run.last_ms for run in each]),
            peak_mb=max(run.peak_mb for run in (first[name], *each)),
            agreement=agreement[name],
        )
        for name, each in runs.items()
    ]
