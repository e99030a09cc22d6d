"""What stands beside the road: poles, signs, lights, trees, fences and small things."""

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
    blob,
    box,
    decal,
    disc,
    join,
)
from robustseg_core.data.streets.textures import Material

_STEEL: Colour = (0.32, 0.33, 0.34)
_WOOD: Colour = (0.3, 0.2, 0.12)
LAMP_REACH_M = 1.6


def street_lamp() -> list[Mesh]:
    """Return a pole and its arm, which reaches over the road, along +y.

    They are two objects, because a car below the arm is neither before nor behind the whole.
    """
    pole = box((0.16, 0.16, 6.2), (0, 0, 0), _STEEL, Class.POLE, Material.METAL, taper=(0.6, 0.6))
    arm = box(
        (0.1, LAMP_REACH_M, 0.1), (0, LAMP_REACH_M / 2, 6.15), _STEEL, Class.POLE, underside=True
    )
    head = box(
        (0.28, 0.6, 0.12), (0, LAMP_REACH_M, 6.08), (1.0, 0.85, 0.6), Class.POLE,
        glow=4.0, underside=True, level=1,
    )  # fmt: skip
    return [pole, join([arm, head])]


def traffic_sign(rng: np.random.Generator) -> Mesh:
    """Return a sign on a pole that looks along -x, at those who come."""
    pole = box((0.08, 0.08, 2.6), (0, 0, 0), _STEEL, Class.POLE, Material.METAL)
    kind = rng.integers(4)
    label, retro = Class.TRAFFIC_SIGN, Material.RETRO
    x, z = -0.06, 2.35
    back = disc(0.45, (0.06, 0, z), (1, 0, 0), _STEEL, label, level=1)
    if kind == 0:
        plate = [
            disc(0.45, (x, 0, z), (-1, 0, 0), (0.7, 0.03, 0.03), label, material=retro, level=1),
            disc(
                0.3, (x - 0.01, 0, z), (-1, 0, 0), (0.9, 0.9, 0.9), label, material=retro, level=2
            ),
        ]
    elif kind == 1:
        plate = [
            disc(0.45, (x, 0, z), (-1, 0, 0), (0.03, 0.12, 0.55), label, material=retro, level=1)
        ]
    elif kind == 2:
        board = box((0.06, 0.8, 0.8), (0, 0, z - 0.4), (0.75, 0.6, 0.04), label, retro, level=1)
        plate = [board, decal(board, BACK, (0.1, 0.9, 0.1, 0.9), (0.9, 0.9, 0.85), retro)]
    else:
        board = box((0.06, 1.5, 0.9), (0, 0, z - 0.45), (0.02, 0.2, 0.5), label, retro, level=1)
        plate = [
            board,
            decal(board, BACK, (0.08, 0.92, 0.58, 0.72), (0.9, 0.9, 0.9), retro),
            decal(board, BACK, (0.08, 0.7, 0.25, 0.4), (0.9, 0.9, 0.9), retro),
        ]
    return join([pole, *plate, *([back] if kind < 2 else [])])


def traffic_light(*, green: bool) -> Mesh:
    """Return a traffic light that looks along -x."""
    pole = box((0.14, 0.14, 2.7), (0, 0, 0), _STEEL, Class.POLE, Material.METAL)
    head = box(
        (0.36, 0.42, 1.15),
        (0, 0, 2.5),
        (0.03, 0.035, 0.03),
        Class.TRAFFIC_LIGHT,
        level=1,
        underside=True,
    )
    lamps = []
    for place, colour, on in (
        (0.7, (0.95, 0.04, 0.02), not green),
        (0.39, (0.9, 0.55, 0.03), False),
        (0.08, (0.05, 0.9, 0.4), green),
    ):
        dim: Colour = colour if on else (colour[0] * 0.25, colour[1] * 0.25, colour[2] * 0.25)
        lamps.append(decal(head, BACK, (0.22, 0.78, place, place + 0.22), dim, glow=1.6 * on))
    return join([pole, head, *lamps])


