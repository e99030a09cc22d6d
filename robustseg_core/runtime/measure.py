"""How long the network's parts take on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
import math
import os
from pathlib import Path
import platform
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from robustseg_core.errors import ConfigError
from robustseg_core.labels import DELIVER
from robustseg_core.modalities import BYTE, IMAGENET, UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.runtime.engine import Engine
from robustseg_core.runtime.torch_backend import TorchBackend
from robustseg_core.sensors.sizes import STRIDE

WARM_UPS = 2
FEWEST = 3  # runs, however slow


@dataclass(frozen=True)
class Timing:
    """The durations of some runs.

    Attributes:
        p50_ms: Median.
        p99_ms: 99th percentile, nearest rank: the slowest run where there are at most 100.
        runs: How many were timed.
    """

    p50_ms: float
    p99_ms: float
    runs: int

    @classmethod
    def of(cls, durations_ms: Sequence[float]) -> Timing:
        ordered = sorted(durations_ms)

        def percentile(percent: int) -> float:
            return ordered[math.ceil(percent / 100 * len(ordered)) - 1]

        return cls(percentile(50), percentile(99), len(ordered))


@dataclass(frozen=True)
class Part:
    """How long a part of the network takes.

    Attributes:
        name: What was timed.
        size: Side of the square image, in pixels.
        timing: Its durations.
    """

    name: str
    size: int
    timing: Timing


@dataclass(frozen=True)
class Stopwatch:
    """Times a call many times, after a warm-up.

    Attributes:
        device: Whose queued work is waited for.
        repeats: How many runs.
        budget_s: After this long there are no more, once there were three.
        timer: A monotonic time in seconds.
    """

    device: torch.device
    repeats: int
    budget_s: float
    timer: Callable[[], float]

    @torch.inference_mode()
    def durations_ms(self, run: Callable[[], Any]) -> list[float]:
        for _ in range(WARM_UPS):
            self._once(run)
        durations_ms: list[float] = []
        while len(durations_ms) < self.repeats:
            if len(durations_ms) >= FEWEST and sum(durations_ms) > self.budget_s * 1000:
                break
            durations_ms.append(self._once(run))
        return durations_ms

    def _once(self, run: Callable[[], Any]) -> float:
        start_s = self.timer()
        run()
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return (self.timer() - start_s) * 1000


@dataclass(frozen=True)
class Machine:
    """What the figures were measured on."""

    processor: str
    cores: int
    threads: int
    device: str
    system: str
    python: str
    torch: str

    def __str__(self) -> str:
        return (
            f'{self.processor}, {self.cores} cores, {self.threads} torch threads, on '
            f'{self.device}; {self.system}, Python {self.python}, torch {self.torch}'
        )


@dataclass(frozen=True)
class Report:
    """A benchmark's figures and what they belong to."""

    model: str
    machine: Machine
    parts: tuple[Part, ...]

    def as_table(self) -> str:
        """Return Markdown: one row per part, one column per size."""
        sizes = sorted({part.size for part in self.parts})
        cells = {
            (part.name, part.size): f'{part.timing.p50_ms:.1f} / {part.timing.p99_ms:.1f}'
            for part in self.parts
        }
        rows = [
            f'{self.model}; {self.machine}.',
            '',
            '| p50 / p99 in ms | ' + ' | '.join(f'{size}x{size}' for size in sizes) + ' |',
            '|---' * (1 + len(sizes)) + '|',
        ]
        rows += [
            f'| {name} | ' + ' | '.join(cells.get((name, size), '-') for size in sizes) + ' |'
            for name in dict.fromkeys(part.name for part in self.parts)
        ]
        return '\n'.join(rows)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def random_model(backbone: str, head_width: int) -> MultimodalSegmenter:
    """Return a network of four modalities and 25 classes with random weights.

    Raises:
        ConfigError: The backbone or the width is refused.
    """
    modalities = ModalitySet(
        (
            Modality('rgb', 'R', 'rgb', IMAGENET),
            Modality('depth', 'D', 'inverse_log_depth', UNIT),
            Modality('event', 'E', 'event_counts', BYTE),
            Modality('lidar', 'L', 'range_intensity_height', UNIT),
        )
    )
    config = SegmenterConfig(
        backbone=backbone, head_width=head_width, labels=DELIVER, modalities=modalities
    )
    return MultimodalSegmenter(config)


def measure(
    model: MultimodalSegmenter,
    sizes: Sequence[int],
    device: str = 'cpu',
    repeats: int = 20,
    *,
    budget_s: float = 15.0,
    timer: Callable[[], float] = perf_counter,
) -> Report:
    """Time the parts of ``model`` on random square images.

    Args:
        model: The network; copied.
        sizes: Sides in pixels.
        device: As in ``Engine``.
        repeats: Runs of each part.
        budget_s: As in ``Stopwatch``.
        timer: A monotonic time in seconds.

    Raises:
        ConfigError: There is no such device, or a size or ``repeats`` is refused.
    """
    if not sizes or any(size < STRIDE or size % STRIDE for size in sizes):
        msg = f'Sizes must be multiples of {STRIDE}, at least one, got {list(sizes)}.'
        raise ConfigError(msg)
    if repeats < 1:
        msg = f'repeats must be >= 1, got {repeats!r}.'
        raise ConfigError(msg)
    parts = []
    for size in sizes:
        model = deepcopy(model).eval()
        model.config = replace(model.config, resolution=(size, size))
        engine = Engine(TorchBackend(model, device))
        model.to(engine.backend.device)
        for name, run in _parts(model, engine, size):
            stopwatch = Stopwatch(engine.backend.device, repeats, budget_s, timer)
            parts.append(Part(name, size, Timing.of(stopwatch.durations_ms(run))))
    config = model.config
    title = f'{config.backbone}, head {config.head_width}, {len(config.labels)} classes'
    return Report(title, machine(str(engine.backend.device)), tuple(parts))


def machine(device: str) -> Machine:
    """Describe this machine; ``device`` is what the network runs on."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=device,
        system=f'{platform.system()} {platform.release()}',
        python=platform.python_version(),
        torch=torch.__version__,
    )


def _parts(
    model: MultimodalSegmenter, engine: Engine, size: int
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is timed at ``size``, each as a name and a call."""
    folded = model.fold()
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, size, size, generator=generator).to(engine.backend.device)
    with torch.inference_mode():
        features = folded.encode(image)
    yield 'encode one modality', lambda: folded.encode(image)
    yield 'head, folded', lambda: folded.head(features)
    yield 'head, as trained', lambda: model.head(features)
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    names = engine.modalities.names
    for used in (names[:1], names):
        plural = 'modality' if len(used) == 1 else 'modalities'
        yield f'{len(used)} {plural}, image to mask', partial(_segment, engine, used, pixels)


def _segment(engine: Engine, names: Sequence[str], pixels: NDArray[np.uint8]) -> None:
    engine.reset()  # what is held would not be encoded again
    for name in names:
        engine.observe(name, pixels, stamp_ns=0)
    engine.segment(dict.fromkeys(names, 0), (pixels.shape[0], pixels.shape[1]))


def _processor() -> str:
    """Return the processor's name; Python itself knows it on some systems only."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()
