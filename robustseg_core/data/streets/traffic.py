"""Everything that moves: vehicles in lanes, walkers on sidewalks and zebra crossings.

The members of a lane all move alike, and each follows from its number in the lane alone: any
moment can be drawn without the moments before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.ground import JUNCTION_M
from robustseg_core.data.streets.library import GAIT, things, walkers
from robustseg_core.data.streets.placing import Placed, Tint
from robustseg_core.data.streets.plan import BLOCK_M, StreetPlan
from robustseg_core.data.streets.randomness import Stream, dice, stream

VEHICLE_GAP_M = 19.0
WALKER_GAP_M = 6.0
WALKER_SPEED = 1.3
_KINDS = ('car', 'rider', 'truck', 'bus')
_KIND_SHARE = (0.52, 0.24, 0.12, 0.12)
_VEHICLE, _WALKER, _CROSSING = range(3)


class Ride(NamedTuple):
    """How the recording vehicle moves along the street.

    Attributes:
        start_m: Where it is at time 0.
        speed: Mean speed in m/s.
        surge_m: How far it gets ahead of and behind the mean.
        surge_rad_s: How fast it does so.
        lane: Its lane, 0 next to the middle.
    """

    start_m: float
    speed: float
    surge_m: float
    surge_rad_s: float
    lane: int

    def x(self, time_s: float) -> float:
        """Return where it is along the street at a time."""
        surge = self.surge_m * float(np.sin(self.surge_rad_s * time_s))
        return self.start_m + self.speed * time_s + surge

    def speed_at(self, time_s: float) -> float:
        """Return its speed at a time, in m/s."""
        swing = float(np.cos(self.surge_rad_s * time_s))
        return self.speed + self.surge_m * self.surge_rad_s * swing

    @classmethod
    def from_plan(cls, plan: StreetPlan) -> Ride:
        """Draw a ride."""
        rng = stream(plan.seed, Stream.RIDE)
        return cls(
            start_m=float(rng.uniform(0, 4000)),
            speed=float(rng.uniform(5, 13)),
            surge_m=float(rng.uniform(0, 2)),
            surge_rad_s=float(rng.uniform(0.3, 0.8)),
            lane=int(rng.integers(plan.lanes)),
        )


class Mover(NamedTuple):
    """Something that moves: what and where it is, and its velocity along and across the street."""

    placed: Placed
    velocity: tuple[float, float]


def moving(
    plan: StreetPlan, ride: Ride, time_s: float, reach: tuple[float, float], glow: float
) -> tuple[list[Placed], NDArray[np.float64]]:
    """Return what moves, where it is at a time, and velocities (N, 2) in m/s on the street.

    ``reach`` is how far behind and ahead of the ride to look, in metres; ``glow`` a factor on the
    vehicles' lamps.
    """
    here = ride.x(time_s)
    span = (here - reach[0], here + reach[1])
    movers = [
        *_vehicles(plan, ride, time_s, span, glow),
        *_walkers(plan, time_s, span),
        *_crossing(plan, ride, here, span),
    ]
    velocity = np.array([mover.velocity for mover in movers]).reshape(-1, 2)
    return [mover.placed for mover in movers], velocity


def _vehicles(
    plan: StreetPlan, ride: Ride, time_s: float, span: tuple[float, float], glow: float
) -> list[Mover]:
    movers = []
    for lane in range(plan.lanes):
        for direction in (1, -1):
            name = 2 * lane + (direction < 0)
            own = direction > 0 and lane == ride.lane
            # Vehicles of the own lane keep their distance; the others pass by.
            relative = 5.0 * float(dice(plan.seed, Stream.AGENT, name, _VEHICLE)) - 2.5
            speed = ride.speed_at(time_s) if own else direction * max(4.0, ride.speed + relative)
            offset = ride.x(time_s) if own else speed * time_s
            numbers = _numbers(span, offset, VEHICLE_GAP_M)
            chance, jitter, sway, kind, which = _dice(plan.seed, numbers, 5, _VEHICLE, name)
            xs = numbers * VEHICLE_GAP_M + 6 * jitter - 3 + offset
            ys = plan.lane_y(lane, direction) + 0.5 * sway - 0.25
            kinds = np.searchsorted(np.cumsum(_KIND_SHARE[:-1]), kind)
            heading = 0.0 if direction > 0 else np.pi
            for k in np.flatnonzero((chance < plan.traffic) & ~(own & (numbers == 0))).tolist():
                choice = things(_KINDS[kinds[k]])
                (mesh,) = choice[int(which[k] * len(choice))]
                tint = _tint(jitter[k], sway[k])
                placed = Placed(mesh, float(xs[k]), float(ys[k]), 0.0, heading, tint, glow)
                movers.append(Mover(placed, (speed, 0.0)))
    return movers


def _walkers(plan: StreetPlan, time_s: float, span: tuple[float, float]) -> list[Mover]:
    movers = []
    for side in (1, -1):
        for direction in (1, -1):
            name = 2 * (side > 0) + (direction > 0)
            brisk = 0.8 + 0.4 * float(dice(plan.seed, Stream.AGENT, name, _WALKER))
            speed = direction * WALKER_SPEED * brisk
            inner, outer = plan.half_width(side) + 1.1, plan.outer(side) - 0.3
            # Those who come and those who go keep to different halves of the sidewalk.
            half = max((outer - inner) / 2, 0.0)
            start = inner + half * (direction > 0)
            numbers = _numbers(span, speed * time_s, WALKER_GAP_M)
            chance, jitter, place, which = _dice(plan.seed, numbers, 4, _WALKER, name)
            xs = numbers * WALKER_GAP_M + 5 * jitter - 2.5 + speed * time_s
            heading = 0.0 if direction > 0 else np.pi
            for k in np.flatnonzero(chance < plan.crowd).tolist():
                person = walkers()[int(which[k] * len(walkers()))]
                mesh = person[int(time_s * 3.6 + GAIT * place[k]) % GAIT]
                y = side * (start + float(place[k]) * half)
                tint = _tint(jitter[k], place[k])
                placed = Placed(mesh, float(xs[k]), y, plan.kerb, heading, tint)
                movers.append(Mover(placed, (speed, 0.0)))
    return movers


def _crossing(plan: StreetPlan, ride: Ride, here: float, span: tuple[float, float]) -> list[Mover]:
    """Return people on zebra crossings, who are over when the ride arrives."""
    movers = []
    for block in range(int(span[0] // BLOCK_M), int(span[1] // BLOCK_M) + 1):
        if not plan.has_junction(block):
            continue
        numbers = np.arange(3)
        present, before, wide, way, late, which = _dice(plan.seed, numbers, 6, _CROSSING, block)
        for k in np.flatnonzero(present < 0.55).tolist():
            place = -2.3 if before[k] < 0.5 else JUNCTION_M + 2.3
            x = block * BLOCK_M + place + 1.6 * float(wide[k]) - 0.8
            direction = 1 if way[k] < 0.5 else -1
            # Metres left to walk when the ride is still this far away.
            left = max(0.0, (x - here - 9 - 17 * float(late[k])) * WALKER_SPEED / ride.speed)
            goal, start = plan.half_width(direction) + 1.2, plan.half_width(-direction) + 1.2
            walks = 0 < left < goal + start
            y = direction * max(goal - left, -start)
            on_road = -plan.half_width(-1) < y < plan.half_width(1)
            person = walkers()[int(which[k] * len(walkers()))]
            mesh = person[int((goal - left) * 2.8) % GAIT if walks else 0]
            tint = _tint(wide[k], late[k])
            placed = Placed(mesh, x, y, 0.0 if on_road else plan.kerb, direction * np.pi / 2, tint)
            movers.append(Mover(placed, (0.0, direction * WALKER_SPEED * walks)))
    return movers


def _dice(seed: int, numbers: NDArray[np.int64], count: int, *place: int) -> NDArray[np.float64]:
    """Return ``count`` dice (count, N) of each of ``numbers`` (N,)."""
    return dice(seed, Stream.AGENT, numbers * 16 + np.arange(count)[:, None], *place, 1)


def _tint(first: float, second: float) -> Tint:
    """Return a tint that follows from two dice."""
    return 0.8 + 0.4 * float(first), 0.8 + 0.2 * float(first + second), 0.8 + 0.4 * float(second)


def _numbers(span: tuple[float, float], offset: float, gap: float) -> NDArray[np.int64]:
    return np.arange(
        np.ceil((span[0] - offset) / gap), np.floor((span[1] - offset) / gap) + 1
    ).astype(np.int64)
