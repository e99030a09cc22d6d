"""Road users: cars, vans, trucks, buses, two-wheelers, pedestrians; all head along +x.

Their lamps glow; who places them by day puts them out.
"""

from __future__ import annotations

import numpy as np

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.mesh import (
    BACK,
    FRONT,
    LEFT,
    RIGHT,
    Colour,
    Mesh,
    box,
    decal,
    disc,
    join,
)
from robustseg_core.data.streets.people import PAINTS, pick_colour
from robustseg_core.data.streets.textures import Material

_WHITE: Colour = (1.0, 0.95, 0.8)
_RED: Colour = (0.9, 0.03, 0.02)
_DARK: Colour = (0.03, 0.035, 0.04)
_TYRE: Colour = (0.025, 0.025, 0.025)


def car(rng: np.random.Generator) -> Mesh:
    """Return a saloon, hatchback or small van."""
    paint = pick_colour(rng, PAINTS)
    length, width = rng.uniform(3.8, 4.8), rng.uniform(1.72, 1.9)
    height = rng.uniform(1.42, 1.6)
    if rng.random() < 0.25:  # a van
        length, width, height = (
            rng.uniform(4.6, 5.3),
            rng.uniform(1.85, 2.0),
            rng.uniform(1.85, 2.3),
        )
    waist = height * rng.uniform(0.54, 0.6)
    cabin_length = length * (0.8 if height > 1.8 else rng.uniform(0.52, 0.66))
    set_back = -length * 0.08 if height > 1.8 else -length * rng.uniform(0.04, 0.14)
    body = box(
        (length, width, waist - 0.24), (0, 0, 0.24), paint, Class.CARS, Material.PAINT,
        taper=(0.97, 0.96),
    )  # fmt: skip
    cabin = box(
        (cabin_length, width * 0.95, height - waist), (set_back, 0, waist), paint, Class.CARS,
        Material.PAINT, taper=(rng.uniform(0.62, 0.78), 0.82), level=2,
    )  # fmt: skip
    parts = [body, cabin]
    parts += [
        decal(cabin, side, (0.06, 0.94, 0.1, 0.9), _DARK, Material.GLASS) for side in (FRONT, BACK)
    ]
    for side in (LEFT, RIGHT):
        parts.append(decal(cabin, side, (0.07, 0.49, 0.12, 0.88), _DARK, Material.GLASS))
        parts.append(decal(cabin, side, (0.53, 0.93, 0.12, 0.88), _DARK, Material.GLASS))
    parts += _lamps(body, high=(0.5, 0.78), wide=0.2)
    parts.append(decal(body, BACK, (0.36, 0.64, 0.3, 0.46), (0.8, 0.8, 0.75), Material.RETRO))
    parts.append(decal(body, FRONT, (0.25, 0.75, 0.12, 0.42), _DARK))
    for side in (FRONT, BACK, LEFT, RIGHT):
        parts.append(decal(body, side, (0.0, 1.0, 0.0, 0.16), _DARK))
    return join([*parts, *_wheels((-0.31, 0.31), length, width, 0.32, Class.CARS)])


def truck(rng: np.random.Generator) -> Mesh:
    """Return a lorry: a cab and a cargo box."""
    length, width, height = rng.uniform(6.5, 9.5), rng.uniform(2.3, 2.5), rng.uniform(2.9, 3.6)
    nose = 1.9
    cargo_paint = pick_colour(
        rng, ((0.75, 0.75, 0.72), (0.5, 0.15, 0.1), (0.2, 0.3, 0.5), (0.4, 0.42, 0.3))
    )
    frame = box((length, width * 0.8, 0.5), (0, 0, 0.45), _DARK, Class.TRUCK, Material.METAL)
    cab = box(
        (nose, width * 0.96, height * 0.68), ((length - nose) / 2, 0, 0.5),
        pick_colour(rng, PAINTS), Class.TRUCK, Material.PAINT, taper=(0.9, 0.95), level=1,
    )  # fmt: skip
    cargo = box(
        (length - nose - 0.3, width, height - 0.95), (-(nose + 0.3) / 2, 0, 0.95), cargo_paint,
        Class.TRUCK, Material.METAL, level=1,
    )  # fmt: skip
    parts = [frame, cab, cargo, decal(cab, FRONT, (0.06, 0.94, 0.5, 0.92), _DARK, Material.GLASS)]
    parts += [
        decal(cab, side, (0.25, 0.85, 0.5, 0.9), _DARK, Material.GLASS) for side in (LEFT, RIGHT)
    ]
    parts += [
        decal(cargo, side, (0.2, 0.8, 0.3, 0.7), pick_colour(rng, PAINTS))
        for side in (LEFT, RIGHT)
    ]
    parts += [
        decal(cargo, BACK, span, _DARK) for span in ((0.49, 0.51, 0, 1), (0.0, 1.0, 0.0, 0.04))
    ]
    parts += _lamps(cab, high=(0.05, 0.17), wide=0.2)[:2]
    parts += _lamps(cargo, high=(0.02, 0.09), wide=0.12)[2:]
    return join([*parts, *_wheels((-0.36, -0.24, 0.38), length, width, 0.48, Class.TRUCK)])


