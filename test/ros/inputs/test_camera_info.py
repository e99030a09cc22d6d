"""CameraInfo to CameraModel, with the real message class."""

import cv2
import numpy as np
import pytest

pytest.importorskip('sensor_msgs')

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_ros.inputs.camera_info import camera_info_to_model, rectification

K = [600.0, 0, 320.5, 0, 610, 240.25, 0, 0, 1]
P = [500.0, 0, 310, -60, 0, 505, 235, 0, 0, 0, 1, 0]
D = [-0.1, 0.02, 0.001, -0.002, 0.003]


def info(**changes: object) -> CameraInfo:
    values = {
        'header': Header(frame_id='front'),
        'width': 640,
        'height': 480,
        'k': K,
        'p': P,
        'r': np.eye(3).ravel().tolist(),
        'd': D,
        'distortion_model': 'plumb_bob',
    }
    return CameraInfo(**{**values, **changes})


def test_raw_image_has_k_and_d() -> None:
    camera = camera_info_to_model(info(), rectified=False)
    assert (camera.width, camera.height) == (640, 480)
    np.testing.assert_array_equal(camera.matrix.ravel(), K)
    assert (camera.distortion_model, camera.distortion) == ('plumb_bob', tuple(D))


def test_rectified_image_has_p_and_no_distortion() -> None:
    camera = camera_info_to_model(info(), rectified=True)
    assert camera.matrix.tolist() == [[500, 0, 310], [0, 505, 235], [0, 0, 1]]
    assert (camera.distortion_model, camera.distortion) == ('none', ())


@pytest.mark.parametrize('d', [[], [0.0] * 5, [0.0] * 8])
@pytest.mark.parametrize('model', ['', 'plumb_bob', 'made_up'])
def test_distortion_of_zero_is_none_whatever_its_name(d: list[float], model: str) -> None:
    camera = camera_info_to_model(info(d=d, distortion_model=model), rectified=False)
    assert camera.distortion_model == 'none'


def test_refuses_unknown_distortion() -> None:
    with pytest.raises(SensorError, match="Unknown distortion model 'made_up'"):
        camera_info_to_model(info(distortion_model='made_up'), rectified=False)


@pytest.mark.parametrize(('rectified', 'name'), [(False, 'K'), (True, 'P')])
def test_refuses_an_uncalibrated_camera(*, rectified: bool, name: str) -> None:
    with pytest.raises(
        SensorError, match=rf"camera 'front' is uncalibrated: {name}\[0\]=0; wanted"
    ):
        camera_info_to_model(info(k=[0.0] * 9, p=[0.0] * 12), rectified=rectified)


def test_refuses_a_camera_without_size() -> None:
    with pytest.raises(SensorError, match='Camera size is 0x0'):
        camera_info_to_model(info(width=0, height=0), rectified=False)


def picture_of(point: np.ndarray) -> np.ndarray:
    """The full image, black, with a bright square of 8 pixels where K sees ``point``."""
    pixel = cv2.projectPoints(point, np.zeros(3), np.zeros(3), np.reshape(K, (3, 3)), np.array(D))
    column, row = np.rint(pixel[0][0, 0]).astype(int)
    picture = np.zeros((480, 640), np.float32)
    picture[row - 4 : row + 4, column - 4 : column + 4] = 1
    return picture


@pytest.mark.parametrize('binning', [(0, 0), (1, 1), (2, 2), (4, 2)])
@pytest.mark.parametrize('roi', [(0, 0, 0, 0), (100, 60, 400, 320)])
def test_region_and_binning_are_those_of_the_image_sent(
    binning: tuple[int, int], roi: tuple[int, int, int, int]
) -> None:
    point = np.array([[0.4, -0.2, 2.0]])
    sent = picture_of(point)
    x, y, width, height = roi
    if width:
        sent = sent[y : y + height, x : x + width]
    bx, by = (max(1, count) for count in binning)
    sent = sent.reshape(sent.shape[0] // by, by, sent.shape[1] // bx, bx).mean(axis=(1, 3))
    region = RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)

    camera = camera_info_to_model(
        info(binning_x=binning[0], binning_y=binning[1], roi=region), rectified=False
    )

    assert (camera.height, camera.width) == sent.shape
    rows, columns = np.indices(sent.shape)
    centre = [(axis * sent).sum() / sent.sum() for axis in (columns, rows)]
    np.testing.assert_allclose(camera.project(point).pixels[0], centre, atol=1.0)
    # And in parts of a pixel, by pinhole geometry: full column = x + (column + 0.5) * bx - 0.5.
    full = camera_info_to_model(info(), rectified=False).project(point).pixels[0]
    back = (camera.project(point).pixels[0] + 0.5) * (bx, by) - 0.5 + (x, y)
    np.testing.assert_allclose(back, full, atol=1e-3)


def test_rectification_leads_to_p_times_the_rotated_point() -> None:
    rotation = cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))[0]
    msg = info(r=rotation.ravel().tolist())
    point = np.array([0.3, -0.2, 4.0])
    u, v, w = np.reshape(P, (3, 4)) @ np.append(rotation @ point, 1)  # CameraInfo.msg

    rectified = (rectification(msg) @ np.append(point, 1))[:3]
    pixel = camera_info_to_model(msg, rectified=True).project(rectified[None]).pixels[0]

    np.testing.assert_allclose(pixel, (u / w, v / w), rtol=1e-5)


def test_rectification_that_was_left_out_is_none() -> None:
    p = [500.0, 0, 310, 0, 0, 505, 235, 0, 0, 0, 1, 0]
    np.testing.assert_array_equal(rectification(info(r=[0.0] * 9, p=p)), np.eye(4))


def test_rectification_needs_a_projection() -> None:
    with pytest.raises(SensorError, match='P has no focal length'):
        rectification(info(p=[0.0] * 12))
