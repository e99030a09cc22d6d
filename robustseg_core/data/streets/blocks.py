"""A block of the street: 48 m of ground and of everything on it that does not move."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustseg_core.data.streets import architecture
from robustseg_core.data.streets.ground import CANAL_M, JUNCTION_M, lay_ground
from robustseg_core.data.streets.library import FENCE_M, pick
from robustseg_core.data.streets.mesh import Mesh, join
from robustseg_core.data.streets.placing import Placed, Tint, assemble
from robustseg_core.data.streets.plan import BLOCK_M, LAMP_GAP_M, LAMP_PHASE_M, PARKING_M, Median, Side, StreetPlan
from robustseg_core.data.streets.randomness import Stream, stream


def build_block(plan: StreetPlan, block: int, *, lamps: bool, coarse: bool = False) -> Mesh:
    """Return what stands in ``block``, in street coordinates; owner 0 is the ground.

    Args:
        lamps: Street lamps are on.
        coarse: Only the ground and what is large, to be seen from afar.
    """
    objects: list[Placed] = []
    for side in (1, -1):
        builder = _Builder(plan, block, side)
        objects += builder.large()
        if not coarse:
            objects += builder.small(lamps=lamps)
    if plan.has_bridge(block) and not plan.has_junction(block):
        middle = (block + 0.5) * BLOCK_M
        objects = [item for item in objects if not _reaches(item, middle, 6.0)]
        parts = architecture.bridge(plan, stream(plan.seed, Stream.BLOCK, block))
        objects += [Placed(part, middle, 0.0) for part in parts]
    ground = lay_ground(plan, block)
    return join([ground, assemble(objects)]) if objects else ground


def _reaches(item: Placed, x: float, margin: float) -> bool:
    low, high = item.extent_x()
    return low < x + margin and high > x - margin


class _Builder:
    """Furnishes one side of a block; ``y`` below is the distance from the middle of the road."""

    def __init__(self, plan: StreetPlan, block: int, side: int) -> None:
        self.plan = plan
        self.side = side
        self.block = block
        self.kind = plan.side_of(block, side)
        self.start = block * BLOCK_M + JUNCTION_M * plan.has_junction(block)
        self.end = (block + 1) * BLOCK_M
        self.kerb = plan.half_width(side)
        self.outer = plan.outer(side)
        # Two streams, so that what is large does not depend on whether the small is drawn.
        self.rng = stream(plan.seed, Stream.BLOCK, block, side, 0)
        self.small_rng = stream(plan.seed, Stream.BLOCK, block, side, 1)

    def large(self) -> list[Placed]:
        """Return houses and other things that are seen from afar."""
        kind, rng, out = self.kind, self.rng, self.outer
        if kind == Side.HOUSES:
            return self._row('shop', rng.uniform(0, 6) * (rng.random() < 0.7))
        if kind == Side.GARDENS:
            return [*self._border(0.3), *self._row('cottage', rng.uniform(4, 8), gap=5.0)]
        if kind == Side.PLAZA:
            return self._row('shop', rng.uniform(15, 19))
        if kind == Side.CANAL:
            trees = self._trees(4, out + CANAL_M + 2, out + CANAL_M + 7)
            return [*trees, *self._row('house', CANAL_M + 10)]
        if kind == Side.RAILWAY:
            rows = self._row('house', 18.0) if rng.random() < 0.5 else self._trees(7, out + 13, out + 20)
            return [*self._long('wall', out + 11.5), *rows]
        if kind == Side.WALL:
            trees = self._trees(3, out + 2.5, out + 4.5)
            return [*self._long('wall', out + 0.3), *self._row('house', 6.0), *trees]
        if kind == Side.YARD:
            fence = self._long('railing' if rng.random() < 0.7 else 'planks', out + 0.3)
            return [*fence, *self._put('hall', (self.start + self.end) / 2, out + 22, on='verge', turn=np.pi)]
        if kind == Side.PARK:
            front = self._border(0.25) if rng.random() < 0.6 else []
            return [*front, *self._trees(8, out + 3, out + 24), *self._row('house', 30.0)]
        field = self._long('railing', out + 7.0)
        return [*self._long('guard rail', out + 0.4), *field, *self._trees(6, out + 9, out + 34)]

    def small(self, *, lamps: bool) -> list[Placed]:
        """Return furniture, trees of the sidewalk and parked vehicles."""
        self.rng = self.small_rng
        placed = [*self._lamps(lit=lamps), *self._at_kerb(), *self._at_junction(), *self._behind()]
        if self.plan.has_parking(self.side):
            placed += self._parked()
        if self.plan.median == Median.GREEN and self.side > 0:
            placed += self._median()
        return placed

    def _put(
        self, kind: str, x: float, y: float, *, on: str = 'sidewalk', turn: float = 0.0,
        glow: float = 1.0, tint: Tint | None = None,
    ) -> list[Placed]:  # fmt: skip
        """Place one of ``kind``, made for the right-hand side, at ``y`` from the road's middle."""
        heading = turn + (np.pi if self.side > 0 else 0.0)
        z = {'road': 0.0, 'sidewalk': self.plan.kerb, 'verge': self.plan.kerb - 0.02}[on]
        tint = tint or _tint(self.rng)
        return [
            Placed(mesh, float(x), self.side * float(y), z, heading, tint, glow)
            for mesh in pick(self.rng, kind)
        ]

    def _long(self, kind: str, y: float) -> list[Placed]:
        """Line the block with pieces of a fence, all alike."""
        (mesh,) = pick(self.rng, kind)
        z, tint = self.plan.kerb - 0.02, _tint(self.rng)
        return [
            Placed(mesh, x, self.side * y, z, 0.0, tint)
            for x in np.arange(self.start + FENCE_M / 2, self.end, FENCE_M).tolist()
        ]

    def _border(self, y: float) -> list[Placed]:
        kind = ('hedge', 'low wall', 'railing', 'planks')[self.rng.integers(4)]
        return self._long(kind, self.outer + y)

    def _row(self, kind: str, setback: float, *, gap: float = 0.0) -> list[Placed]:
        """Return houses side by side, their fronts ``setback`` behind the sidewalk."""
        rng, x, row = self.rng, self.start, []
        while x < self.end - 8:
            (mesh,) = pick(rng, kind)
            length, depth = mesh.corners[0, 0, 0] * 2, mesh.corners[1, 0, 1] * 2
            if x + length > self.end + 1:
                break
            y = self.outer + setback + rng.uniform(0, 0.8) + depth / 2
            # A house looks along -y, which suits the left-hand side.
            row.append(Placed(
                mesh, float(x + length / 2), float(self.side * y), self.plan.kerb - 0.02,
                0.0 if self.side > 0 else np.pi, _tint(rng),
            ))  # fmt: skip
            x += float(length) + (rng.uniform(2, 5) if rng.random() < 0.2 else 0.0) + gap
        return row

    def _trees(self, count: int, near: float, far: float) -> list[Placed]:
        xs = self.rng.uniform(self.start + 2, self.end - 2, count)
        ys = self.rng.uniform(near, far, count)
        return [item for x, y in zip(xs, ys, strict=True) for item in self._put('tree', x, y, on='verge')]

    def _lamps(self, *, lit: bool) -> list[Placed]:
        x = self.block * BLOCK_M + LAMP_PHASE_M[self.side]
        places = [x + k for k in (0.0, LAMP_GAP_M) if self.start + 1 < x + k < self.end - 1]
        return [item for x in places for item in self._put('lamp', x, self.kerb + 0.4, glow=float(lit))]

    def _at_kerb(self) -> list[Placed]:
        """Return what stands along the kerb, each at a place of its own."""
        rng, y = self.rng, self.kerb + 0.55
        xs = iter(rng.permutation(np.arange(self.start + 3.5, self.end - 3, 3.0)).tolist())
        placed: list[Placed] = []
        for kind, count, aside, turn in (
            ('tree', 4 if self.plan.trees else 0, 0.0, 3.0),
            ('sign', rng.integers(1, 4), 0.0, 0.0),
            ('static', rng.integers(1, 4), 0.0, 0.0),
            ('dynamic', rng.integers(1, 4), 0.2, 0.4),
            ('cycle', rng.integers(0, 4), 0.2, 0.5),
        ):
            for x in _some(xs, int(count)):
                placed += self._put(kind, x, y + aside, turn=rng.uniform(-turn, turn), glow=0.0)
        for x in _some(xs, int(rng.random() < 0.25)):
            placed = [item for item in placed if not _reaches(item, x, 3.0)]
            placed += self._put('shelter', x, self.outer - 0.9)
        return placed

    def _at_junction(self) -> list[Placed]:
        """Return the traffic lights of the junctions at this block's ends."""
        kind = 'green' if self.rng.random() < 0.7 else 'red'
        lights: list[Placed] = []
        if self.side > 0 and self.plan.has_junction(self.block):
            lights += self._put(kind, self.start + 1.0, self.kerb + 0.5)
        if self.side < 0 and self.plan.has_junction(self.block + 1):
            lights += self._put(kind, self.end - 0.8, self.kerb + 0.5)
        return lights

    def _behind(self) -> list[Placed]:
        """Return what stands behind the sidewalk."""
        rng, out, placed = self.rng, self.outer, list[Placed]()
        xs = iter(rng.permutation(np.arange(self.start + 4, self.end - 4, 6.0)).tolist())

        def scatter(kind: str, count: int, near: float, far: float, turn: float = 0.0) -> None:
            for x in _some(xs, count):
                y = out + rng.uniform(near, far)
                placed.extend(self._put(kind, x, y, on='verge', turn=rng.uniform(-turn, turn), glow=0.0))

        if self.kind == Side.PLAZA:
            scatter('kiosk', 2, 2, 9)
            scatter('static', 2, 1, 6)
            scatter('tree', 2, 5, 9)
        elif self.kind == Side.YARD:
            for kind in ('truck', 'truck', 'bus', 'car'):
                scatter(kind, int(rng.integers(0, 2)), 4, 10, turn=0.3)
            scatter('dynamic', 2, 2, 3)
        elif self.kind == Side.CANAL:
            placed += self._long('guard rail' if rng.random() < 0.3 else 'railing', out + 0.3)
        elif self.kind == Side.RAILWAY:
            placed += self._long('railing', out + 0.5)
            placed += [item for y in (2.3, 3.7, 6.7, 8.1) for item in self._long('rail', out + y)]
        elif self.kind in {Side.PARK, Side.GARDENS, Side.COUNTRY}:
            scatter('bush', 4, 1.5, 4)
        if self.kind in {Side.COUNTRY, Side.HOUSES, Side.PARK}:
            scatter('kiosk', int(rng.random() < 0.2), 2, 2)
        return placed

    def _median(self) -> list[Placed]:
        """Return a crash barrier, or bushes and trees, between the directions."""
        if self.block % 5 < 2:
            return self._long('guard rail', 0.0)
        xs = iter(self.rng.permutation(np.arange(self.start + 3, self.end - 3, 4.0)).tolist())
        bushes = [item for x in _some(xs, 4) for item in self._put('bush', x, 0.0, on='road')]
        return [*bushes, *(item for x in _some(xs, 2) for item in self._put('tree', x, 0.0, on='road'))]

    def _parked(self) -> list[Placed]:
        rng = self.rng
        y = self.kerb - PARKING_M / 2
        places = np.arange(self.start + 9, self.end - 7, 6.2)
        taken = rng.random(len(places)) < 0.6
        return [
            item
            for x in (places[taken] + rng.uniform(-0.3, 0.3, taken.sum())).tolist()
            for item in self._put('car', x, y, on='road', turn=rng.normal(0, 0.02), glow=0.0)
        ]


def _tint(rng: np.random.Generator) -> Tint:
    red, green, blue = (rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, 3)).tolist()
    return red, green, blue


def _some(places: Iterator[float], count: int) -> list[float]:
    return [x for _, x in zip(range(count), places, strict=False)]
