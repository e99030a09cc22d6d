"""lidar_image, against a loop over the points, and on a recorded scan."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.camera import CameraModel
from robustseg_core.sensors.lidar import lidar_image

# LiDAR x forward, y left, z up; camera x right, y down, z forward, 0.5 m ahead and 0.3 m below.
CAMERA_FROM_LIDAR = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.3], [1, 0, 0, -0.5], [0, 0, 0, 1]])
CAMERA = CameraModel.pinhole(64, 48, 90)


def scan(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    points = rng.uniform((-5, -20, -3), (40, 20, 3), (count, 3)).astype(np.float32)
    return points, rng.random(count, dtype=np.float32)


def test_a_point_is_drawn_where_the_camera_sees_it() -> None:
    image = lidar_image(
        np.array([[10.5, 0, -0.3]]), np.array([0.7]), CAMERA_FROM_LIDAR, CAMERA, dilation=1
    )
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.float32
    ((row, column),) = np.argwhere(image.any(axis=2))
    assert (row, column) == (24, 32)  # the axis lies between pixels: 23.5, 31.5
    wanted = (np.hypot(10.5, 0.3), 0.7, -0.3)  # range from the LiDAR, not from the camera
    np.testing.assert_allclose(image[row, column], wanted, rtol=1e-6)


@pytest.mark.parametrize('dilation', [1, 3, 5])
def test_draws_as_a_painter_who_goes_from_far_to_near(dilation: int) -> None:
    points, intensity = scan()
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    in_camera = (CAMERA_FROM_LIDAR @ homogeneous.T).T[:, :3]
    in_front = in_camera[:, 2] > 0
    pixels = cv2.projectPoints(in_camera, np.zeros(3), np.zeros(3), CAMERA.matrix, np.zeros(5))[0][
        :, 0
    ]
    wanted = np.zeros((48, 64, 3), np.float32)
    half = dilation // 2
    for i in np.argsort(-in_camera[:, 2]):
        distance = np.linalg.norm(points[i])
        column, row = (int(np.rint(value)) for value in pixels[i])
        if in_front[i] and 0 <= column < 64 and 0 <= row < 48 and distance >= 1:
            square = wanted[
                max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1
            ]
            square[:] = (distance, intensity[i], points[i, 2])
    assert 50 < (wanted[..., 0] > 0).sum() < wanted[..., 0].size / 2 or dilation > 3

    image = lidar_image(points, intensity, CAMERA_FROM_LIDAR, CAMERA, dilation=dilation)

    np.testing.assert_allclose(image, wanted, rtol=1e-5)


@pytest.mark.parametrize('near_first', [True, False])
def test_nearest_point_wins_in_every_pixel_of_its_square(*, near_first: bool) -> None:
    points = np.array([[5.5, 0, -0.3], [30.5, -1, -0.3]])  # one pixel apart
    if not near_first:
        points = points[::-1]
    image = lidar_image(points, None, CAMERA_FROM_LIDAR, CAMERA)
    near = np.argwhere((image[..., 0] > 5) & (image[..., 0] < 6))
    far = np.argwhere(image[..., 0] > 30)
    assert len(near) == 9
    assert len(far) == 3


def test_squares_are_three_wide_unless_told_otherwise() -> None:
    point = np.array([[10.5, 0, -0.3]])
    assert (lidar_image(point, None, CAMERA_FROM_LIDAR, CAMERA)[..., 0] > 0).sum() == 9


def test_points_behind_the_camera_too_near_or_broken_are_left_out() -> None:
    points = np.array(
        [
            [-10, 0, -0.3],
            [0.9, 0, -0.3],  # 0.4 m in front of the camera, 0.95 m from the LiDAR
            [np.nan, 0, 0],
            [10, np.inf, 0],
            [-np.inf, 0, np.nan],
            [10, 0, np.inf],
            [1e30, 0, -0.3],  # too far for the square of its range
        ],
        np.float32,
    )
    with np.errstate(all='raise'):
        image = lidar_image(points, None, CAMERA_FROM_LIDAR, CAMERA)
    assert not image.any()


def test_broken_points_do_not_hide_good_ones() -> None:
    points, intensity = scan()
    wanted = lidar_image(points, intensity, CAMERA_FROM_LIDAR, CAMERA)
    broken = np.full((50, 3), np.nan, np.float32)
    broken[::2] = np.inf
    image = lidar_image(
        np.concatenate([broken, points]),
        np.concatenate([np.ones(50, np.float32), intensity]),
        CAMERA_FROM_LIDAR,
        CAMERA,
    )
    np.testing.assert_array_equal(image, wanted)


def test_without_intensity_it_is_zero() -> None:
    points, intensity = scan()
    with_it = lidar_image(points, intensity, CAMERA_FROM_LIDAR, CAMERA)
    without = lidar_image(points, None, CAMERA_FROM_LIDAR, CAMERA)
    np.testing.assert_array_equal(without[..., [0, 2]], with_it[..., [0, 2]])
    assert not without[..., 1].any()


def test_broken_intensity_is_zero() -> None:
    image = lidar_image(np.array([[10.5, 0, -0.3]]), np.array([np.nan]), CAMERA_FROM_LIDAR, CAMERA)
    assert image[24, 32].tolist()[1] == 0
    assert np.isfinite(image).all()


def test_empty_cloud_is_an_empty_image() -> None:
    image = lidar_image(np.zeros((0, 3)), np.zeros(0), CAMERA_FROM_LIDAR, CAMERA)
    assert image.shape == (48, 64, 3)
    assert not image.any()


def test_double_precision_points_draw_the_same() -> None:
    points, intensity = scan()
    np.testing.assert_array_equal(
        lidar_image(points.astype(np.float64), intensity, CAMERA_FROM_LIDAR, CAMERA),
        lidar_image(points, intensity, CAMERA_FROM_LIDAR, CAMERA),
    )


@pytest.mark.parametrize(
    ('points', 'intensity', 'transform', 'dilation', 'message'),
    [
        (np.zeros((4, 2)), None, np.eye(4), 3, r'Points have shape \(4, 2\); wanted \(N, 3\)'),
        (np.zeros((4, 3)), np.zeros(3), np.eye(4), 3, r'shape \(3,\); wanted \(4,\)'),
        (np.zeros((4, 3)), None, np.eye(3), 3, r'camera_from_lidar has shape \(3, 3\)'),
        (np.zeros((4, 3)), None, np.eye(4), 2, 'dilation is 2; wanted an odd'),
        (np.zeros((4, 3)), None, np.eye(4), -1, 'dilation is -1; wanted an odd'),
    ],
)
def test_refuses_other_shapes(
    points: np.ndarray,
    intensity: np.ndarray | None,
    transform: np.ndarray,
    dilation: int,
    message: str,
) -> None:
    with pytest.raises(SensorError, match=message):
        lidar_image(points, intensity, transform, CAMERA, dilation=dilation)


@pytest.fixture
def recorded(real_data: Path) -> tuple[np.ndarray, np.ndarray]:
    """A scan drawn into its camera's image, and the photograph, grey."""
    kitti = real_data / 'kitti'
    calibration = json.loads((kitti / 'calib.json').read_text())
    width, height = calibration['image_size']
    camera = CameraModel(width, height, np.array(calibration['P_rect'])[:, :3])
    rectify = np.eye(4)
    rectify[:3, :3] = calibration['R_rect']
    transform = rectify @ np.array(calibration['T_velodyne_to_camera'])
    scan = np.fromfile(kitti / 'velodyne' / '000000.bin', np.float32).reshape(-1, 4)
    image = lidar_image(scan[:, :3], scan[:, 3], transform, camera, dilation=1)
    return image, cv2.imread(str(kitti / 'rgb' / '000000.png'), cv2.IMREAD_GRAYSCALE)


