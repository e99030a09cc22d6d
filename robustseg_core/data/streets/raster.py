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
_FAR_PX = 1e5  # keeps fixed-point coordinates of faces at the near plane inside int32
CLOSE_M = 60.0  # up to here, the order of objects is found with care
LEAST_PX = 0.35  # area of the smallest face that is painted


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
        face: (K,) int64, number of the face in the mesh.
        rel: (3, 4, K) corners relative to the point, in world axes.
        normal: (K, 3) unit normals, world axes.
    """

    face: NDArray[np.int64]
    rel: Float
    normal: Float


def order_objects(
    scene: Scene, street_point: NDArray[np.float64], reach: Reach
) -> NDArray[np.int64]:
    """Return each owner's turn (N + 1,) to be painted, farthest first; -2 if out of reach."""
    eye = street_point.astype(np.float32)
    seen = (scene.high[:, 0] > eye[0] - reach.back) & (scene.low[:, 0] < eye[0] + reach.ahead)
    close = seen & (scene.low[:, 0] < eye[0] + CLOSE_M)
    turn = np.full(len(seen), -2)
    far = np.flatnonzero(seen & ~close)
    # Far along a street, what ends later or stands farther aside is behind the rest.
    aside = np.abs((scene.low[far, 1] + scene.high[far, 1]) / 2 - eye[1])
    turn[far[np.argsort(-(scene.high[far, 0] + 0.5 * aside))]] = np.arange(len(far))
    turn[close] = len(far) + occlusion_rank(scene.low[close], scene.high[close], eye)
    return np.concatenate([[-1], turn])  # the ground, owner 0, lies below everything


def look_from(
    point: NDArray[np.float64],
    street_point: NDArray[np.float64],
    scene: Scene,
    turn: NDArray[np.int64],
) -> Sight:
    """Sort the faces that can be seen from a point.

    Args:
        point: (3,) in world coordinates.
        street_point: (3,) the same in street coordinates, in which objects are ordered.
        scene: What there is.
        turn: (N + 1,) of ``order_objects``.
    """
    mesh = scene.mesh
    rel = scene.corners - point.astype(np.float32)
    index = np.flatnonzero(np.einsum('ij,ij->i', rel[:, 0], scene.normals) < -1e-4)
    rank = turn[mesh.owner[index]]
    index, rank = index[rank > -2], rank[rank > -2]
    away = mesh.centre[index] - street_point.astype(np.float32)
    distance = np.einsum('ij,ij->i', away, away)
    # Object, then level, then the part's distance, in one number: cheaper than a lexical sort.
    key = rank * 32.0 + mesh.level[index] - np.minimum(distance * 1e-5, 0.99)
    index = index[np.argsort(key)]
    return Sight(index, np.ascontiguousarray(rel[index].T), scene.normals[index])


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
    behind = np.ascontiguousarray(front.T, dtype=np.int16)
    hides = front.sum(axis=1, dtype=np.int16)  # how many unpainted objects each one hides
    turn, done = 0, 0
    while done < count:
        ready = np.flatnonzero(hides == 0)
        if not len(ready):  # a ring of objects that hide each other: take the farthest
            ready = np.array([np.argmax(np.where(hides > 0, distance, -1))])
        rank[ready] = turn
        hides -= behind[ready].sum(axis=0, dtype=np.int16)
        hides[ready] = -count - 1  # painted: never zero again
        turn, done = turn + 1, done + len(ready)
    return rank


class Painting(NamedTuple):
    """What a view shows.

    Attributes:
        number: (H, W) int32, 0 where nothing is, else 1 + the row of ``seen``.
        seen: (V,) rows of the sight that were painted.
        corners: (3, 4, V) in camera axes: right, down, forward.
    """

    number: NDArray[np.int32]
    seen: NDArray[np.int64]
    corners: Float