def bus_stop(rng: np.random.Generator) -> Mesh:
    """Return a shelter that opens along +y."""
    pane: Colour = (0.25, 0.3, 0.33)
    parts = [
        box((3.6, 0.08, 1.9), (0, -0.7, 0.3), pane, Class.STATIC, Material.GLASS),
        box((0.08, 1.3, 1.9), (-1.8, 0, 0.3), pane, Class.STATIC, Material.GLASS),
        box(
            (3.9, 1.7, 0.14), (0, 0, 2.3), (0.3, 0.32, 0.34), Class.STATIC, underside=True, level=1
        ),
        box((2.4, 0.4, 0.1), (0, -0.4, 0.5), _WOOD, Class.STATIC, Material.PLANKS),
    ]
    parts += [box((0.09, 0.09, 2.3), (x, 0.7, 0), _STEEL, Class.STATIC) for x in (-1.75, 1.75)]
    poster: Colour = tuple(rng.uniform(0.1, 0.8, 3))
    parts.append(decal(parts[1], FRONT, (0.1, 0.9, 0.05, 0.95), poster))
    return join(parts)


def small_static(rng: np.random.Generator) -> Mesh:
    """Return a bin, a bench, a hydrant, a planter or a switch box."""
    kind = rng.integers(5)
    if kind == 0:
        colour = ((0.08, 0.25, 0.1), (0.1, 0.15, 0.35), (0.3, 0.25, 0.05))[rng.integers(3)]
        body = box((0.6, 0.6, 0.95), (0, 0, 0.05), colour, Class.STATIC, taper=(1.15, 1.15))
        lid = box((0.72, 0.72, 0.1), (0, 0, 1.0), (0.05, 0.05, 0.05), Class.STATIC, level=1)
        return join([body, lid])
    if kind == 1:
        return join(
            [
                box((1.8, 0.45, 0.08), (0, 0, 0.42), _WOOD, Class.STATIC, Material.PLANKS),
                box((1.8, 0.07, 0.45), (0, -0.25, 0.48), _WOOD, Class.STATIC, Material.PLANKS),
                box((0.1, 0.4, 0.42), (-0.75, 0, 0), _STEEL, Class.STATIC, level=-1),
                box((0.1, 0.4, 0.42), (0.75, 0, 0), _STEEL, Class.STATIC, level=-1),
            ]
        )
    if kind == 2:
        red: Colour = (0.6, 0.05, 0.04)
        return join(
            [
                box((0.26, 0.26, 0.6), (0, 0, 0), red, Class.STATIC),
                box((0.34, 0.42, 0.14), (0, 0, 0.42), red, Class.STATIC, level=1),
                box((0.22, 0.22, 0.14), (0, 0, 0.6), red, Class.STATIC, taper=(0.4, 0.4)),
            ]
        )
    if kind == 3:
        pot = box((1.3, 0.6, 0.5), (0, 0, 0), (0.4, 0.38, 0.35), Class.STATIC, Material.CONCRETE)
        green = blob(
            (1.2, 0.6, 0.7),
            (0, 0, 0.75),
            (0.12, 0.28, 0.06),
            Class.VEGETATION,
            Material.LEAVES,
            rng,
        )
        return join([pot, green.lifted(1)])
    return box((0.9, 0.4, 1.25), (0, 0, 0), (0.38, 0.42, 0.38), Class.STATIC, Material.METAL)


