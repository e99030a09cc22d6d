"""People, on foot and riding."""

from __future__ import annotations

import numpy as np

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.mesh import Colour, Mesh, box, join
from robustseg_core.data.streets.textures import Material

PAINTS: tuple[Colour, ...] = (
    (0.75, 0.75, 0.76),
    (0.05, 0.05, 0.06),
    (0.35, 0.36, 0.38),
    (0.5, 0.05, 0.05),
    (0.06, 0.12, 0.42),
    (0.12, 0.3, 0.15),
    (0.7, 0.55, 0.1),
    (0.25, 0.4, 0.55),
    (0.55, 0.5, 0.42),
)
_SKIN: tuple[Colour, ...] = ((0.6, 0.42, 0.32), (0.35, 0.22, 0.15), (0.5, 0.33, 0.22))
_DARK: Colour = (0.03, 0.035, 0.04)


def pedestrian(rng: np.random.Generator, phase: int) -> Mesh:
    """Return a person in one of the four phases of a step."""
    height = rng.uniform(1.5, 1.92)
    cloth, trousers = _clothes(rng)
    skin, hair = (
        pick_colour(rng, _SKIN),
        pick_colour(rng, ((0.05, 0.04, 0.03), (0.3, 0.2, 0.1), (0.5, 0.5, 0.5))),
    )
    step = (0.0, 0.2, 0.0, -0.2)[phase]
    scale = height / 1.75
    parts = []
    for side, swing in ((-1, step), (1, -step)):
        leg = box(
            (0.16, 0.16, 0.85),
            (swing * 0.5, 0.1 * side, 0),
            trousers,
            Class.PEDESTRIAN,
            Material.CLOTH,
        )
        foot = box((0.26, 0.11, 0.09), (swing + 0.05, 0.1 * side, 0), _DARK, Class.PEDESTRIAN)
        arm = box(
            (0.11, 0.1, 0.6),
            (-swing * 0.6, 0.27 * side, 0.85),
            cloth,
            Class.PEDESTRIAN,
            Material.CLOTH,
        )
        parts += [foot, leg, arm]
    parts.append(
        box(
            (0.24, 0.4, 0.64),
            (0, 0, 0.83),
            cloth,
            Class.PEDESTRIAN,
            Material.CLOTH,
            taper=(0.9, 1.08),
        )
    )
    parts.append(box((0.19, 0.16, 0.24), (0.02, 0, 1.49), skin, Class.PEDESTRIAN))
    parts.append(box((0.22, 0.2, 0.1), (-0.01, 0, 1.67), hair, Class.PEDESTRIAN))
    if rng.random() < 0.35:
        bag = pick_colour(rng, PAINTS)
        parts.append(
            box((0.16, 0.3, 0.42), (-0.2, 0, 0.98), bag, Class.PEDESTRIAN, Material.CLOTH)
        )
    whole = join(parts)
    return Mesh(
        whole.corners * np.float32(scale), whole.centre * np.float32(scale),
        whole.colour, whole.glow, whole.label, whole.material, whole.level, whole.owner,
    )  # fmt: skip


def rider(rng: np.random.Generator) -> Mesh:
    """Return who sits on a two-wheeler."""
    cloth, trousers = _clothes(rng)
    person = Class.PEDESTRIAN
    parts = [
        box((0.24, 0.42, 0.6), (-0.12, 0, 0.88), cloth, person, Material.CLOTH, taper=(0.9, 1.05)),
        box((0.22, 0.2, 0.26), (0.0, 0, 1.5), pick_colour(rng, (*_SKIN, *PAINTS)), person),
    ]
    for side in (-1, 1):
        parts.append(
            box((0.45, 0.13, 0.16), (0.08, 0.18 * side, 0.78), trousers, person, Material.CLOTH)
        )
        parts.append(
            box((0.14, 0.13, 0.5), (0.25, 0.18 * side, 0.3), trousers, person, Material.CLOTH)
        )
        parts.append(
            box((0.5, 0.1, 0.1), (0.18, 0.26 * side, 1.15), cloth, person, Material.CLOTH)
        )
    return join(parts)


def _clothes(rng: np.random.Generator) -> tuple[Colour, Colour]:
    upper = rng.uniform(0.04, 0.7, 3)
    lower = rng.uniform(0.03, 0.25) * rng.uniform(0.7, 1.3, 3)
    return (upper[0], upper[1], upper[2]), (lower[0], lower[1], lower[2])


def pick_colour(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """Return one of ``colours``, a little off."""
    red, green, blue = np.clip(
        colours[rng.integers(len(colours))] * rng.uniform(0.8, 1.2, 3), 0, 1
    )
    return red, green, blue