def bus(rng: np.random.Generator) -> Mesh:
    """Return a city bus with a band of windows."""
    length, width, height = rng.uniform(9.5, 12.0), 2.5, rng.uniform(2.7, 2.9)
    paint = pick_colour(
        rng, ((0.6, 0.06, 0.05), (0.75, 0.6, 0.08), (0.1, 0.25, 0.5), (0.1, 0.4, 0.3))
    )
    body = box(
        (length, width, height), (0, 0, 0.3), paint, Class.BUS, Material.PAINT, taper=(0.985, 0.94)
    )
    parts = [body]
    parts += [
        decal(body, side, (0.05, 0.95, 0.42, 0.92), _DARK, Material.GLASS)
        for side in (FRONT, BACK)
    ]
    for side in (LEFT, RIGHT):
        for k in range(7):
            span = (0.03 + k * 0.135, 0.145 + k * 0.135, 0.42, 0.84)
            parts.append(decal(body, side, span, (0.05, 0.042, 0.03), Material.GLASS, glow=2.0))
        parts.append(decal(body, side, (0.0, 1.0, 0.3, 0.36), (0.8, 0.8, 0.8)))
    for left in (0.1, 0.5):
        parts.append(decal(body, RIGHT, (left, left + 0.1, 0.03, 0.85), _DARK, Material.GLASS))
    parts += _lamps(body, high=(0.1, 0.2), wide=0.16)
    parts.append(decal(body, FRONT, (0.25, 0.75, 0.86, 0.97), (0.9, 0.5, 0.05), glow=0.5))
    return join([*parts, *_wheels((-0.3, 0.32), length, width, 0.48, Class.BUS)])


def two_wheeler(rng: np.random.Generator) -> Mesh:
    """Return a bicycle or a motorcycle."""
    motor = rng.random() < 0.5
    radius = 0.31 if motor else 0.34
    base = 0.66 if motor else 0.54
    paint = pick_colour(rng, PAINTS)
    parts = []
    for x in (-base, base):
        for facing in (-1, 1):
            at = (x, 0.03 * facing, radius)
            parts.append(disc(radius, at, (0, facing, 0), _TYRE, Class.TWO_WHEELER))
            hub = (x, 0.035 * facing, radius)
            if motor:
                parts.append(
                    disc(radius * 0.5, hub, (0, facing, 0), (0.4, 0.4, 0.4), Class.TWO_WHEELER)
                )
        parts.append(box((0.1, 0.07, 2 * radius), (x, 0, 0), _TYRE, Class.TWO_WHEELER))
    wide, low, tall = (0.34, 0.3, 0.5) if motor else (0.07, 0.42, 0.3)
    parts.append(
        box(
            (base * 1.5, wide, tall),
            (0, 0, low),
            paint,
            Class.TWO_WHEELER,
            Material.PAINT,
            level=1,
        )
    )
    bar = box((0.08, 0.62, 0.08), (base * 0.75, 0, 0.98), _DARK, Class.TWO_WHEELER, Material.METAL)
    stem = box((0.08, 0.08, 0.5), (base * 0.85, 0, 0.55), _DARK, Class.TWO_WHEELER, Material.METAL)
    seat = box((0.4, 0.2, 0.1), (-0.25, 0, 0.82), _DARK, Class.TWO_WHEELER)
    lamp = box((0.1, 0.16, 0.14), (base * 1.02, 0, 0.78), _WHITE, Class.TWO_WHEELER, glow=2.0)
    tail = box((0.06, 0.14, 0.1), (-base * 1.02, 0, 0.7), _RED, Class.TWO_WHEELER, Material.RETRO)
    parts += [mesh.lifted(1) for mesh in (bar, stem, seat, lamp, tail)]
    return join(parts)


def _lamps(body: Mesh, *, high: tuple[float, float], wide: float) -> list[Mesh]:
    """Return two head lamps, then two tail lamps."""
    spans = ((0.04, 0.04 + wide, *high), (0.96 - wide, 0.96, *high))
    head = [decal(body, FRONT, s, _WHITE, Material.PLAIN, glow=3.0) for s in spans]
    tail = [decal(body, BACK, s, _RED, Material.RETRO, glow=0.8) for s in spans]
    return head + tail


def _wheels(
    places: tuple[float, ...], length: float, width: float, radius: float, label: int
) -> list[Mesh]:
    """Return wheels at fractions of the length, as seen from either side."""
    parts = []
    for place in places:
        for side in (-1, 1):
            at = (place * length, side * (width / 2 + 0.005), radius)
            parts.append(disc(radius, at, (0, side, 0), _TYRE, label, level=3))
            hub = (at[0], side * (width / 2 + 0.01), radius)
            parts.append(
                disc(radius * 0.55, hub, (0, side, 0), (0.4, 0.4, 0.42), label, level=4,
                     material=Material.METAL)
            )  # fmt: skip
        parts.append(
            box((radius, width - 0.1, 0.4), (place * length, 0, 0), _TYRE, label, level=-1)
        )
    return parts
