"""Houses and bridges."""

from __future__ import annotations

import numpy as np

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.mesh import (
    BACK,
    LEFT,
    RIGHT,
    Colour,
    Mesh,
    box,
    decal,
    gable,
    join,
)
from robustseg_core.data.streets.plan import StreetPlan
from robustseg_core.data.streets.textures import Material

FLOOR_M = 3.1
_PLASTER: tuple[Colour, ...] = (
    (0.62, 0.55, 0.42),
    (0.66, 0.62, 0.55),
    (0.55, 0.42, 0.33),
    (0.5, 0.52, 0.5),
    (0.6, 0.48, 0.4),
    (0.42, 0.47, 0.52),
)
_BRICK: tuple[Colour, ...] = ((0.36, 0.16, 0.11), (0.42, 0.24, 0.16), (0.3, 0.17, 0.14))
_DARK: Colour = (0.04, 0.045, 0.05)


def house(rng: np.random.Generator, *, floors: int, shop: bool) -> Mesh:
    """Return a house whose front looks along -y; its windows come with the facade's texture."""
    length, depth = rng.uniform(8, 17), rng.uniform(8, 12)
    kind = rng.integers(3) if floors > 3 else rng.integers(2)
    if kind == 2:
        colour, material = (0.5, 0.52, 0.55), Material.OFFICE
    elif kind == 1:
        colour, material = _BRICK[rng.integers(len(_BRICK))], Material.BRICK_FACADE
    else:
        colour, material = _PLASTER[rng.integers(len(_PLASTER))], Material.FACADE
    tint: Colour = tuple(np.clip(np.array(colour) * rng.uniform(0.8, 1.2), 0, 1))
    height = floors * FLOOR_M
    body = box((length, depth, height), (0, 0, 0), tint, Class.BUILDING, material)
    parts = [body, *_entrance(rng, body, length, height, shop=shop)]
    if kind != 2 and rng.random() < 0.5:
        tile: Colour = ((0.36, 0.14, 0.09), (0.17, 0.17, 0.18), (0.25, 0.15, 0.11))[
            rng.integers(3)
        ]
        parts.append(
            gable(
                (length + 0.6, depth + 0.8, rng.uniform(2, 4)),
                (0, 0, height),
                tile,
                tint,
                Class.BUILDING,
            ).lifted(2)
        )
        chimney = box(
            (0.7, 0.6, 3.6),
            (length * 0.28, -depth * 0.2, height),
            (0.3, 0.16, 0.12),
            Class.BUILDING,
            Material.BRICKS,
            level=3,
        )
        parts.append(chimney)
    else:
        edge: Colour = tuple(np.array(tint) * 0.8)
        parts.append(
            box(
                (length + 0.3, depth + 0.3, 0.5),
                (0, 0, height),
                edge,
                Class.BUILDING,
                Material.CONCRETE,
                level=2,
                underside=True,
            )
        )
    if floors > 2 and rng.random() < 0.4:
        parts += _balconies(rng, length, depth, floors)
    return join(parts)


def _entrance(
    rng: np.random.Generator, body: Mesh, length: float, height: float, *, shop: bool
) -> list[Mesh]:
    storey = FLOOR_M / height
    wide = 1.2 / length
    parts = []
    if shop:
        sign: Colour = tuple(rng.uniform(0.1, 0.7, 3))
        for k in range(2):
            span = (0.04 + 0.5 * k, 0.46 + 0.5 * k, 0.14 * storey, 0.74 * storey)
            parts.append(decal(body, RIGHT, span, (0.3, 0.27, 0.2), Material.GLASS, glow=0.12))
        parts.append(decal(body, RIGHT, (0.02, 0.98, 0.8 * storey, storey), sign, glow=0.03))
    else:
        # The front's lowest windows make room for a door.
        at = rng.uniform(0.1, 0.8)
        door: Colour = tuple(rng.uniform(0.05, 0.3, 3))
        parts.append(
            decal(
                body,
                RIGHT,
                (at - 0.4 * wide, at + 1.4 * wide, 0, 0.85 * storey),
                (0.5, 0.48, 0.44),
            )
        )
        parts.append(
            decal(body, RIGHT, (at, at + wide, 0, 0.75 * storey), door, Material.PLANKS).lifted(1)
        )
    plinth: Colour = tuple(body.colour[0] * 0.55)
    parts.append(decal(body, LEFT, (0, 1, 0, 0.2 * storey), plinth))
    parts.append(decal(body, RIGHT, (0, 1, 0, 0.12 * storey), plinth))
    parts.append(decal(body, BACK, (0, 1, 0, 0.12 * storey), plinth))
    return parts


