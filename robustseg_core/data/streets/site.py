"""One side of a block, and how to put things there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustseg_core.data.streets.ground import JUNCTION_M
from robustseg_core.data.streets.library import FENCE_M, pick
from robustseg_core.data.streets.placing import Placed, Tint
from robustseg_core.data.streets.plan import BLOCK_M, StreetPlan
from robustseg_core.data.streets.randomness import Stream, stream


class Site:
    """One side of a block; ``y`` is the distance from the middle of the road, whatever the side.

    Args:
        layer: Each has random numbers of its own, so that what one layer puts there does not
            depend on whether another was drawn.
    """

    def __init__(self, plan: StreetPlan, block: int, side: int, layer: int) -> None:
        self.plan = plan
        self.side = side
        self.block = block
        self.kind = plan.side_of(block, side)
        self.start = block * BLOCK_M + JUNCTION_M * plan.has_junction(block)
        self.end = (block + 1) * BLOCK_M
        self.kerb = plan.half_width(side)
        self.outer = plan.outer(side)
        self.rng = stream(plan.seed, Stream.BLOCK, block, side, layer)

    def put(
        self,
        kind: str,
        x: float,
        y: float,
        *,
        on: str = 'sidewalk',
        turn: float = 0.0,
        glow: float = 1.0,
    ) -> list[Placed]:
        """Place a thing of the library, which is made for the right-hand side of a road.

        ``on`` is ``road``, ``sidewalk`` or ``verge``; ``turn`` an angle in radians.
        """
        heading = turn + (np.pi if self.side > 0 else 0.0)
        z = {'road': 0.0, 'sidewalk': self.plan.kerb, 'verge': self.plan.kerb - 0.02}[on]
        tint = self._tint()
        return [
            Placed(mesh, float(x), self.side * float(y), z, heading, tint, glow)
            for mesh in pick(self.rng, kind)
        ]

    def line(self, kind: str, y: float) -> list[Placed]:
        """Line the site with pieces of a fence or the like, all the same."""
        (mesh,) = pick(self.rng, kind)
        z, tint = self.plan.kerb - 0.02, self._tint()
        return [
            Placed(mesh, x, self.side * y, z, 0.0, tint)
            for x in np.arange(self.start + FENCE_M / 2, self.end, FENCE_M).tolist()
        ]

    def row(self, kind: str, setback: float, *, gap: float = 0.0) -> list[Placed]:
        """Put houses side by side, their fronts ``setback`` behind the sidewalk."""
        rng, x, placed = self.rng, self.start, []
        while x < self.end - 8:
            (mesh,) = pick(rng, kind)
            length, depth = (2 * mesh.corners[0, 2, :2]).tolist()
            if x + length > self.end + 1:
                break
            y = self.outer + setback + rng.uniform(0, 0.8) + depth / 2
            # A house looks along -y, which suits the left-hand side.
            heading = 0.0 if self.side > 0 else np.pi
            z = self.plan.kerb - 0.02
            placed.append(Placed(mesh, x + length / 2, self.side * y, z, heading, self._tint()))
            x += length + gap + (rng.uniform(2, 5) if rng.random() < 0.2 else 0.0)
        return placed

    def trees(self, count: int, near: float, far: float) -> list[Placed]:
        """Plant trees between ``near`` and ``far`` behind the sidewalk."""
        xs = self.rng.uniform(self.start + 2, self.end - 2, count)
        ys = self.outer + self.rng.uniform(near, far, count)
        pairs = zip(xs, ys, strict=True)
        return [item for x, y in pairs for item in self.put('tree', x, y, on='verge')]

    def scatter(
        self, kind: str, places: list[float], near: float, far: float, turn: float = 0.0
    ) -> list[Placed]:
        """Put things at ``places``, between ``near`` and ``far`` behind the sidewalk."""
        placed = []
        for x in places:
            y = self.outer + self.rng.uniform(near, far)
            angle = self.rng.uniform(-turn, turn)
            placed += self.put(kind, x, y, on='verge', turn=angle, glow=0.0)
        return placed

    def places(self, step: float, margin: float) -> Iterator[float]:
        """Return places along the site, ``step`` apart, in random order."""
        places = np.arange(self.start + margin, self.end - margin, step)
        return iter(self.rng.permutation(places).tolist())

    def _tint(self) -> Tint:
        value, red, green, blue = self.rng.random(4).tolist()
        value = 0.74 + 0.36 * value
        return value * (1 + 0.16 * red), value * (1 + 0.16 * green), value * (1 + 0.16 * blue)


def take(places: Iterator[float], count: int) -> list[float]:
    """Return the next ``count`` places, or what is left of them."""
    return [x for _, x in zip(range(count), places, strict=False)]
