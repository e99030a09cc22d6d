"""Faces: flat, convex, four-cornered, gathered in arrays; and the solids made of them.

Street coordinates: x along the street (m), y to the left of its middle, z up. A solid's own
coordinates are alike, with the origin on the ground below its middle and x to its front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.textures import Material

Float = NDArray[np.float32]
Colour = tuple[float, float, float]
Corner = tuple[float, float, float]


@dataclass(frozen=True)
class Mesh:
    """F faces. A triangle repeats its last corner.

    Attributes:
        corners: (F, 4, 3), counter-clockwise seen from outside; the texture's columns run along
            the first edge, its rows from the first corner to the left of it.
        centre: (F, 3) middle of the convex part that the face belongs to.
        colour: (F, 3) diffuse reflectance in [0, 1].
        glow: (F,) light that the face sends out by itself, times its colour.
        label: (F,) uint8 class id.
        material: (F,) uint8, a Material.
        level: (F,) int16; within an object, faces of a higher level are painted later.
        owner: (F,) int32, the object that the face belongs to.
    """

    corners: Float
    centre: Float
    colour: Float
    glow: Float
    label: NDArray[np.uint8]
    material: NDArray[np.uint8]
    level: NDArray[np.int16]
    owner: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.label)

    def lifted(self, levels: int) -> Mesh:
        """Return the mesh, to be painted ``levels`` later within its object."""
        return replace(self, level=(self.level + levels).astype(np.int16))


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Join ``meshes``; owners are kept."""
    return Mesh(*(np.concatenate([getattr(m, name) for m in meshes]) for name in _FIELDS))


_FIELDS = ('corners', 'centre', 'colour', 'glow', 'label', 'material', 'level', 'owner')


def faces(
    corners: NDArray[np.floating],
    colour: Colour,
    label: int,
    material: Material = Material.PLAIN,
    *,
    glow: float = 0.0,
    level: int = 0,
) -> Mesh:
    """Return one convex part, whose faces (F, 4, 3) look alike."""
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
    count = len(corners)
    flat = corners.reshape(-1, 3)
    middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
    return Mesh(
        corners=corners,
        centre=np.tile(middle, (count, 1)),
        colour=np.tile(np.array(colour, np.float32), (count, 1)),
        glow=np.full(count, glow, np.float32),
        label=np.full(count, label, np.uint8),
        material=np.full(count, material, np.uint8),
        level=np.full(count, level, np.int16),
        owner=np.zeros(count, np.int32),
    )


# Faces of ``box``, by index.
FRONT, LEFT, BACK, RIGHT, TOP = range(5)


def box(
    size: Corner,
    at: Corner,
    colour: Colour,
    label: int,
    material: Material = Material.PLAIN,
    *,
    taper: tuple[float, float] = (1.0, 1.0),
    glow: float = 0.0,
    level: int = 0,
    underside: bool = False,
) -> Mesh:
    """Return a box: FRONT (+x), LEFT (+y), BACK, RIGHT, TOP and, if asked for, the underside.

    ``size`` is length, width and height, ``at`` the middle of the bottom; ``taper`` gives the
    length and width of the top relative to those of the bottom.
    """
    length, width, height = size
    base = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) * (length / 2, width / 2)
    low = np.column_stack([base, np.zeros(4)]) + at
    high = np.column_stack([base * taper, np.full(4, height)]) + at
    sides = [[low[k], low[k - 3], high[k - 3], high[k]] for k in range(4)]
    quads = [*sides, [high[3], high[0], high[1], high[2]]]
    if underside:
        quads.append([low[3], low[2], low[1], low[0]])
    return faces(np.array(quads), colour, label, material, glow=glow, level=level)


def decal(
    on: Mesh,
    face: int,
    span: tuple[float, float, float, float],
    colour: Colour,
    material: Material = Material.PLAIN,
    *,
    glow: float = 0.0,
    label: int | None = None,
) -> Mesh:
    """Return a quad painted on a face of ``on``, a centimetre in front of it.

    ``span`` is left, right, bottom and top as fractions of the face.
    """
    left, right, bottom, top = span
    a, b, c, d = on.corners[face]
    uv = [(left, bottom), (right, bottom), (right, top), (left, top)]
    quad = np.array([(1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c) for u, v in uv])
    normal = np.cross(b - a, d - a)
    quad += 0.01 * normal / np.linalg.norm(normal)
    painted = faces(
        quad,
        colour,
        int(on.label[face]) if label is None else label,
        material,
        glow=glow,
        level=int(on.level[face]) + 1,
    )
    return replace(painted, centre=on.centre[face : face + 1])


def disc(
    radius: float, at: Corner, facing: Corner, colour: Colour, label: int, **how: object
) -> Mesh:
    """Return a flat hexagon, as two quads, that looks along the horizontal ``facing``."""
    normal = np.array(facing) / np.linalg.norm(facing)
    across = np.array([-normal[1], normal[0], 0.0])
    angles = np.arange(6) * np.pi / 3
    rim = np.array(at) + radius * (
        np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * np.array([0, 0, 1.0])
    )
    return faces(rim[[[3, 4, 5, 0], [0, 1, 2, 3]]], colour, label, **how)  # type: ignore[arg-type]


def blob(
    size: Corner,
    at: Corner,
    colour: Colour,
    label: int,
    material: Material,
    rng: np.random.Generator,
) -> Mesh:
    """Return a bumpy ball of 18 faces, ``size`` wide and with its middle at ``at``."""
    rings, sides = (-0.62, 0.35), 6
    angles = np.arange(sides) * 2 * np.pi / sides + rng.uniform(0, 1)
    points = []
    for height in (-1.0, *rings, 1.0):
        radius = np.sqrt(max(0.0, 1 - height**2)) * rng.uniform(0.85, 1.15, sides)
        bump = height + rng.uniform(-0.12, 0.12, sides) * (abs(height) < 1)
        points.append(np.column_stack([radius * np.cos(angles), radius * np.sin(angles), bump]))
    quads = [
        [
            points[r][k],
            points[r][(k + 1) % sides],
            points[r + 1][(k + 1) % sides],
            points[r + 1][k],
        ]
        for r in range(3)
        for k in range(sides)
    ]
    # At the lower pole the first edge has no length: start with the second corner there.
    quads[:sides] = [[c, d, a, a] for a, _, c, d in quads[:sides]]
    return faces(np.array(quads) * (np.array(size) / 2) + at, colour, label, material)


def gable(size: Corner, at: Corner, colour: Colour, gable_colour: Colour, label: int) -> Mesh:
    """Return a roof whose ridge runs along x."""
    length, width, height = size
    x, y = length / 2, width / 2
    a, b, c, d = [x, -y, 0], [x, y, 0], [-x, y, 0], [-x, -y, 0]
    front, back = [x, 0, height], [-x, 0, height]
    slopes = np.array([[b, c, back, front], [d, a, front, back]]) + at
    ends = np.array([[a, b, front, front], [c, d, back, back]]) + at
    return join(
        [
            faces(slopes, colour, label, Material.ROOF),
            faces(ends, gable_colour, label, Material.PLAIN),
        ]
    )