def test_recorded_scan_has_the_shape_of_its_street(
    recorded: tuple[np.ndarray, np.ndarray],
) -> None:
    distance, reflectance, z = np.moveaxis(recorded[0], 2, 0)
    height = len(distance)
    seen = distance > 0
    assert seen.sum() > 15_000  # of 114,278 points around the car
    assert not seen[: height // 6].any()  # the scanner looks up by two degrees only
    lower, upper = distance[2 * height // 3 :], distance[: 2 * height // 3]
    assert np.median(lower[lower > 0]) < np.median(upper[upper > 0])
    road = z[-40:, 500:700]
    assert np.median(road[road != 0]) == pytest.approx(-1.73, abs=0.2)  # the scanner's mounting
    assert 0 <= reflectance.min() < reflectance.max() <= 1
    # The tail of the car ahead fills columns 560 to 695 and rows 200 to 290 of the photograph.
    car = distance[230:280, 580:680]
    assert np.ptp(np.percentile(car[car > 0], (25, 75))) < 0.5


def test_edges_of_a_recorded_scan_lie_on_the_edges_of_its_photograph(
    recorded: tuple[np.ndarray, np.ndarray],
) -> None:
    distance = recorded[0][..., 0]
    contrast = np.abs(cv2.Sobel(recorded[1].astype(np.float32), cv2.CV_32F, 1, 0))
    rows, columns = np.nonzero(distance)
    steps = np.diff(distance[rows, columns])
    neighbours = (np.diff(rows) == 0) & (np.diff(columns) < 8)
    # The nearer of two neighbours more than 3 m apart belongs to an object's outline.
    outline = np.concatenate(
        [np.flatnonzero(neighbours & (steps > 3)), np.flatnonzero(neighbours & (steps < -3)) + 1]
    )
    shifts = np.arange(-24, 25, 4)
    at = np.clip(columns[outline] + shifts[:, None], 0, distance.shape[1] - 1)
    best = shifts[contrast[rows[outline], at].mean(axis=1).argmax()]
    assert len(outline) > 100
    assert abs(best) <= 4
