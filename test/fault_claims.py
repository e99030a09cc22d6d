"""What must hold of every mask, whatever is wrong with a sensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
import time
from typing import Any

from fault_cells import USELESS, Cell
from node_driver import PERIOD_S, Driver
from node_scene import MODALITIES, SIDE, Scene
import numpy as np
from sensor_msgs.msg import Image

from robustseg_core.runtime.stamps import WORST

TIMEOUT_S, MAX_WAIT_S, TOLERANCE_S = 0.4, 0.1, 0.05  # of the nodes that ``starting`` starts
# What a busy machine may take on top.
SLACK_S = 0.35
# Of /diagnostics: they come every fifth of a second, where the machine has time for it.
NAMED_S, UNNAMED_S = 0.25, 1.0
# Faults with which time itself begins again for a sensor that is alone.
JUMPS = {'stamps back 10 s', 'stamps ahead 1 h', 'stamps to and fro'}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A mask: when it came, its stamp, what it rests on."""

    at_s: float
    stamp_ns: int
    letters: str


@dataclass
class _Phase:
    begin_s: float = 0.0
    end_s: float = 0.0
    stalled_s: float = 0.0  # the longest time by which the sensors themselves were behind
    masks: list[Seen] = field(default_factory=list)


class Claims:
    """Watches the masks of a node through one cell after the other.

    Attributes:
        broken: What did not hold in this cell, in words.
        masks: That came in this cell.
    """

    def __init__(self, driver: Driver, scene: Scene) -> None:
        self._driver = driver
        self._scene = scene
        self._expected = cache(self._expected_masks)
        for side in (SIDE, 2 * SIDE):
            self._expected(side)  # now: it would keep the sensors waiting later
        self._cell: Cell | None = None
        self._phase = _Phase()
        self._sent: dict[str, list[tuple[int, float]]] = {}
        self._old: set[int] = set()
        self.broken: list[str] = []
        self.masks: list[Seen] = []
        driver.node.create_subscription(Image, '/segment/mask', self._on_mask, 50)

    def begin(self, cell: Cell) -> None:
        """Forget the cell before."""
        self._cell = cell
        # A mask may still be on its way.
        self._old = {stamp_ns for sent in self._sent.values() for stamp_ns, _ in sent}
        self._sent = {name: [] for name in MODALITIES.names}
        self.broken, self.masks = [], []

    def sent(self, names: tuple[str, ...], stamp: Any) -> None:
        """Take note of what is published now."""
        for name in names:
            self._sent[name].append((_ns(stamp), time.monotonic()))

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        self._phase = _Phase(begin_s=time.monotonic())

    def took(self, round_s: float) -> None:
        """Take note of how long a round of the sensors took: the node may be as late as they."""
        self._phase.stalled_s = max(self._phase.stalled_s, round_s - PERIOD_S)

    def is_over(self, length_s: float) -> bool:
        """Whether a phase has lasted so long, and what is named is of its end.

        It lasts longer where /diagnostics are late, but not for ever.
        """
        end_s = self._phase.begin_s + length_s
        is_named = self._driver.diagnosed_s > end_s - NAMED_S
        return time.monotonic() >= end_s + (0.0 if is_named else UNNAMED_S)

    def leave(self, phase: str) -> None:
        """End a phase and judge it."""
        self._phase.end_s = time.monotonic()
        cell = self._cell
        assert cell is not None
        if phase == 'settle':
            there = cell.others if cell.fault == 'never published' else cell.letters
            self._judge_recovery(phase, there, 0.0)
        elif phase == 'fault':
            self._judge_rhythm()
            if cell.fault != 'clock paused':  # nothing comes then
                self._judge_subset(phase, _wanted(cell))
        else:
            self._judge_recovery(phase, cell.after, self._patience_s(cell))

    def _on_mask(self, mask: Image) -> None:
        if self._cell is None or _ns(mask.header.stamp) in self._old:
            return
        pixels = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width)
        shares = {
            letters: float((expected == pixels).mean())
            for letters, expected in self._expected(mask.height).items()
        }
        letters = max(shares, key=shares.__getitem__)
        if shares[letters] < 0.97:
            self.broken.append(f'a mask is that of no subset ({letters}: {shares[letters]:.3f})')
        seen = Seen(at_s=time.monotonic(), stamp_ns=_ns(mask.header.stamp), letters=letters)
        self._judge_mask(seen)
        self.masks.append(seen)
        self._phase.masks.append(seen)

    def _expected_masks(self, side: int) -> dict[str, np.ndarray]:
        self._scene.side = side
        try:
            return {MODALITIES.letters_of(n): self._scene.mask(n) for n in MODALITIES.subsets()}
        finally:
            self._scene.side = SIDE

    def _judge_mask(self, mask: Seen) -> None:
        cell = self._cell
        assert cell is not None
        is_alone = len(cell.letters) == 1 and cell.fault in JUMPS
        if self.masks and mask.stamp_ns <= self.masks[-1].stamp_ns and not is_alone:
            self.broken.append('stamps went back')
        for name in MODALITIES.from_letters(mask.letters):
            gaps = [
                abs(stamp_ns - mask.stamp_ns)
                for stamp_ns, sent_s in self._sent[name]
                if sent_s <= mask.at_s
            ]
            if not gaps or min(gaps) > TOLERANCE_S * 1e9:
                self.broken.append(f'{name} was fused beyond its tolerance')

    def _judge_rhythm(self) -> None:
        """A mask within timeout and one frame, while one healthy sensor lives."""
        cell, phase = self._cell, self._phase
        assert cell is not None
        if cell.fault in {'clock paused', 'all die and one returns'}:
            return  # nobody lives, or nothing comes
        if not cell.others and cell.fault in USELESS - JUMPS:
            return
        period_s = PERIOD_S * (5 if cell.fault == 'clock at 0.2x' else 1)
        times = [phase.begin_s, *(mask.at_s for mask in phase.masks), phase.end_s]
        longest_s = float(np.diff(times).max())
        allowed_s = TIMEOUT_S + period_s + MAX_WAIT_S + SLACK_S + phase.stalled_s
        if longest_s > allowed_s:
            self.broken.append(f'no mask for {longest_s:.2f} s, allowed {allowed_s:.2f} s')

    def _judge_subset(self, phase: str, wanted: set[str]) -> None:
        """What the last masks rest on, and that /diagnostics names the same."""
        last = {mask.letters for mask in self._phase.masks[-4:]}
        if wanted == {''}:
            if self._phase.masks[2:]:
                self.broken.append(f'{phase}: masks of nobody')
            return
        if not last & wanted:
            self.broken.append(f'{phase}: masks rest on {sorted(last)}, wanted {sorted(wanted)}')
        silent_s = self._phase.end_s - self._driver.diagnosed_s
        if silent_s > NAMED_S + UNNAMED_S + self._phase.stalled_s:
            self.broken.append(f'{phase}: nothing on /diagnostics for {silent_s:.2f} s')
            return
        named = self._driver.value('subset')
        recent = {mask.letters for mask in self._phase.masks[-12:]}
        if named and recent and named not in recent:
            self.broken.append(f'{phase}: subset {named!r} is named, used are {sorted(recent)}')

    def _judge_recovery(self, phase: str, there: str, patience_s: float) -> None:
        """Everybody who is there is fused, two messages later."""
        self._judge_subset(phase, {there})
        if not there:
            return
        seen = self._phase
        allowed_s = 2 * PERIOD_S + MAX_WAIT_S + SLACK_S + patience_s + seen.stalled_s
        whole = [mask.at_s - seen.begin_s for mask in seen.masks if mask.letters == there]
        if not whole or whole[0] > allowed_s:
            after = f'after {whole[0]:.2f} s' if whole else 'never'
            self.broken.append(f'{phase}: {there} fused {after}, allowed {allowed_s:.2f} s')

    @staticmethod
    def _patience_s(cell: Cell) -> float:
        """Return what recovery may take on top after some faults."""
        if cell.fault == 'another size' and cell.victim == cell.names[0]:
            return TIMEOUT_S  # the network is made ready for another size of mask
        if cell.fault == 'stamps to and fro':
            return WORST * PERIOD_S  # it must be steady for a while first
        return 0.0


def _wanted(cell: Cell) -> set[str]:
    """Return what masks may rest on at the end of the fault."""
    if cell.fault in JUMPS and not cell.others:
        return {cell.letters}  # alone, it is believed
    if cell.fault == 'all die and one returns':
        return {''}
    if cell.fault in USELESS:
        return {cell.others}
    if cell.fault == 'late beyond tolerance':
        # Where it leads, the others wait for it in the synchronizer's memory.
        return {cell.others, cell.letters, MODALITIES.letters_of([cell.victim])} - {''}
    return {cell.letters}


def _ns(stamp: Any) -> int:
    return int(stamp.sec * 1_000_000_000 + stamp.nanosec)
