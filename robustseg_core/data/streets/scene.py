"""The scene at a moment: the blocks around the ride and what moves between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.blocks import build_block
from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.ground import BASE
from robustseg_core.data.streets.mesh import Mesh, faces, join
from robustseg_core.data.streets.placing import assemble
from robustseg_core.data.streets.plan import BLOCK_M, StreetPlan
from robustseg_core.data.streets.textures import Material
from robustseg_core.data.streets.traffic import Ride, moving

Float = NDArray[np.float32]

BACK_M = 50.0
AHEAD_M = 100.0
FAR_M = 200.0


class Scene(NamedTuple):
    """F faces of N objects, and the ground.

    Attributes:
        mesh: The faces in street coordinates; owner 0 is the ground, owner n object n - 1.
        corners: (F, 4, 3) in world coordinates.
        normals: (F, 3) in world coordinates.
        low: (N, 3) lower corners of the objects' boxes in street coordinates.
        high: (N, 3) upper corners.
    """

    mesh: Mesh
    corners: Float
    normals: Float
    low: Float
    high: Float


def normals_of(corners: Float) -> Float:
    """Return unit normals (F, 3) of faces (F, 4, 3)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    normal = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        normal[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    length = np.sqrt((normal * normal).sum(axis=1, keepdims=True))
    out: Float = normal / np.maximum(length, np.float32(1e-9))
    return out


def still_scene(plan: StreetPlan, x: float, *, lamps: bool) -> Scene:
    """Return the ground and all that does not move, as seen from around ``x``."""
    near = range(int((x - BACK_M) // BLOCK_M), int((x + AHEAD_M) // BLOCK_M) + 1)
    far = range(near.stop, int((x + FAR_M) // BLOCK_M) + 1)
    blocks = [_block_scene(plan, block, lamps, coarse=block in far) for block in (*near, *far)]
    return _merged([_plain(plan, x), *blocks])


class Happening:
    """The scene around a moment: who is there stays the same, and moves in straight lines.

    Args:
        still: What does not move.
        time_s: The moment.
        lit: Vehicles have their lamps on.
    """

    def __init__(
        self, plan: StreetPlan, still: Scene, ride: Ride, time_s: float, *, lit: bool
    ) -> None:
        self._plan = plan
        placed, self._velocity = moving(plan, ride, time_s, (BACK_M, AHEAD_M), float(lit))
        self._movers = _scene_of(plan, assemble(placed)) if placed else None
        self._still = still
        self._whole = still if self._movers is None else _merged([still, self._movers])

    def after(self, seconds: float) -> Scene:
        """Return the scene a little later, or earlier, than the moment."""
        movers, whole = self._movers, self._whole
        if movers is None or seconds == 0:
            return whole
        shift = np.zeros((len(self._velocity), 3), np.float32)
        shift[:, :2] = self._velocity * seconds
        street = movers.mesh.corners + shift[movers.mesh.owner - 1][:, None]
        corners = self._plan.bent(street)
        return whole._replace(
            corners=np.concatenate([self._still.corners, corners]),
            low=np.concatenate([self._still.low, movers.low + shift]),
            high=np.concatenate([self._still.high, movers.high + shift]),
        )


@lru_cache(maxsize=96)
def _block_scene(plan: StreetPlan, block: int, lamps: bool, *, coarse: bool) -> Scene:  # noqa: FBT001 -- a cache key
    return _scene_of(plan, build_block(plan, block, lamps=lamps, coarse=coarse))


def _scene_of(plan: StreetPlan, mesh: Mesh) -> Scene:
    corners = plan.bent(mesh.corners)
    starts = np.flatnonzero(np.diff(mesh.owner, prepend=0))
    a, b, c, d = mesh.corners.transpose(1, 0, 2)
    low = np.minimum(np.minimum(a, b), np.minimum(c, d))
    high = np.maximum(np.maximum(a, b), np.maximum(c, d))
    low, high = np.minimum.reduceat(low, starts, axis=0), np.maximum.reduceat(high, starts, axis=0)
    return Scene(mesh, corners, normals_of(corners), low, high)


def _plain(plan: StreetPlan, x: float) -> Scene:
    """Return the land that reaches to the horizon, below everything else."""
    # The texture repeats every 8 m; moving in such steps, it stands still.
    middle = np.rint(plan.bent(np.array([x, 0.0, 0.0])) / 8) * 8
    reach = 1600.0
    quad = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * reach + middle
    quad[:, 2] = -0.25
    mesh = faces(quad, (0.2, 0.27, 0.12), Class.TERRAIN, Material.GRASS, level=BASE)
    nothing = np.zeros((0, 3), np.float32)
    return Scene(mesh, mesh.corners, normals_of(mesh.corners), nothing, nothing)


def _merged(scenes: Sequence[Scene]) -> Scene:
    meshes, offset = [], 0
    for scene in scenes:
        owner = np.where(scene.mesh.owner > 0, scene.mesh.owner + offset, 0).astype(np.int32)
        meshes.append(replace(scene.mesh, owner=owner))
        offset += len(scene.low)
    return Scene(
        join(meshes), *(np.concatenate(parts) for parts in list(zip(*scenes, strict=True))[1:])
    )
