"""CameraModel, against OpenCV's own projection."""

import cv2
import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.camera import CameraModel

MATRIX = np.array([[600.0, 0, 470.3], [0, 610, 262.7], [0, 0, 1]])
PLUMB_BOB = (-0.1, 0.02, 0.001, -0.002, 0.003)
RATIONAL = (0.3, 0.05, 0.0005, -0.0003, 0.002, 0.6, 0.1, 0.01)
PRISM = (*RATIONAL, 0.01, -0.002, -0.015, 0.003)
TILTED = (*PRISM, 0.03, -0.05)
EQUIDISTANT = (0.02, -0.01, 0.003, -0.001)


def scene(count: int = 2000) -> np.ndarray:
    """Points all around the camera, some of them behind it."""
    rng = np.random.default_rng(0)
    return rng.uniform((-20, -8, -10), (20, 8, 30), (count, 3))


@pytest.mark.parametrize(
    ('model', 'distortion'),
    [
        ('none', ()),
        ('plumb_bob', PLUMB_BOB),
        ('plumb_bob', PLUMB_BOB[:4]),
        ('rational_polynomial', RATIONAL),
        ('rational_polynomial', PRISM),
        ('rational_polynomial', TILTED),
    ],
)
def test_projects_as_opencv_does(model: str, distortion: tuple[float, ...]) -> None:
    camera = CameraModel(960, 540, MATRIX, model, distortion)
    points = scene()

    pixels, depth, visible = camera.project(points)

    wanted = cv2.projectPoints(points, np.zeros(3), np.zeros(3), MATRIX, np.array(distortion))[0]
    assert visible.sum() > 200
    np.testing.assert_allclose(pixels[visible], wanted[visible, 0], atol=1e-2)
    np.testing.assert_allclose(depth, points[:, 2], rtol=1e-6)
    assert pixels.dtype == depth.dtype == np.float32


@pytest.mark.parametrize('distortion', [(), PLUMB_BOB])
def test_what_is_seen_is_what_is_visible_in_the_projection(distortion: tuple[float, ...]) -> None:
    camera = CameraModel(960, 540, MATRIX, 'plumb_bob' if distortion else 'none', distortion)
    points = scene()
    pixels, depth, visible = camera.project(points)

    seen = camera.see(points)

    np.testing.assert_array_equal(seen.number, np.flatnonzero(visible))
    np.testing.assert_array_equal(seen.depth, depth[visible])
    np.testing.assert_array_equal(seen.column, pixels[visible, 0])
    np.testing.assert_array_equal(seen.row, pixels[visible, 1])
    nearest = np.round(pixels[visible]).astype(int)
    np.testing.assert_array_equal(seen.pixels(960), nearest[:, 1] * 960 + nearest[:, 0])


def test_projects_fisheye_as_opencv_does() -> None:
    matrix = np.array([[300.0, 0, 470.3], [0, 300, 262.7], [0, 0, 1]])
    camera = CameraModel(960, 540, matrix, 'equidistant', EQUIDISTANT)
    points = np.concatenate([scene(), [[0, 0, 5]]])

    pixels, _, visible = camera.project(points)

    wanted = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), matrix, np.array(EQUIDISTANT)
    )[0]
    assert visible.sum() > 400
    np.testing.assert_allclose(pixels[visible], wanted[visible, 0], atol=1e-2)
    assert visible[-1]  # the axis, where the angle's ratio is 0 / 0
    np.testing.assert_allclose(pixels[-1], (470.3, 262.7), rtol=1e-6)


@pytest.mark.parametrize('distortion', [(), PLUMB_BOB, RATIONAL, PRISM, TILTED])
def test_every_point_that_the_lens_images_is_visible(distortion: tuple[float, ...]) -> None:
    # The inverse way: pixels undistorted by OpenCV, corners and borders included.
    model = {0: 'none', 5: 'plumb_bob'}.get(len(distortion), 'rational_polynomial')
    camera = CameraModel(960, 540, MATRIX, model, distortion)
    columns, rows = np.meshgrid(np.linspace(0, 959, 33), np.linspace(0, 539, 17))
    wanted = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
    rays = cv2.undistortPointsIter(
        wanted, MATRIX, np.array(distortion or [0.0] * 5), None, None, criteria
    )[:, 0]
    points = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) * 7.0

    pixels, _, visible = camera.project(points)

    assert visible.all()
    np.testing.assert_allclose(pixels, wanted[:, 0], atol=2e-2)


