"""The plan of a street: its bend, its cross-section, and what lines it, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.randomness import Stream, dice, stream

BLOCK_M = 48.0
SEGMENT_M = 8.0  # the ground is laid in pieces of this length, so that it can follow the bend
PARKING_M = 2.3
# Street lamps: two in a block on each side, the sides in turn.
LAMP_GAP_M = 24.0
LAMP_PHASE_M = {1: 10.0, -1: 22.0}


class Side(IntEnum):
    """What lies along one side of a block."""

    HOUSES = 0
    GARDENS = 1
    PARK = 2
    PLAZA = 3
    CANAL = 4
    RAILWAY = 5
    WALL = 6
    YARD = 7
    COUNTRY = 8


class Median(IntEnum):
    """What divides the directions of a street."""

    LINE = 0
    TRAM = 1
    GREEN = 2


_MEDIAN_HALF_M = (0.0, 1.7, 1.1)
# How often each kind of side occurs in a town centre, a suburb, an industrial area, the country.
_CHARACTERS = np.array(
    [
        [0.46, 0.06, 0.09, 0.14, 0.13, 0.04, 0.05, 0.03, 0.0],
        [0.16, 0.42, 0.16, 0.04, 0.06, 0.04, 0.08, 0.02, 0.02],
        [0.1, 0.02, 0.04, 0.12, 0.08, 0.2, 0.16, 0.26, 0.02],
        [0.02, 0.1, 0.16, 0.02, 0.12, 0.12, 0.04, 0.06, 0.36],
    ]
)
_TRADE = 1  # a side keeps its character for two blocks


@dataclass(frozen=True)
class StreetPlan:
    """A street without end; lengths in metres, the right-hand side has negative y.

    Attributes:
        seed: Everything follows from it.
        bend: Curvature of the middle line (1/m), positive to the left.
        lane_width: Width of a lane.
        lanes: Lanes in each direction.
        parking: Whether there is a parking lane, left and right.
        sidewalk: Width of the sidewalks, left and right.
        kerb: Height of the sidewalks.
        character: Row of the table of sides.
        crowd: Share of the places of walkers that are taken.
        traffic: Share of the places of vehicles that are taken.
        trees: Whether trees line the sidewalks.
        double_line: Whether the middle line is drawn through, and twice.
        median: What divides the directions.
    """

    seed: int
    bend: float
    lane_width: float
    lanes: int
    parking: tuple[bool, bool]
    sidewalk: tuple[float, float]
    kerb: float
    character: int
    crowd: float
    traffic: float
    trees: bool
    double_line: bool
    median: Median

    @classmethod
    def from_seed(cls, seed: int) -> StreetPlan:
        """Draw a plan."""
        rng = stream(seed, Stream.STREET)
        character = int(rng.choice(4, p=[0.36, 0.26, 0.2, 0.18]))
        bend = 0.0 if rng.random() < 0.35 else float(rng.choice([-1, 1]) / rng.uniform(180, 500))
        parking = rng.random(2) < (0.65, 0.65, 0.4, 0.08)[character]
        width = (2.0, 1.6, 1.4, 0.9)[character]
        sidewalk = rng.uniform(width, width + 2.0, 2)
        return cls(
            seed=seed,
            bend=bend,
            lane_width=float(rng.uniform(3.0, 3.6)),
            lanes=int(rng.choice([1, 2], p=[0.72, 0.28])),
            parking=(bool(parking[0]), bool(parking[1])),
            sidewalk=(float(sidewalk[0]), float(sidewalk[1])),
            kerb=float(rng.uniform(0.1, 0.16)),
            character=character,
            crowd=float(rng.uniform(0.25, 0.8) * (1.0, 0.7, 0.5, 0.25)[character]),
            traffic=float(rng.uniform(0.25, 0.75)),
            trees=bool(rng.random() < (0.55, 0.6, 0.25, 0.4)[character]),
            double_line=bool(rng.random() < 0.25),
            median=Median(int(rng.choice(3, p=[0.7, 0.16, 0.14]))),
        )

    @property
    def median_half(self) -> float:
        """Return half of the width of what divides the directions."""
        return _MEDIAN_HALF_M[self.median]

    @property
    def lanes_end(self) -> float:
        """Return the distance from the middle of the road to the last lane's far edge."""
        return self.median_half + self.lanes * self.lane_width

    def lane_y(self, lane: int, direction: int) -> float:
        """Return where the middle of a lane is; ``lane`` 0 is the innermost."""
        return -direction * (self.median_half + (lane + 0.5) * self.lane_width)

    def half_width(self, side: int) -> float:
        """Return the distance from the middle of the road to the kerb; ``side`` is 1 or -1."""
        return self.lanes_end + PARKING_M * self.parking[self._number(side)]

    def outer(self, side: int) -> float:
        """Return the distance from the middle of the road to the sidewalk's far edge."""
        return self.half_width(side) + self.sidewalk[self._number(side)]

    def has_parking(self, side: int) -> bool:
        return self.parking[self._number(side)]

    def side_of(self, block: int, side: int) -> Side:
        """Return what lies along ``side`` of ``block``."""
        chance = _once(self.seed, Stream.SIDE, block >> _TRADE, side)
        return Side(int(np.searchsorted(np.cumsum(_CHARACTERS[self.character]), chance, 'right')))

    def has_junction(self, block: int) -> bool:
        """Return whether a road crosses at the start of ``block``."""
        often = (0.4, 0.35, 0.3, 0.15)[self.character]
        return _once(self.seed, Stream.JUNCTION, block) < often

    def has_bridge(self, block: int) -> bool:
        """Return whether a bridge leads over the middle of ``block``."""
        return _once(self.seed, Stream.BRIDGE, block) < 0.16

    def bent(self, street: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return world coordinates (..., 3) of street coordinates (..., 3)."""
        world = np.array(street, np.float64)
        if self.bend:
            radius = 1 / self.bend
            angle, across = world[..., 0] * self.bend, radius - world[..., 1]
            world[..., 0] = np.sin(angle) * across
            world[..., 1] = radius - np.cos(angle) * across
        return world.astype(np.float32)

    @staticmethod
    def _number(side: int) -> int:
        return 0 if side > 0 else 1


@lru_cache(maxsize=4096)
def _once(seed: int, purpose: Stream, block: int, *place: int) -> float:
    return float(dice(seed, purpose, block, *place))