def paint(sight: Sight, view: View) -> Painting:
    """Paint the faces of ``sight``."""
    corners = _turned(sight.rel, view)
    seen = _in_frustum(corners, view)
    corners = corners[..., seen]
    pixels = _project(corners, view)
    a, b = pixels[:, 2] - pixels[:, 0], pixels[:, 3] - pixels[:, 1]
    area = np.abs(a[0] * b[1] - a[1] * b[0]) / 2  # half the cross product of the diagonals
    # A polygon paints every pixel that it touches, and a distant street would be all door handles:
    # what covers a negligible part of a pixel is left out.
    large = np.flatnonzero((area > LEAST_PX) | (corners[2].min(axis=0) <= NEAR_M))
    corners = corners[..., large]
    number = np.zeros((view.size[1], view.size[0]), np.int32)
    for name, polygon in enumerate(_polygons(corners, pixels[..., large], view), start=1):
        cv2.fillConvexPoly(number, polygon, name, cv2.LINE_8, _SHIFT)
    return Painting(number, seen[large], corners)


def paint_mask(corners: Float, view: View) -> Float:
    """Return 1 where convex polygons (P, V, 3), relative to the view's point, cover the image."""
    turned = _turned(np.ascontiguousarray(corners.T), view)
    turned = turned[..., _in_frustum(turned, view)]
    mask = np.zeros((view.size[1], view.size[0]), np.float32)
    for polygon in _polygons(turned, _project(turned, view), view):
        cv2.fillConvexPoly(mask, polygon, 1, cv2.LINE_8, _SHIFT)
    return mask


def _turned(rel: Float, view: View) -> Float:
    """Return camera coordinates (3, ...) of world directions (3, ...)."""
    turned: Float = (view.axes @ rel.reshape(3, -1)).reshape(rel.shape)
    return turned


def _in_frustum(corners: Float, view: View) -> NDArray[np.int64]:
    """Return which polygons (3, V, K) are not wholly outside of one side of the view."""
    x, y, z = corners
    (fx, fy), (cx, cy), (width, height) = view.focal, view.centre, view.size
    # Half a pixel more on each side; a corner is outside of a side's plane, whatever its depth.
    seen = z.max(axis=0) > NEAR_M
    seen &= (x + z * np.float32((cx + 1) / fx)).max(axis=0) > 0
    seen &= (x - z * np.float32((width - cx) / fx)).min(axis=0) < 0
    seen &= (y + z * np.float32((cy + 1) / fy)).max(axis=0) > 0
    seen &= (y - z * np.float32((height - cy) / fy)).min(axis=0) < 0
    return np.flatnonzero(seen)


def _project(corners: Float, view: View) -> Float:
    """Return pixels (2, V, K) of corners (3, V, K)."""
    pixels: Float = corners[:2] / np.maximum(corners[2], np.float32(NEAR_M * 0.9))
    for axis in range(2):
        pixels[axis] *= np.float32(view.focal[axis])
        pixels[axis] += np.float32(view.centre[axis])
    np.clip(pixels, -_FAR_PX, _FAR_PX, out=pixels)
    return pixels


def _polygons(corners: Float, pixels: Float, view: View) -> list[NDArray[np.int32]]:
    """Return what to draw, in fixed-point pixels: each (V, 2), or clipped at the near plane."""
    polygons = list(_fixed(pixels))
    cut = np.flatnonzero(corners[2].min(axis=0) <= NEAR_M)
    if not len(cut):
        return polygons
    corners = corners[..., cut]
    after = np.roll(corners, -1, axis=1)
    inside, inside_after = corners[2] > NEAR_M, after[2] > NEAR_M
    crossing = inside != inside_after
    step = np.where(crossing, after[2] - corners[2], 1)
    cuts = corners + (after - corners) * ((NEAR_M - corners[2]) / step)
    # Each edge gives its first corner, if that is in front, and where it meets the plane.
    points = np.stack([corners, cuts], axis=2).reshape(3, -1, len(cut))
    kept = np.stack([inside, crossing], axis=1).reshape(-1, len(cut)).T
    for k, polygon, keep in zip(cut.tolist(), _fixed(_project(points, view)), kept, strict=True):
        polygons[k] = polygon[keep]
    return polygons


def _fixed(pixels: Float) -> NDArray[np.int32]:
    """Return (K, V, 2) sixteenths of pixels of (2, V, K)."""
    return np.ascontiguousarray(np.rint(pixels * (1 << _SHIFT)).astype(np.int32).T)