def test_point_outside_the_field_of_view_is_not_bent_back_into_the_image() -> None:
    matrix = np.array([[1000.0, 0, 960], [0, 1000, 540], [0, 0, 1]])
    camera = CameraModel(1920, 1080, matrix, 'plumb_bob', (-0.1, 0, 0, 0, 0))
    point = np.array([[2.9, 0, 1.0]])
    folded = cv2.projectPoints(
        point, np.zeros(3), np.zeros(3), matrix, np.array(camera.distortion)
    )[0][0, 0]
    assert 0 <= folded[0] < 1920  # the formula alone is fooled

    pixels, _, visible = camera.project(point)

    assert not visible[0]
    assert np.isnan(pixels).all()


def test_points_beyond_the_end_of_the_polynomial_are_not_visible() -> None:
    # r (1 - 0.1 r^2) grows up to r = 1.826 and never reaches this image's corner.
    matrix = np.array([[500.0, 0, 960], [0, 500, 540], [0, 0, 1]])
    camera = CameraModel(1920, 1080, matrix, 'plumb_bob', (-0.1, 0, 0, 0))
    points = np.array([[1.8, 0, 1.0], [1.85, 0, 1], [2.5, 0, 1]])
    assert camera.project(points).visible.tolist() == [True, False, False]


def test_points_behind_and_broken_points_are_not_visible() -> None:
    camera = CameraModel.pinhole(64, 48, 90)
    points = np.array([[0, 0, -5], [0, 0, 0], [np.nan, 0, 5], [0, 0, np.nan], [0, 0, 5.0]])
    with np.errstate(all='raise'):
        visible = camera.project(points).visible
    assert visible.tolist() == [False, False, False, False, True]


def test_image_border_is_half_a_pixel_beyond_the_outermost_centres() -> None:
    camera = CameraModel(10, 8, np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]))
    points = np.array([[-0.5, 0, 1], [-0.51, 0, 1], [9.49, 7.49, 1], [9.5, 0, 1], [0, 7.5, 1]])
    assert camera.project(points).visible.tolist() == [True, False, True, False, False]


def test_pinhole_sees_its_field_of_view() -> None:
    camera = CameraModel.pinhole(200, 100, 90)
    pixels, _, visible = camera.project(np.array([[0, 0, 3], [-2.999, 0, 3], [3.03, 0, 3]]))
    np.testing.assert_allclose(pixels[0], (99.5, 49.5))
    assert visible.tolist() == [True, True, False]
    assert pixels[1, 0] == pytest.approx(-0.5, abs=0.05)  # the left edge


def test_no_points_project_to_nothing() -> None:
    projection = CameraModel.pinhole(64, 48, 90).project(np.zeros((0, 3)))
    assert [len(part) for part in projection] == [0, 0, 0]


def test_resized_camera_agrees_with_the_resized_image() -> None:
    # A dot at a pixel centre of the small image must be where OpenCV enlarges that pixel to.
    camera = CameraModel.pinhole(32, 24, 80)
    ray = np.array([[(5 - 15.5) / camera.matrix[0, 0], (7 - 11.5) / camera.matrix[0, 0], 1.0]])
    small = np.zeros((24, 32), np.float32)
    small[7, 5] = 1
    large = cv2.resize(small, (128, 72), interpolation=cv2.INTER_NEAREST_EXACT)
    rows, columns = np.nonzero(large)

    pixel = camera.resized(128, 72).project(ray).pixels[0]

    np.testing.assert_allclose(pixel, (columns.mean(), rows.mean()), atol=1e-4)


