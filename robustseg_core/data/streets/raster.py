"""Which face is seen where: faces sorted from far to near and painted over each other.

Painting convex polygons with OpenCV costs about a microsecond each, whatever their size in a small
image, and is what makes the streets fast. What is at a pixel then follows from the face's number:
the inverse depth of a plane is an affine function of the pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.scene import Scene

Float = NDArray[np.float32]

NEAR_M = 0.25
_SHIFT = 4  # OpenCV draws at 1/16 of a pixel
_FAR_PX = 1 << 20  # keeps coordinates of faces at the near plane inside int32


class View(NamedTuple):
    """A pinhole camera in the world.

    Attributes:
        axes: (3, 3), rows are right, down and forward in world coordinates.
        focal: (2,) in pixels.
        centre: (2,) column and row of the optical axis; integers are pixel centres.
        size: Width and height in pixels.
    """

    axes: Float
    focal: tuple[float, float]
    centre: tuple[float, float]
    size: tuple[int, int]


class Reach(NamedTuple):
    """How far along the street a sensor sees, in metres."""

    back: float
    ahead: float


class Sight(NamedTuple):
    """The faces that turn towards a point, farthest first.

    Attributes:
        index: (K,) int64, number of the face in the mesh.
        rel: (K, 4, 3) corners relative to the point, in world axes.
        normal: (K, 3) unit normals, world axes.
    """

    index: NDArray[np.int64]
    rel: Float
    normal: Float


def look_from(
    point: NDArray[np.float64], street_point: NDArray[np.float64], scene: Scene, reach: Reach
) -> Sight:
    """Sort the faces that can be seen from a point.

    Args:
        point: (3,) in world coordinates.
        street_point: (3,) the same in street coordinates, in which objects are ordered.
        scene: What there is.
        reach: What lies wholly outside is left out.
    """
    mesh = scene.mesh
    eye = street_point.astype(np.float32)
    near = (scene.high[:, 0] > eye[0] - reach.back) & (scene.low[:, 0] < eye[0] + reach.ahead)
    rank = np.full(len(near) + 1, -1)  # the ground, owner 0, lies below everything
    rank[1:][near] = occlusion_rank(scene.low[near], scene.high[near], eye)
    rel = scene.corners - point.astype(np.float32)
    facing = np.einsum('ij,ij->i', rel[:, 0], scene.normals) < -1e-4
    facing &= np.concatenate([[True], near])[mesh.owner]
    index = np.flatnonzero(facing)
    away = mesh.centre[index] - eye
    distance = np.einsum('ij,ij->i', away, away)
    order = np.lexsort((-distance, mesh.level[index], rank[mesh.owner[index]]))
    index = index[order]
    return Sight(index, rel[index], scene.normals[index])


def occlusion_rank(low: Float, high: Float, eye: Float) -> NDArray[np.int64]:
    """Return each object's turn, farthest first, so that none is painted over what hides it.

    Two boxes that a plane separates cannot hide each other the wrong way round: the one on the
    eye's side is in front; if the eye is between them, neither hides the other. Where boxes
    overlap, the nearer middle is in front. The order is then found layer by layer (Kahn).

    Args:
        low: (N, 3) lower corners of the objects' boxes.
        high: (N, 3) upper corners.
        eye: (3,) in the same coordinates.
    """
    count = len(low)
    front = np.zeros((count, count), np.bool_)  # [i, j]: i may hide j
    never = np.zeros((count, count), np.bool_)
    apart = np.zeros((count, count), np.bool_)
    for axis in range(3):
        below = high[:, None, axis] <= low[None, :, axis]  # i lies before j on this axis
        near_i = below & (eye[axis] <= high[:, axis])[:, None]
        near_j = below & (eye[axis] >= low[:, axis])[None, :]
        between = below & ~near_i & ~near_j
        front |= near_i | near_j.T
        never |= between | between.T
        apart |= below | below.T
    away = (low + high) / 2 - eye
    distance = np.einsum('ij,ij->i', away, away)
    front |= ~apart & (distance[:, None] < distance[None, :])
    front &= ~front.T & ~never
    np.fill_diagonal(front, val=False)
    rank = np.empty(count, np.int64)
    hides = front.sum(axis=1)  # how many unpainted objects each one hides
    turn = 0
    left = np.ones(count, np.bool_)
    while left.any():
        ready = left & (hides == 0)
        if not ready.any():  # a ring of objects that hide each other: take the farthest
            ready[np.argmax(np.where(left, distance, -1))] = True
        rank[ready] = turn
        hides -= front[:, ready].sum(axis=1)
        left &= ~ready
        turn += 1
    return rank


class Painting(NamedTuple):
    """What a view shows.

    Attributes:
        number: (H, W) int32, 0 where nothing is, else 1 + the row of ``seen``.
        seen: (V,) rows of the sight that were painted.
        corners: (V, 4, 3) in camera axes (right, down, forward).
        axes: (3, 3) of the view.
    """

    number: NDArray[np.int32]
    seen: NDArray[np.int64]
    corners: Float


def paint(sight: Sight, view: View) -> Painting:
    """Paint the faces of ``sight``."""
    corners = (sight.rel.reshape(-1, 3) @ view.axes.T).reshape(-1, 4, 3)
    seen = np.flatnonzero(_in_frustum(corners, view))
    corners = corners[seen]
    number = np.zeros((view.size[1], view.size[0]), np.int32)
    polygons, clipped = _pixels(corners, view)
    for name, polygon in enumerate(polygons, start=1):
        cv2.fillConvexPoly(number, clipped.get(name, polygon), name, cv2.LINE_8, _SHIFT)
    return Painting(number, seen, corners)


def paint_mask(corners: Float, view: View) -> NDArray[np.uint8]:
    """Return where faces (F, 4, 3), relative to the view's point in world axes, cover the image."""
    corners = (corners.reshape(-1, 3) @ view.axes.T).reshape(-1, 4, 3)
    corners = corners[_in_frustum(corners, view)]
    mask = np.zeros((view.size[1], view.size[0]), np.uint8)
    polygons, clipped = _pixels(corners, view)
    for name, polygon in enumerate(polygons, start=1):
        cv2.fillConvexPoly(mask, clipped.get(name, polygon), 1, cv2.LINE_8, _SHIFT)
    return mask