def dynamic(rng: np.random.Generator) -> Mesh:
    """Return a thing that may move: a cone, a barrier, a pram, a dog or a wheeled container."""
    kind = rng.integers(4)
    orange: Colour = (0.85, 0.25, 0.03)
    if kind == 0:
        foot = box((0.42, 0.42, 0.06), (0, 0, 0), orange, Class.DYNAMIC)
        cone = box(
            (0.32, 0.32, 0.7), (0, 0, 0.06), orange, Class.DYNAMIC, taper=(0.15, 0.15), level=1
        )
        bands = [
            decal(cone, side, (0, 1, 0.4, 0.65), (0.9, 0.9, 0.9), Material.RETRO)
            for side in range(4)
        ]
        return join([foot, cone, *bands])
    if kind == 1:
        board = box(
            (0.08, 1.8, 0.32),
            (0, 0, 0.75),
            (0.9, 0.9, 0.9),
            Class.DYNAMIC,
            Material.RETRO,
            underside=True,
        )
        stripes = [
            decal(board, side, (k / 5, k / 5 + 0.1, 0, 1), (0.75, 0.04, 0.03), Material.RETRO)
            for side in (FRONT, BACK)
            for k in range(5)
        ]
        legs = [
            box((0.4, 0.06, 0.8), (0, y, 0), _STEEL, Class.DYNAMIC, taper=(0.2, 1))
            for y in (-0.7, 0.7)
        ]
        return join([*legs, board, *stripes])
    if kind == 2:
        coat: Colour = tuple(rng.uniform(0.1, 0.5) * np.array([1.0, 0.75, 0.5]))
        body = box((0.7, 0.24, 0.28), (0, 0, 0.3), coat, Class.DYNAMIC, Material.CLOTH)
        head = box((0.3, 0.2, 0.22), (0.42, 0, 0.5), coat, Class.DYNAMIC, Material.CLOTH)
        legs = [
            box((0.08, 0.2, 0.32), (x, 0, 0), coat, Class.DYNAMIC, level=-1) for x in (-0.28, 0.28)
        ]
        return join([*legs, body, head])
    tub = box((0.95, 1.2, 1.0), (0, 0, 0.2), (0.1, 0.22, 0.12), Class.DYNAMIC, taper=(1.1, 1.1))
    lid = box(
        (1.1, 1.35, 0.14),
        (0, 0, 1.2),
        (0.07, 0.16, 0.09),
        Class.DYNAMIC,
        taper=(0.8, 0.95),
        level=1,
    )
    wheels = [
        box((0.14, 1.0, 0.2), (x, 0, 0), (0.03, 0.03, 0.03), Class.DYNAMIC, level=-1)
        for x in (-0.35, 0.35)
    ]
    return join([*wheels, tub, lid])


def kiosk(rng: np.random.Generator) -> Mesh:
    """Return a stall, an advertising pillar or a billboard (class Other)."""
    kind = rng.integers(3)
    colour: Colour = tuple(rng.uniform(0.15, 0.75, 3))
    other: Colour = tuple(rng.uniform(0.15, 0.85, 3))
    if kind == 0:
        body = box((2.6, 2.2, 2.4), (0, 0, 0), colour, Class.OTHER, Material.PLANKS)
        roof = box(
            (3.1, 2.9, 0.35),
            (0, 0.1, 2.4),
            other,
            Class.OTHER,
            taper=(0.8, 0.8),
            level=1,
            underside=True,
        )
        return join(
            [body, roof, decal(body, LEFT, (0.1, 0.9, 0.4, 0.85), (0.05, 0.05, 0.06), glow=0.0)]
        )
    if kind == 1:
        core = box((1.0, 1.0, 2.9), (0, 0, 0), (0.4, 0.4, 0.38), Class.OTHER)
        posters = [
            decal(core, side, (0.08, 0.92, 0.2, 0.85), tuple(rng.uniform(0.1, 0.9, 3)))
            for side in (FRONT, LEFT, BACK, RIGHT)
        ]
        cap = box(
            (1.2, 1.2, 0.3), (0, 0, 2.9), (0.1, 0.25, 0.15), Class.OTHER, taper=(0.3, 0.3), level=2
        )
        return join([core, *posters, cap])
    legs = [
        box((0.2, 0.2, 2.2), (0, y, 0), _STEEL, Class.POLE, Material.METAL) for y in (-1.2, 1.2)
    ]
    board = box(
        (0.25, 4.0, 2.4), (0, 0, 2.1), (0.5, 0.5, 0.5), Class.OTHER, underside=True, level=1
    )
    picture = decal(board, BACK, (0.04, 0.96, 0.06, 0.94), colour)
    stripe = decal(board, BACK, (0.1, 0.6, 0.2, 0.45), other)
    return join([*legs, board, picture, stripe.lifted(1)])
