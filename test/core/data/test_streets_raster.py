"""The painter: the order of objects, hidden faces, depth."""

import numpy as np

from robustseg_core.data.streets.appearance import inverse_depth, planes_of
from robustseg_core.data.streets.mesh import box, faces
from robustseg_core.data.streets.placing import Placed, assemble
from robustseg_core.data.streets.raster import (
    Reach,
    View,
    look_from,
    occlusion_rank,
    order_objects,
    paint,
)
from robustseg_core.data.streets.scene import Scene, normals_of

EYE = np.array([0.0, 0.0, 1.5], np.float32)
# Looks along +x from the eye; 101 x 81 pixels, 90 degrees wide.
AXES = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.float32)
VIEW = View(AXES, (50.0, 50.0), (50.0, 40.0), (101, 81))


def rank(*boxes: tuple[list[float], list[float]]) -> list[int]:
    low = np.array([low for low, _ in boxes], np.float32)
    high = np.array([high for _, high in boxes], np.float32)
    return occlusion_rank(low, high, EYE).tolist()


def test_the_nearer_of_two_in_a_line_is_painted_later() -> None:
    near, far = rank(([5, -1, 0], [9, 1, 2]), ([10, -1, 0], [12, 1, 2]))
    assert near > far


def test_long_house_is_painted_before_what_stands_in_front_of_it() -> None:
    # Its middle, and its near end, are closer than the car: only the gap between them tells.
    house, car = rank(([4, 6, 0], [40, 16, 9]), ([30, 1, 0], [34, 3, 2]))
    assert car > house


def test_order_holds_on_the_right_hand_side_too() -> None:
    house, car = rank(([4, -16, 0], [40, -6, 9]), ([30, -3, 0], [34, -1, 2]))
    assert car > house


def test_what_the_eye_is_between_does_not_matter() -> None:
    left, right = rank(([5, 1, 0], [9, 3, 2]), ([20, -3, 0], [24, -1, 2]))
    assert left == right == 0


def test_car_below_a_crown_is_painted_later() -> None:
    crown, car = rank(([8, 2, 3], [12, 6, 7]), ([9, 3, 0], [13, 5, 1.5]))
    assert car > crown


def test_order_holds_along_a_chain() -> None:
    boxes = [([5 + 4 * k, -1 + k, 0], [8 + 4 * k, 1 + k, 2]) for k in (3, 0, 2, 1)]
    ranks = rank(*boxes)
    assert np.argsort(ranks).tolist() == [0, 2, 3, 1]


def test_rings_and_overlaps_end() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(-10, 10, (60, 3)).astype(np.float32)
    high = low + rng.uniform(0.5, 12, (60, 3)).astype(np.float32)
    ranks = occlusion_rank(low, high, EYE)
    assert ranks.min() == 0
    assert (np.bincount(ranks) > 0).all()


def scene_of(*placed: Placed) -> Scene:
    mesh = assemble(placed)
    low = np.array(
        [mesh.corners[mesh.owner == k + 1].min(axis=(0, 1)) for k in range(len(placed))]
    )
    high = np.array(
        [mesh.corners[mesh.owner == k + 1].max(axis=(0, 1)) for k in range(len(placed))]
    )
    return Scene(mesh, mesh.corners, normals_of(mesh.corners), low, high)


def seen(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (0 = nothing) and depth of the view."""
    turn = order_objects(scene, EYE.astype(float), Reach(1.0, 100.0))
    sight = look_from(EYE.astype(float), EYE.astype(float), scene, turn)
    painting = paint(sight, VIEW)
    rows, columns = np.mgrid[:81, :101]
    rays = np.stack([(columns - 50) / 50, (rows - 40) / 50, np.ones((81, 101))])
    rays = rays.reshape(3, -1).astype(np.float32)
    face = sight.face[painting.seen]
    planes = planes_of(painting.corners, np.ones((2, len(face)), np.float32), 50.0)
    inverse = inverse_depth(planes, painting.number.ravel(), rays).reshape(81, 101)
    labels = np.concatenate([[0], scene.mesh.label[face]])[painting.number]
    return labels, np.where(inverse > 0, 1 / np.maximum(inverse, 1e-6), 0)


def test_near_box_hides_far_box_at_its_true_depth() -> None:
    big = Placed(box((4, 12, 6), (0, 0, 0), (0.5, 0.5, 0.5), 1), 22, 0)
    small = Placed(box((2, 2, 2), (0, 0, 0), (0.5, 0.5, 0.5), 2), 11, 0)
    for order in ((big, small), (small, big)):
        labels, depth = seen(scene_of(*order))
        assert labels[40, 50] == 2
        assert abs(depth[40, 50] - 10) < 1e-3
        assert labels[40, 58] == 1
        assert abs(depth[40, 58] - 20) < 1e-3
        assert labels[40, 72] == 0


def test_box_covers_the_pixels_that_geometry_says() -> None:
    labels, _ = seen(scene_of(Placed(box((2, 2, 2), (0, 0, 0), (0.5,) * 3, 3), 11, 0)))
    # Its front is 10 m away: 1 m to each side, 1.5 m below and 0.5 m above the eye; 5 px a metre.
    rows, columns = np.nonzero(labels == 3)
    assert (columns.min(), columns.max()) == (45, 55)
    assert abs(rows.max() - 47.5) <= 1
    assert abs(rows.min() - 37.5) <= 1


def test_ground_below_and_behind_the_eye_is_clipped_not_lost() -> None:
    quad = np.array([[-50, -50, 0], [50, -50, 0], [50, 50, 0], [-50, 50, 0]])
    scene = scene_of(Placed(faces(quad, (0.2,) * 3, 6), 0, 0))
    labels, depth = seen(scene)
    assert (labels[44:] == 6).all()
    assert (labels[:40] == 0).all()
    below = np.arange(45, 81) - 40
    np.testing.assert_allclose(depth[45:, 20], 50 * 1.5 / below, rtol=1e-4)


def test_depth_at_the_edge_of_a_face_stays_between_those_of_its_corners() -> None:
    # A kerb seen almost edge-on: pixels that it touches with a corner lie outside of its plane.
    for y in (0.05, 0.3, 1.0):
        labels, depth = seen(
            scene_of(Placed(box((30, 1, 1.4), (0, 0, 0), (0.5,) * 3, 4), 18, y + 0.5))
        )
        found = depth[labels == 4]
        assert len(found) > 50
        assert found.min() >= 3 - 1e-3
        assert found.max() <= 33 + 1e-3


def test_back_faces_are_not_seen() -> None:
    away = np.array([[10, 1, 0], [10, -1, 0], [10, -1, 3], [10, 1, 3]])
    toward = away[[1, 0, 3, 2]]
    results = [
        (seen(scene_of(Placed(faces(q, (0.2,) * 3, 5), 0, 0)))[0] == 5).any()
        for q in (away, toward)
    ]
    assert sorted(results) == [False, True]