def _in_frustum(corners: Float, view: View) -> NDArray[np.bool_]:
    x, y, z = corners[..., 0], corners[..., 1], corners[..., 2]
    (fx, fy), (cx, cy), (width, height) = view.focal, view.centre, view.size
    # Half a pixel more on each side; a corner is outside of a side's plane, whatever its depth.
    left, right = -(cx + 1) / fx, (width - cx) / fx
    above, below = -(cy + 1) / fy, (height - cy) / fy
    seen: NDArray[np.bool_] = (
        (z > NEAR_M).any(axis=1)
        & (x > left * z).any(axis=1)
        & (x < right * z).any(axis=1)
        & (y > above * z).any(axis=1)
        & (y < below * z).any(axis=1)
    )
    return seen


def _pixels(
    corners: Float, view: View
) -> tuple[NDArray[np.int32], dict[int, NDArray[np.int32]]]:
    """Project (V, 4, 3) to fixed-point pixels (V, 4, 2); those cut by the near plane apart."""
    z = corners[..., 2]
    inside = z > NEAR_M
    polygons = _project(corners, view)
    clipped = {}
    for row in np.flatnonzero(~inside.all(axis=1)):
        clipped[int(row) + 1] = _project(_clip(corners[row]), view)
    return polygons, clipped


def _project(corners: Float, view: View) -> NDArray[np.int32]:
    z = np.maximum(corners[..., 2:], np.float32(NEAR_M / 2))
    pixels = corners[..., :2] / z * np.float32(view.focal) + np.float32(view.centre)
    scaled = np.clip(pixels * (1 << _SHIFT), -_FAR_PX, _FAR_PX)
    out: NDArray[np.int32] = np.rint(scaled).astype(np.int32)
    return out


def _clip(polygon: Float) -> Float:
    """Cut what is nearer than the near plane off a polygon (4, 3)."""
    kept = []
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] < NEAR_M) != (b[2] < NEAR_M):
            kept.append(a + (b - a) * ((NEAR_M - a[2]) / (b[2] - a[2])))
    return np.array(kept, np.float32)