def test_resizing_keeps_the_lens_and_undoes_itself() -> None:
    camera = CameraModel(960, 540, MATRIX, 'plumb_bob', PLUMB_BOB)
    back = camera.resized(320, 256).resized(960, 540)
    np.testing.assert_allclose(back.matrix, MATRIX)
    assert (back.distortion_model, back.distortion) == ('plumb_bob', PLUMB_BOB)


@pytest.mark.parametrize(
    ('model', 'kept', 'zeros'),
    [
        ('plumb_bob', PLUMB_BOB, 3),
        ('plumb_bob', PLUMB_BOB, 9),
        ('plumb_bob', PLUMB_BOB[:4], 4),
        ('rational_polynomial', RATIONAL, 4),
        ('rational_polynomial', RATIONAL, 6),
        ('rational_polynomial', TILTED, 2),
        ('equidistant', EQUIDISTANT, 1),
    ],
)
def test_coefficients_that_a_model_does_not_have_may_be_zero(
    model: str, kept: tuple[float, ...], zeros: int
) -> None:
    camera = CameraModel(960, 540, MATRIX, model, kept + (0.0,) * zeros)
    points = scene()
    np.testing.assert_array_equal(
        camera.project(points).pixels,
        CameraModel(960, 540, MATRIX, model, kept).project(points)[0],
    )


def test_cameras_are_equal_by_value() -> None:
    camera = CameraModel(960, 540, MATRIX, 'plumb_bob', PLUMB_BOB)
    same = CameraModel(960, 540, MATRIX.copy(), 'plumb_bob', PLUMB_BOB)
    assert camera == same
    assert hash(camera) == hash(same)
    assert camera != CameraModel(960, 540, MATRIX, 'plumb_bob', PLUMB_BOB[:4])
    assert camera != camera.resized(480, 270)


def test_camera_does_not_change_with_the_array_it_was_made_from() -> None:
    matrix = MATRIX.copy()
    camera = CameraModel(960, 540, matrix)
    matrix[0, 0] = 1
    assert camera.matrix[0, 0] == 600
    with pytest.raises(ValueError, match='read-only'):
        camera.matrix[0, 0] = 1


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'width': 0}, 'Camera size is 0x540; wanted at least 1x1'),
        ({'matrix': np.zeros((3, 3))}, r'uncalibrated: K\[0\]=0'),
        ({'matrix': np.eye(4)}, r'shape \(4, 4\); wanted \(3, 3\)'),
        ({'matrix': MATRIX + np.eye(3)[::-1]}, 'wanted fx 0 cx'),
        ({'matrix': MATRIX * np.nan}, 'wanted fx 0 cx'),
        ({'matrix': MATRIX * [[-1, 1, 1]] * 3}, 'wanted fx 0 cx'),
        ({'distortion_model': 'f-theta'}, "Unknown distortion model 'f-theta'; known are .*equi"),
        (
            {'distortion_model': 'plumb_bob', 'distortion': (1.0,) * 8},
            'has 8 .*4 or 5 .beyond',
        ),
        ({'distortion_model': 'equidistant', 'distortion': ()}, 'has 0 coefficients; wanted 4'),
        ({'distortion_model': 'rational_polynomial', 'distortion': (0.1,) * 5}, 'wanted 8'),
        ({'distortion_model': 'plumb_bob', 'distortion': (np.nan,) * 4}, 'wanted finite'),
        ({'distortion_model': 'plumb_bob', 'distortion': (0.1,) * 5 + (np.nan,)}, 'only zeros'),
        ({'distortion_model': 'x' * 5000}, r'5000 characters'),
    ],
)
def test_refuses_what_is_no_camera(change: dict[str, object], message: str) -> None:
    values: dict[str, object] = {'width': 960, 'height': 540, 'matrix': MATRIX, **change}
    with pytest.raises(SensorError, match=message):
        CameraModel(**values)  # type: ignore[arg-type]


def test_refuses_an_impossible_field_of_view_and_other_shapes() -> None:
    with pytest.raises(SensorError, match='Horizontal field of view is 180'):
        CameraModel.pinhole(64, 48, 180)
    with pytest.raises(SensorError, match=r'Points have shape \(4, 2\)'):
        CameraModel.pinhole(64, 48, 90).project(np.zeros((4, 2)))
