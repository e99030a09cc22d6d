"""What runs along the road: fences, walls, crash barriers, hedges, rails; all lie along +x."""

from __future__ import annotations

import numpy as np

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.mesh import (
    LEFT,
    RIGHT,
    Colour,
    Mesh,
    box,
    decal,
    join,
)
from robustseg_core.data.streets.textures import Material

_WOOD: Colour = (0.3, 0.2, 0.12)


def fence(length: float, *, rails: bool) -> Mesh:
    """Return a fence along x: of rails to see through, or of planks."""
    posts = round(length / 2)
    xs = (np.arange(posts + 1) / posts - 0.5) * length
    if not rails:
        boards = box(
            (length, 0.05, 1.15), (0, 0, 0.1), _WOOD, Class.FENCE, Material.PLANKS, level=0
        )
        parts = [boards, box((length, 0.09, 0.07), (0, 0, 1.25), _WOOD, Class.FENCE, level=1)]
    else:
        grey: Colour = (0.2, 0.22, 0.24)
        parts = [
            box((length, 0.06, 0.08), (0, 0, z), grey, Class.FENCE, Material.METAL)
            for z in (0.3, 0.65, 1.0)
        ]
    parts += [
        box((0.09, 0.09, 1.3), (x, 0, 0), (0.22, 0.18, 0.14), Class.FENCE, level=2) for x in xs
    ]
    return join(parts)


def guard_rail(length: float) -> Mesh:
    """Return a crash barrier along x."""
    beam = box(
        (length, 0.1, 0.34),
        (0, 0, 0.42),
        (0.5, 0.52, 0.54),
        Class.GROUND_RAIL,
        Material.METAL,
        level=1,
        underside=True,
    )
    groove = [
        decal(beam, side, (0, 1, 0.4, 0.6), (0.25, 0.26, 0.27), Material.METAL)
        for side in (LEFT, RIGHT)
    ]
    xs = np.arange(-length / 2 + 1, length / 2, 2.0)
    posts = [box((0.12, 0.14, 0.7), (x, 0, 0), (0.35, 0.36, 0.37), Class.GROUND_RAIL) for x in xs]
    return join([*posts, beam, *groove])


def wall(length: float, height: float, *, bricks: bool) -> Mesh:
    """Return a wall along x."""
    colour: Colour = (0.34, 0.17, 0.12) if bricks else (0.45, 0.44, 0.41)
    material = Material.BRICKS if bricks else Material.CONCRETE
    body = box((length, 0.3, height), (0, 0, 0), colour, Class.WALL, material)
    coping = box(
        (length, 0.42, 0.1),
        (0, 0, height),
        (0.42, 0.42, 0.4),
        Class.WALL,
        Material.CONCRETE,
        level=1,
    )
    return join([body, coping])


def hedge(length: float, height: float) -> Mesh:
    """Return a clipped hedge along x."""
    return box(
        (length, 0.8, height), (0, 0, 0), (0.1, 0.22, 0.05), Class.VEGETATION, Material.LEAVES
    )


def rail(length: float) -> Mesh:
    """Return one rail of a railway along x."""
    return box(
        (length, 0.12, 0.16), (0, 0, 0), (0.3, 0.22, 0.17), Class.RAIL_TRACK, Material.METAL
    )
