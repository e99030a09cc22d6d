"""Many copies of ready-made meshes, placed in one go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robustseg_core.data.streets.mesh import Mesh

Tint = tuple[float, float, float]


class Placed(NamedTuple):
    """A copy of a mesh.

    Attributes:
        mesh: In its own coordinates.
        x: Where its origin goes, in street coordinates.
        y: As x.
        z: As x.
        heading: It is turned about the z axis by this, in radians.
        tint: Factors on its colours.
        glow: Factor on the light it sends out.
    """

    mesh: Mesh
    x: float
    y: float
    z: float = 0.0
    heading: float = 0.0
    tint: Tint = (1.0, 1.0, 1.0)
    glow: float = 1.0

    def reaches(self, x: float, margin: float) -> bool:
        """Return whether the copy comes within ``margin`` of ``x`` along the street."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        xs = self.x + self.mesh.corners[..., 0] * c - self.mesh.corners[..., 1] * s
        return bool(xs.min() < x + margin and xs.max() > x - margin)


def assemble(placed: Sequence[Placed], *, ground: bool = False) -> Mesh:
    """Return all copies as one mesh; each is an object, numbered from 1, or all are ground (0)."""
    meshes = [item.mesh for item in placed]
    count = np.array([len(mesh) for mesh in meshes])
    pose = np.array(
        [(p.x, p.y, p.z, np.cos(p.heading), np.sin(p.heading), p.glow) for p in placed]
    )
    pose = np.repeat(pose.astype(np.float32), count, axis=0)
    tint = np.repeat(np.array([p.tint for p in placed], np.float32), count, axis=0)
    points = np.empty((len(pose), 5, 3), np.float32)
    np.concatenate([mesh.corners for mesh in meshes], out=points[:, :4])
    np.concatenate([mesh.centre for mesh in meshes], out=points[:, 4])
    cosine, sine = pose[:, 3, None], pose[:, 4, None]
    turned = np.empty_like(points)
    turned[..., 0] = points[..., 0] * cosine - points[..., 1] * sine
    turned[..., 1] = points[..., 0] * sine + points[..., 1] * cosine
    turned[..., 2] = points[..., 2]
    turned += pose[:, None, :3]
    numbers = (
        np.zeros(len(placed), np.int32)
        if ground
        else np.arange(1, len(placed) + 1, dtype=np.int32)
    )
    return Mesh(
        corners=turned[:, :4],
        centre=turned[:, 4],
        colour=np.minimum(np.concatenate([mesh.colour for mesh in meshes]) * tint, 1),
        glow=np.concatenate([mesh.glow for mesh in meshes]) * pose[:, 5],
        label=np.concatenate([mesh.label for mesh in meshes]),
        material=np.concatenate([mesh.material for mesh in meshes]),
        level=np.concatenate([mesh.level for mesh in meshes]),
        owner=np.repeat(numbers, count),
    )
