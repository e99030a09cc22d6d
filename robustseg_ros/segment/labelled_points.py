"""A cloud whose points bear the classes that the mask has where the camera sees them."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from robustseg_core.labels import IGNORE_ID
from robustseg_core.sensors.lidar import MINIMUM_RANGE_M, transformed
from robustseg_ros.inputs.measurements import Cloud

UNLABELLED_GREY = 96  # to be seen on black, and like no class
FIELDS = (
    ('x', 0, PointField.FLOAT32),
    ('y', 4, PointField.FLOAT32),
    ('z', 8, PointField.FLOAT32),
    ('rgb', 12, PointField.FLOAT32),  # packed: what RViz and PCL expect under this name
    ('label', 16, PointField.UINT8),
    ('confidence', 20, PointField.FLOAT32),
)
_LAYOUT = np.dtype(
    {
        'names': [name for name, _, _ in FIELDS],
        'formats': ['<f4', '<f4', '<f4', '<u4', 'u1', '<f4'],
        'offsets': [offset for _, offset, _ in FIELDS],
        'itemsize': 24,
    }
)


def labelled_points(
    cloud: Cloud,
    class_ids: NDArray[np.uint8],
    confidence: NDArray[np.float32],
    colours: NDArray[np.uint8],
) -> PointCloud2:
    """Return the points of a cloud, in its sensor's frame, with class, colour and confidence.

    Points are projected as for the network. What the camera does not see, and what is so near
    that the network is not shown it, is unlabelled: id 255, confidence 0, grey.

    Args:
        cloud: A scan that the mask rests on.
        class_ids: (H, W) the mask.
        confidence: (H, W) of the mask.
        colours: (256, 3) RGB of each id.
    """
    points = cloud.points
    height, width = class_ids.shape
    with np.errstate(invalid='ignore', over='ignore'):  # such points are seen by nobody
        camera = cloud.camera.resized(width, height)
        seen = camera.see(transformed(points, cloud.camera_from_sensor))
        shown = points.take(seen.number, axis=0)
        is_far = np.einsum('ij,ij->i', shown, shown) >= MINIMUM_RANGE_M**2
    number, pixel = seen.number[is_far], seen.pixels(width)[is_far]
    rows = np.zeros(len(points), _LAYOUT)
    rows['x'], rows['y'], rows['z'] = points.T
    rows['label'] = IGNORE_ID
    rows['label'][number] = class_ids.reshape(-1).take(pixel)
    rows['confidence'][number] = confidence.reshape(-1).take(pixel)
    rows['rgb'] = _packed(colours).take(rows['label'])
    message = PointCloud2(
        header=Header(stamp=cloud.header.stamp, frame_id=cloud.sensor_frame),
        height=1,
        width=len(rows),
        fields=[
            PointField(name=name, offset=offset, datatype=datatype, count=1)
            for name, offset, datatype in FIELDS
        ],
        point_step=_LAYOUT.itemsize,
        row_step=_LAYOUT.itemsize * len(rows),
        is_dense=True,
    )
    message.data = array('B', rows.tobytes())
    return message


def _packed(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return (256,) numbers whose bytes are 0, red, green, blue."""
    shown = colours.astype(np.uint32)
    shown[IGNORE_ID] = UNLABELLED_GREY
    packed = shown[:, 0] << 16 | shown[:, 1] << 8 | shown[:, 2]
    return packed.astype(np.uint32, copy=False)
