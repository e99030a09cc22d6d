"""CameraInfo to CameraModel, with the real message class."""

import cv2
import numpy as np
import pytest

pytest.importorskip('sensor_msgs')

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_core.sensors import CameraModel
from robustseg_ros.inputs.camera_info import (
    camera_info_to_model,
    rectification,
    resized_camera_info,
)

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
    with pytest.raises(SensorError, match=r'Camera size is 0x0, .*; wanted at least 1x1'):
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


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'width': 0, 'roi': RegionOfInterest(width=320, height=240)}, 'Camera size is 0x480'),
        ({'binning_x': 1000}, '640x480 of which are sent with a binning of 1000x1'),
        ({'binning_y': 2**32 - 1, 'roi': RegionOfInterest(width=9, height=9)}, '9x9 of which'),
        ({'k': [float('nan'), *K[1:]]}, 'K of the CameraInfo .*; wanted finite'),
        ({'k': [*K[:2], float('inf'), *K[3:]]}, 'K of the CameraInfo'),
        ({'p': [*P[:11], float('nan')]}, 'P of the CameraInfo'),
        ({'d': [*D, 0.1]}, "'plumb_bob' has 6 coefficients; wanted 4 or 5"),
        ({'d': [float('nan'), *D]}, "'plumb_bob' has 6 coefficients"),
        ({'d': [float('inf')] * 5}, 'Distortion coefficients'),
        ({'d': [0.0] * 100_000}, 'D of the CameraInfo has 100000 numbers'),
        ({'header': Header(frame_id='x' * 5_000_000)}, 'frame_id is .*; wanted at most 1024'),
        ({'d': [0.0], 'distortion_model': 'x' * 5_000_000}, r'\(5000000 characters\)'),
    ],
)
def test_refuses_values_that_make_no_camera(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(SensorError, match=complaint) as caught:
        camera_info_to_model(info(**changes), rectified=False)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'r': [float('nan')] * 9}, 'R of the CameraInfo'),
        ({'r': [2.0, 0, 0, 0, 1, 0, 0, 0, 1]}, 'R of the CameraInfo .*; wanted a rotation'),
        ({'r': [1e300] * 9}, 'R of the CameraInfo'),
        ({'p': [*P[:10], 0.0, 0.0]}, 'P of the CameraInfo'),
        ({'p': [*P[:3], float('inf'), *P[4:]]}, 'P of the CameraInfo'),
        ({'p': [1e-300, 0, 310, -1e300, *P[4:]]}, 'wanted a baseline'),
    ],
)
def test_refuses_a_rectification_that_is_none(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(SensorError, match=complaint):
        rectification(info(**changes))


def test_coefficients_as_orbbec_sends_them_are_accepted() -> None:
    eight = camera_info_to_model(info(d=[*D, 0.0, 0.0, 0.0]), rectified=False)
    assert eight == camera_info_to_model(info(), rectified=False)
    rational = [0.3, 0.05, 0.0005, -0.0003, 0.002, 0.6, 0.1, 0.01]
    for zeros in (0, 4, 6):
        msg = info(d=rational + [0.0] * zeros, distortion_model='rational_polynomial')
        assert camera_info_to_model(msg, rectified=False).distortion[:8] == tuple(rational)


def test_camera_info_is_resized_with_the_mask():
    camera = CameraModel.pinhole(640, 480, 80)
    k = camera.matrix
    info = CameraInfo(
        width=640,
        height=480,
        distortion_model='plumb_bob',
        d=[0.1, 0.0, 0.0, 0.0, 0.0],
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, [[-50.0], [0], [0]]]).ravel(),
    )
    header = Header(frame_id='camera')
    small = resized_camera_info(info, 320, 120, header)
    assert (small.width, small.height, small.header) == (320, 120, header)
    np.testing.assert_allclose(small.k, camera.resized(320, 120).matrix.ravel())
    assert small.p[3] == pytest.approx(-25.0)
    assert list(small.d) == list(info.d)
    # A point projected at full size and at half size lies at the same place of the image.
    column = k[0, 0] * 0.3 + k[0, 2]
    assert small.k[0] * 0.3 + small.k[2] == pytest.approx((column + 0.5) / 2 - 0.5)
    same = resized_camera_info(info, 640, 480, header)
    assert list(same.k) == list(info.k)


def test_camera_info_of_a_region_of_interest_is_that_of_its_image() -> None:
    # REP 104: K and P are those of the full resolution.
    k = [500.0, 0, 320, 0, 500, 240, 0, 0, 1]
    sent = info(
        k=k,
        p=[500.0, 0, 320, -50, 0, 500, 240, 0, 0, 0, 1, 0],
        roi=RegionOfInterest(x_offset=100, y_offset=50, width=320, height=240),
    )
    made = resized_camera_info(sent, 320, 240, Header())
    assert (made.width, made.height) == (320, 240)
    assert made.k.tolist() == [500, 0, 220, 0, 500, 190, 0, 0, 1]
    assert made.p.tolist() == [500, 0, 220, -50, 0, 500, 190, 0, 0, 0, 1, 0]
    assert (made.roi.width, made.roi.x_offset, made.binning_x) == (0, 0, 0)


@pytest.mark.parametrize('binning', [(0, 0), (2, 2), (4, 2)])
@pytest.mark.parametrize('roi', [(0, 0, 0, 0), (100, 60, 400, 320), (101, 61, 321, 241)])
@pytest.mark.parametrize('rectified', [False, True])
def test_the_camera_info_of_a_mask_sees_points_where_the_image_has_them(
    *, rectified: bool, binning: tuple[int, int], roi: tuple[int, int, int, int]
) -> None:
    x, y, width, height = roi
    region = RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)
    sent = info(binning_x=binning[0], binning_y=binning[1], roi=region)
    camera = camera_info_to_model(sent, rectified=rectified)

    made = resized_camera_info(sent, 90, 70, Header())

    again = camera_info_to_model(made, rectified=rectified)
    assert (again.width, again.height) == (90, 70)
    np.testing.assert_allclose(again.matrix, camera.resized(90, 70).matrix, rtol=1e-12)
    assert again.distortion == camera.distortion
