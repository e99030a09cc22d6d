"""Backends beside each other, or beside Hugging Face's and the published network, in one run."""

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
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.importers.protocols import published_modalities
from robustseg_core.runtime.measure import Machine, Timing, machine

BASELINE = Entry('published')
FEWEST = 3  # runs of a case, however slow
# Half-precision arithmetic decides otherwise where two classes are nearly alike.
AGREEMENT = {'fp32': 0.999, 'bf16': 0.9, 'fp16': 0.9}


@dataclass(frozen=True)
class Score:
    """One contestant at one case.

    Attributes:
        name: Who.
        size: Side of the square images, in pixels.
        modalities: Of a frame.
        of: Modalities that the network knows.
        frame: From all images to the mask.
        last: From the last image to the mask.
        peak_mb: Largest memory beside the loaded network.
        agreement: Share of pixels with the first contestant's class.
    """

    name: str
    size: int
    modalities: int
    of: int
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
        """Return Markdown: a table per case, with ratios to the first contestant."""
        lines = [f'{self.model}; {self.machine}.', *self.absent]
        for size, modalities in dict.fromkeys((s.size, s.modalities) for s in self.scores):
            group = [s for s in self.scores if (s.size, s.modalities) == (size, modalities)]
            base = group[0]
            lines += [
                '',
                f'{size}x{size}, {modalities} of {base.of} modalities:',
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


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        sizes: Sides of square images, with all modalities.
        device: Torch's name of it.
        repeats: Frames per case.
        budget_s: Once a case has taken so long there are no more, but three there are.
        sweep: The size at which fewer modalities are timed too, if it is among ``sizes``.
        seed: Of the images, and of weights where they are random.

    Raises:
        ConfigError: A size or ``repeats`` is refused.
    """

    sizes: Sequence[int]
    device: str = 'cpu'
    repeats: int = 20
    budget_s: float = 60.0
    sweep: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            self.repeats < 1
            or not self.sizes
            or any(size < 64 or size % 32 for size in self.sizes)
        ):
            msg = (
                f'repeats must be >= 1, sizes multiples of 32 from 64; got {self.repeats}, '
                f'{list(self.sizes)}.'
            )
            raise ConfigError(msg)


def compare_peers(
    entries: Sequence[Entry],
    effort: Effort,
    *,
    backbone: str,
    width: int,
    tell: Callable[[str], None],
) -> Comparison:
    """Time contestants on the same random weights and images, turn by turn.

    Args:
        entries: Besides the published network, which every ratio refers to.
        effort: How long to measure.
        backbone: A Mix Transformer.
        width: Of the head.
        tell: Called with lines on the progress.

    Raises:
        ConfigError: There is no such backbone, or transformers is not installed.
        RobustSegError: A contestant disagrees with the published network, or that one failed.
    """
    names = published_modalities('deliver').names
    title = f'{backbone}, head {width}, 25 classes, random weights, seed {effort.seed}'
    with TemporaryDirectory() as folder:
        write_weights(Path(folder), backbone=backbone, width=width, seed=effort.seed)
        comparison = _compared([BASELINE, *entries], names, Path(folder), effort, title, tell)
    precisions = {entry.name: entry.precision for entry in entries}
    for score in comparison.scores[1:]:
        wanted = AGREEMENT[precisions.get(score.name, 'fp32')]
        if score.agreement < wanted:
            msg = (
                f'{score.name} gives {100 * score.agreement:.2f} % of the pixels the class that '
                f'the published network gives; wanted {100 * wanted} %.'
            )
            raise RobustSegError(msg)
    return comparison


def compare_backends(
    checkpoint: Path, entries: Sequence[Entry], effort: Effort, tell: Callable[[str], None]
) -> Comparison:
    """Time a checkpoint on several backends, and what was exported from it, turn by turn.

    Args:
        checkpoint: Our file.
        entries: Of kind ``ours``, with a path; every ratio refers to the first.
        effort: How long to measure.
        tell: Called with lines on the progress.

    Raises:
        CheckpointError: ``checkpoint`` cannot be read.
        RobustSegError: The first failed.
    """
    config = load_model(checkpoint).config
    title = f'{checkpoint.name}: {config.backbone}, head {config.head_width}'
    return _compared(entries, config.modalities.names, Path(), effort, title, tell)


def _compared(
    entries: Sequence[Entry],
    names: tuple[str, ...],
    folder: Path,
    effort: Effort,
    title: str,
    tell: Callable[[str], None],
) -> Comparison:
    """Run every case; in turns, because a machine's speed changes while it works.

    A ratio then compares what ran within the same minute.
    """
    scores: list[Score] = []
    absent: list[str] = []
    with ExitStack() as stack:
        running = [
            stack.enter_context(ContestantProcess(entry, folder, effort.device, names))
            for entry in entries
        ]
        for size in sorted(effort.sizes):
            counts = range(1, len(names) + 1) if size == effort.sweep else [len(names)]
            for count in counts:
                tell(f'{size}x{size}, {count} modalities ...')
                case = Case(size, count, effort.seed)
                scores += _scored(running, case, len(names), effort, absent)
    return Comparison(title, machine(effort.device), tuple(scores), tuple(absent))


def _warmed_up(contestant: ContestantProcess, case: Case, absent: list[str]) -> Run | None:
    """Return a contestant's first run of a case, or None and why it cannot take part."""
    try:
        return contestant.run(case)
    except RobustSegError as error:
        absent.append(str(error))
        return None


def _scored(
    running: list[ContestantProcess], case: Case, known: int, effort: Effort, absent: list[str]
) -> list[Score]:
    """Run a case; those who cannot take part leave ``running`` for good."""
    base = running[0].entry.name
    first: dict[str, Run] = {}
    for contestant in list(running):
        if (run := _warmed_up(contestant, case, absent)) is not None:
            first[contestant.entry.name] = run
        elif contestant.entry.name == base:
            raise RobustSegError(absent.pop())
        else:
            running.remove(contestant)
    truth = first[base].class_ids
    runs: dict[str, list[Run]] = {name: [] for name in first}
    spent_s = 0.0
    for turn in range(effort.repeats):
        if turn >= FEWEST and spent_s > effort.budget_s:
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
            of=known,
            frame=Timing.of([run.frame_ms for run in each]),
            last=Timing.of([run.last_ms for run in each]),
            peak_mb=max(run.peak_mb for run in (first[name], *each)),
            agreement=float(np.mean(first[name].class_ids == truth)),
        )
        for name, each in runs.items()
    ]
