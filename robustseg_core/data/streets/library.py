"""Ready-made things to furnish streets with: made once, then copied, tinted and placed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from robustseg_core.data.streets import architecture, barriers, furniture, people, plants, vehicles
from robustseg_core.data.streets.mesh import Mesh, join
from robustseg_core.data.streets.randomness import Stream, stream

Things = tuple[tuple[Mesh, ...], ...]  # each of one or more objects

FENCE_M = 8.0  # fences, walls and rails come in pieces of this length
GAIT = 4  # phases of a step

# Maker of a thing's objects, and how many different ones there are.
_CATALOGUE: dict[str, tuple[Callable[[np.random.Generator], list[Mesh]], int]] = {
    'car': (lambda rng: [vehicles.car(rng)], 60),
    'truck': (lambda rng: [vehicles.truck(rng)], 24),
    'bus': (lambda rng: [vehicles.bus(rng)], 12),
    'rider': (lambda rng: [join([vehicles.two_wheeler(rng), people.rider(rng).lifted(2)])], 32),
    'cycle': (lambda rng: [vehicles.two_wheeler(rng)], 24),
    'house': (
        lambda rng: [
            architecture.house(rng, floors=int(rng.integers(2, 8)), shop=bool(rng.random() < 0.2))
        ],
        70,
    ),
    'shop': (lambda rng: [architecture.house(rng, floors=int(rng.integers(3, 8)), shop=True)], 50),
    'cottage': (
        lambda rng: [architecture.house(rng, floors=int(rng.integers(1, 3)), shop=False)],
        36,
    ),
    'hall': (lambda rng: [architecture.warehouse(rng)], 12),
    'tree': (plants.tree, 48),
    'bush': (lambda rng: [plants.bush(rng)], 16),
    'lamp': (lambda _: furniture.street_lamp(), 1),
    'sign': (lambda rng: [furniture.traffic_sign(rng)], 16),
    'green': (lambda _: [furniture.traffic_light(green=True)], 1),
    'red': (lambda _: [furniture.traffic_light(green=False)], 1),
    'shelter': (lambda rng: [furniture.bus_stop(rng)], 6),
    'static': (lambda rng: [furniture.small_static(rng)], 30),
    'dynamic': (lambda rng: [furniture.dynamic(rng)], 24),
    'kiosk': (lambda rng: [furniture.kiosk(rng)], 20),
    'hedge': (lambda rng: [barriers.hedge(FENCE_M, rng.uniform(0.8, 1.8))], 4),
    'low wall': (
        lambda rng: [
            barriers.wall(FENCE_M, rng.uniform(0.7, 1.2), bricks=bool(rng.random() < 0.5))
        ],
        6,
    ),
    'wall': (
        lambda rng: [
            barriers.wall(FENCE_M, rng.uniform(1.7, 2.9), bricks=bool(rng.random() < 0.6))
        ],
        8,
    ),
    'railing': (lambda _: [barriers.fence(FENCE_M, rails=True)], 1),
    'planks': (lambda _: [barriers.fence(FENCE_M, rails=False)], 1),
    'guard rail': (lambda _: [barriers.guard_rail(FENCE_M)], 1),
    'rail': (lambda _: [barriers.rail(FENCE_M)], 1),
}
_PEOPLE = 40


@cache
def things(kind: str) -> Things:
    """Return the ready-made things called ``kind``."""
    maker, count = _CATALOGUE[kind]
    number = list(_CATALOGUE).index(kind)
    return tuple(tuple(maker(stream(0, Stream.LIBRARY, number, k))) for k in range(count))


@cache
def walkers() -> tuple[tuple[Mesh, ...], ...]:
    """Return pedestrians, each in every phase of a step."""
    return tuple(
        tuple(
            people.pedestrian(stream(0, Stream.LIBRARY, 1000, k), phase) for phase in range(GAIT)
        )
        for k in range(_PEOPLE)
    )


def pick(rng: np.random.Generator, kind: str) -> tuple[Mesh, ...]:
    """Return one of the things called ``kind``."""
    choice = things(kind)
    return choice[int(rng.random() * len(choice))]
