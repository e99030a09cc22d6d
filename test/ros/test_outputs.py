"""What belongs to the masks."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from robustseg_core.sensors import CameraModel
from robustseg_ros.outputs import resized_camera_info


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
