"""Radar echoes as points and as an image, against loops over the echoes."""

import cv2
import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.camera import CameraModel
from robustseg_core.sensors.radar import radar_image, radar_points

# Radar x forward, y left, z up; camera x right, y down, z forward, 0.5 m ahead and 0.3 m below.
CAMERA_FROM_RADAR = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.3], [1, 0, 0, -0.5], [0, 0, 0, 1]])
CAMERA = CameraModel.pinhole(64, 48, 90)


def test_echoes_are_points_where_beam_and_range_say() -> None:
    rng = np.random.default_rng(5)
    echoes = rng.random((50, 6)).astype(np.float32)
    echoes[7, 2] = np.nan
    azimuths = np.array([0, 0.5, 1, 2, 3, -1])
    wanted = {}
    for direction, azimuth in enumerate(azimuths):
        for number in range(50):
            distance = 5.0 * (number + 1)
            if echoes[number, direction] > 0.5 and np.hypot(distance, 2) <= 150:
                x, y = distance * np.cos(azimuth), distance * np.sin(azimuth)
                wanted[float(echoes[number, direction])] = (x, y, -2)

    points, intensity = radar_points(echoes, azimuths, 5.0, ground_m=-2.0, threshold=0.5)

    assert len(intensity) == len(wanted) > 60
    for point, strength in zip(points, intensity.tolist(), strict=True):
        np.testing.assert_allclose(point, wanted[strength], rtol=1e-5, atol=1e-4)


def test_echoes_from_the_car_itself_or_from_too_far_are_left_out() -> None:
    echoes = np.ones((200, 1), np.float32)
    points, _ = radar_points(echoes, np.zeros(1), 0.9, ground_m=0.0)
    np.testing.assert_allclose(points[[0, -1], 0], [1.8, 0.9 * 166], rtol=1e-6)


def test_silence_is_no_echo() -> None:
    points, intensity = radar_points(np.zeros((9, 4)), np.zeros(4), 1.0, ground_m=-1.0)
    assert points.shape == (0, 3)
    assert intensity.shape == (0,)
    assert not radar_image(points, intensity, CAMERA_FROM_RADAR, CAMERA).any()


def test_strongest_echo_has_the_last_word() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform((-5, -20, -2), (40, 20, 0), (300, 3)).astype(np.float32)
    intensity = rng.permutation(300).astype(np.float32) / 300
    in_camera = points @ CAMERA_FROM_RADAR[:3, :3].T + CAMERA_FROM_RADAR[:3, 3]
    pixels = cv2.projectPoints(in_camera, np.zeros(3), np.zeros(3), CAMERA.matrix, np.zeros(5))[0]
    wanted = np.zeros((48, 64, 3), np.float32)
    for i in np.argsort(intensity):
        column, row = (int(np.rint(value)) for value in pixels[i, 0])
        if in_camera[i, 2] > 0 and 0 <= column < 64 and 0 <= row < 48:
            square = wanted[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
            square[:] = (np.linalg.norm(points[i]), intensity[i], 0)
    assert 50 < (wanted[..., 0] > 0).sum() < wanted[..., 0].size

    image = radar_image(points, intensity, CAMERA_FROM_RADAR, CAMERA, dilation=5)

    assert image.dtype == np.float32
    np.testing.assert_allclose(image, wanted, rtol=1e-5)


def test_squares_are_nine_wide_unless_told_otherwise() -> None:
    image = radar_image(np.array([[10.5, 0, -0.3]]), np.ones(1), CAMERA_FROM_RADAR, CAMERA)
    assert (image[..., 0] > 0).sum() == 81


@pytest.mark.parametrize(
    ('points', 'intensity', 'transform', 'dilation', 'message'),
    [
        (np.zeros((4, 2)), np.zeros(4), np.eye(4), 9, r'\(\(4, 2\), \(4,\), \(4, 4\)\); wanted'),
        (np.zeros((4, 3)), np.zeros(3), np.eye(4), 9, r'\(\(4, 3\), \(3,\), \(4, 4\)\); wanted'),
        (np.zeros((4, 3)), np.zeros(4), np.eye(3), 9, r'\(\(4, 3\), \(4,\), \(3, 3\)\); wanted'),
        (np.zeros((4, 3)), np.zeros(4), np.eye(4), 2, 'dilation is 2; wanted an odd'),
    ],
)
def test_refuses_other_shapes(
    points: np.ndarray, intensity: np.ndarray, transform: np.ndarray, dilation: int, message: str
) -> None:
    with pytest.raises(SensorError, match=message):
        radar_image(points, intensity, transform, CAMERA, dilation=dilation)


def test_refuses_directions_that_do_not_fit_the_echoes() -> None:
    with pytest.raises(SensorError, match=r'shape \(9, 4\) for azimuths \(5,\)'):
        radar_points(np.zeros((9, 4)), np.zeros(5), 1.0, ground_m=-1.0)


def test_echoes_too_far_for_their_distance_to_be_a_number_are_not_drawn() -> None:
    camera = CameraModel.pinhole(64, 48, 90)
    points = np.array([[1e30, 0, 1e30], [0, 0, 1e30], [0, 0, 20]], np.float32)
    image = radar_image(points, np.array([1, 1, 0.5], np.float32), np.eye(4), camera)
    assert np.isfinite(image).all()
    assert image[24, 32].tolist() == [20, 0.5, 0]
