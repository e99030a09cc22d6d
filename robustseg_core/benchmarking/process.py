"""A contestant in a process of its own: its memory is its own, and so are its threads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
import torch

from robustseg_core.benchmarking.contestants import Contestant, Entry, Ids, enter
from robustseg_core.errors import RobustSegError


@dataclass(frozen=True)
class Case:
    """What is segmented.

    Attributes:
        size: Side of the square images, in pixels.
        modalities: How many of them a frame has.
        seed: Of the images.
    """

    size: int
    modalities: int
    seed: int


@dataclass(frozen=True)
class Run:
    """One measurement.

    Attributes:
        frame_ms: From all images to the mask.
        last_ms: From the last image to the mask, the others having come before.
        peak_mb: Largest memory of the process since the network was loaded; on a GPU that of the
            device.
        class_ids: (H, W) uint8, of the whole frame.
    """

    frame_ms: float
    last_ms: float
    peak_mb: float
    class_ids: Ids


class ContestantProcess(AbstractContextManager['ContestantProcess']):
    """Runs the cases it is sent.

    Args:
        entry: Who.
        folder: Of the weights.
        device: Torch's name of it.
        names: Of the modalities, in order.
    """

    def __init__(self, entry: Entry, folder: Path, device: str, names: tuple[str, ...]) -> None:
        context = get_context('spawn')
        self.entry = entry
        self._mine, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, entry, folder, device, names), daemon=True
        )
        self._process.start()
        theirs.close()

    def run(self, case: Case) -> Run:
        """Measure one frame of ``case``.

        Raises:
            RobustSegError: The contestant cannot take part; why.
        """
        try:
            self._mine.send(case)
            answer = self._mine.recv()
        except (EOFError, BrokenPipeError) as error:
            msg = f'{self.entry.name}: its process has ended (out of memory?).'
            raise RobustSegError(msg) from error
        if isinstance(answer, str):
            msg = f'{self.entry.name}: {answer}'
            raise RobustSegError(msg)
        assert isinstance(answer, Run)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._mine.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()


def images_of(case: Case, names: tuple[str, ...]) -> dict[str, NDArray[np.uint8]]:
    """Return the images of a case: blocks of colour with noise, not plain noise."""
    rng = np.random.default_rng(case.seed)
    images = {}
    for name in names[: case.modalities]:
        blocks = rng.integers(0, 224, (case.size // 32, case.size // 32, 3), np.uint8)
        picture = blocks.repeat(32, axis=0).repeat(32, axis=1)
        images[name] = picture + rng.integers(0, 32, picture.shape, np.uint8)
    return images


def _serve(
    connection: Connection, entry: Entry, folder: Path, device: str, names: tuple[str, ...]
) -> None:
    contestants: dict[int, Contestant] = {}
    loaded_mb = 0.0
    while True:
        try:
            case = connection.recv()
        except EOFError:
            return
        try:
            if not contestants:
                contestants[case.size] = enter(entry, folder, device, case.size)
                loaded_mb = _memory_mb(device)['now']
            elif case.size not in contestants:
                contestants.clear()  # one size at a time, as on a robot
                contestants[case.size] = enter(entry, folder, device, case.size)
            run = _measure(contestants[case.size], case, names, device, loaded_mb)
        except (RobustSegError, ImportError, RuntimeError) as error:
            connection.send(str(error))
            continue
        connection.send(run)


def _measure(
    contestant: Contestant, case: Case, names: tuple[str, ...], device: str, loaded_mb: float
) -> Run:
    images = images_of(case, names)
    _forget_peak(device)
    start_s = perf_counter()
    class_ids = contestant.frame(images)
    frame_ms = (perf_counter() - start_s) * 1000
    peak_mb = _memory_mb(device)['peak'] - loaded_mb
    name, image = images.popitem()
    contestant.prepare(images)
    start_s = perf_counter()
    contestant.last(name, image)
    last_ms = (perf_counter() - start_s) * 1000
    return Run(frame_ms, last_ms, peak_mb, class_ids)


def _memory_mb(device: str) -> Mapping[str, float]:
    """Return the memory used ``now`` and at its ``peak``, in 10^6 bytes; NaN where unknown."""
    if torch.device(device).type == 'cuda':
        return {
            'now': torch.cuda.memory_allocated(device) / 1e6,
            'peak': torch.cuda.max_memory_allocated(device) / 1e6,
        }
    try:
        text = Path('/proc/self/status').read_text(encoding='ascii')
    except OSError:  # not Linux
        return {'now': float('nan'), 'peak': float('nan')}
    fields: dict[str, Any] = dict(line.split(':', 1) for line in text.splitlines())
    return {
        'now': int(fields['VmRSS'].split()[0]) * 1024 / 1e6,
        'peak': int(fields['VmHWM'].split()[0]) * 1024 / 1e6,
    }


def _forget_peak(device: str) -> None:
    if torch.device(device).type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path('/proc/self/clear_refs').write_text('5', encoding='ascii')
    except OSError:  # the peak is then that of the whole life, never less
        return