def _balconies(rng: np.random.Generator, length: float, depth: float, floors: int) -> list[Mesh]:
    x = rng.uniform(-0.3, 0.3) * length
    colour: Colour = tuple(rng.uniform(0.2, 0.6) * np.ones(3))
    return [
        box((2.4, 0.9, 1.05), (x, -depth / 2 - 0.45, floor * FLOOR_M + 0.1), colour,
            Class.BUILDING, Material.METAL, level=4, underside=True)
        for floor in range(1, floors)
    ]  # fmt: skip


def warehouse(rng: np.random.Generator) -> Mesh:
    """Return a windowless hall with gates, whose front looks along -y."""
    length, depth, height = rng.uniform(20, 38), 16.0, rng.uniform(5, 9)
    colour: Colour = ((0.42, 0.45, 0.48), (0.25, 0.33, 0.42), (0.5, 0.47, 0.4))[rng.integers(3)]
    body = box((length, depth, height), (0, 0, 0), colour, Class.BUILDING, Material.METAL)
    parts = [body]
    for k in range(max(1, int(length // 7))):
        left = 0.05 + k * 7 / length
        parts.append(
            decal(
                body,
                RIGHT,
                (left, left + 3.6 / length, 0, 3.8 / height),
                (0.2, 0.2, 0.22),
                Material.PLANKS,
            )
        )
    roof = gable(
        (length + 0.4, depth + 0.6, 1.8), (0, 0, height), (0.3, 0.31, 0.33), colour, Class.BUILDING
    )
    return join([*parts, roof.lifted(2)])


def bridge(plan: StreetPlan, rng: np.random.Generator) -> list[Mesh]:
    """Return the parts, as separate objects, of a bridge across the street."""
    width, low, thick = rng.uniform(5, 9), rng.uniform(4.8, 5.6), rng.uniform(0.8, 1.3)
    stone = rng.random() < 0.5
    colour: Colour = (0.42, 0.38, 0.33) if stone else (0.4, 0.41, 0.42)
    material = Material.BRICKS if stone else Material.CONCRETE
    left, right = plan.outer(1), plan.outer(-1)
    parts = []
    for y0, y1 in ((-60.0, -right), (-right, left), (left, 60.0)):
        size, y = y1 - y0, (y0 + y1) / 2
        deck = box(
            (width, size, thick), (0, y, low), colour, Class.BRIDGE, material, underside=True
        )
        rails = [
            box(
                (0.12, size, 0.9),
                (x, y, low + thick),
                (0.25, 0.3, 0.27),
                Class.BRIDGE,
                Material.METAL,
                level=1,
            )
            for x in (-width / 2 + 0.1, width / 2 - 0.1)
        ]
        parts.append(join([deck, *rails]))
    for side in (1, -1):
        outer = plan.outer(side)
        parts.append(
            box(
                (width * 0.9, 1.2, low),
                (0, side * (outer + 0.7), 0),
                colour,
                Class.BRIDGE,
                material,
            )
        )
        parts.append(
            box(
                (width * 0.8, 12.0, low),
                (0, side * (outer + 22), 0),
                colour,
                Class.BRIDGE,
                material,
            )
        )
    return parts
