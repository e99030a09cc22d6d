"""Arrays become messages, without ROS: pure functions over the types of rosbags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import DataError
from robustseg_core.labels import LabelSet
from robustseg_core.sensors import CameraModel, Events
from robustseg_ros.bags.definitions import make

# (dtype, channels) of the arrays that become images.
ENCODINGS = {
    ('uint8', 1): 'mono8',
    ('uint8', 3): 'rgb8',
    ('uint16', 1): '16UC1',
    ('float32', 1): '32FC1',
    ('float32', 3): '32FC3',
}
# sensor_msgs/PointField's codes.
POINT_FIELD_TYPES = {'uint16': 4, 'float32': 7}
MONO_DT_LIMIT_NS = 1 << 32


def header(stamp_ns: int, frame_id: str) -> Any:
    """Return a std_msgs/Header."""
    sec, nanosec = divmod(stamp_ns, 10**9)
    stamp = make('builtin_interfaces/msg/Time', sec=sec, nanosec=nanosec)
    return make('std_msgs/msg/Header', stamp=stamp, frame_id=frame_id)


def image(array: NDArray[Any], stamp_ns: int, frame_id: str) -> Any:
    """Return a sensor_msgs/Image of (H, W) or (H, W, C); three channels of bytes are RGB.

    Raises:
        DataError: There is no encoding for such an array.
    """
    height, width = array.shape[:2]
    channels = 1 if array.ndim == 2 else array.shape[2]
    key = (array.dtype.name, channels)
    if key not in ENCODINGS:
        msg = f'No image encoding for {channels} channels of {array.dtype}; known: {ENCODINGS}.'
        raise DataError(msg)
    return make(
        'sensor_msgs/msg/Image',
        header=header(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding=ENCODINGS[key],
        is_bigendian=0,
        step=width * channels * array.itemsize,
        data=_as_bytes(array),
    )


def camera_info(camera: CameraModel, stamp_ns: int, frame_id: str) -> Any:
    """Return a sensor_msgs/CameraInfo; D is empty where the images are undistorted."""
    projection = np.zeros((3, 4))
    projection[:, :3] = camera.matrix
    none = camera.distortion_model == 'none'
    return make(
        'sensor_msgs/msg/CameraInfo',
        header=header(stamp_ns, frame_id),
        height=camera.height,
        width=camera.width,
        distortion_model='plumb_bob' if none else camera.distortion_model,
        d=np.zeros(5) if none else np.array(camera.distortion, np.float64),
        k=camera.matrix.ravel(),
        r=np.eye(3).ravel(),
        p=projection.ravel(),
        binning_x=0,
        binning_y=0,
        roi=make(
            'sensor_msgs/msg/RegionOfInterest',
            x_offset=0,
            y_offset=0,
            height=0,
            width=0,
            do_rectify=False,
        ),
    )


def points(fields: Mapping[str, NDArray[Any]], stamp_ns: int, frame_id: str) -> Any:
    """Return a sensor_msgs/PointCloud2, fields packed in the order of ``fields``.

    Args:
        fields: Name -> (N,) float32 or uint16, e.g. x, y, z, intensity, ring, time.
        stamp_ns: Time of the scan, to which a field ``time`` (s) is relative.
        frame_id: The scanner's frame.
    """
    layout = np.dtype([(name, values.dtype) for name, values in fields.items()])  # no padding
    cloud = np.empty(len(next(iter(fields.values()))), layout)
    for name, values in fields.items():
        cloud[name] = values
    return make(
        'sensor_msgs/msg/PointCloud2',
        header=header(stamp_ns, frame_id),
        height=1,
        width=len(cloud),
        fields=[
            make(
                'sensor_msgs/msg/PointField',
                name=name,
                offset=int(layout.fields[name][1]) if layout.fields else 0,
                datatype=POINT_FIELD_TYPES[values.dtype.name],
                count=1,
            )
            for name, values in fields.items()
        ],
        is_bigendian=False,
        point_step=layout.itemsize,
        row_step=layout.itemsize * len(cloud),
        data=_as_bytes(cloud),
        is_dense=True,
    )


def event_packet(events: Events, width: int, height: int, seq: int, frame_id: str) -> Any:
    """Return an event_camera_msgs/EventPacket in encoding ``mono``.

    An event is a 64-bit word: bit 63 ON, bits 48-62 y, bits 32-47 x, bits 0-31 nanoseconds after
    the header's stamp, which is the first event's time.

    Raises:
        DataError: There are no events, or they span more than 32 bits of nanoseconds.
    """
    if not len(events.t_ns):
        msg = 'A packet of events has 0 events; wanted at least 1.'
        raise DataError(msg)
    first_ns = int(events.t_ns[0])
    dt = events.t_ns - first_ns
    if dt.min() < 0 or dt.max() >= MONO_DT_LIMIT_NS:
        msg = (
            f'A packet of events spans {int(dt.min())} to {int(dt.max())} ns after its first; '
            f'wanted 0 to {MONO_DT_LIMIT_NS - 1}.'
        )
        raise DataError(msg)
    words = dt.astype('<u8')
    words |= events.on.astype('<u8') << np.uint64(63)
    words |= events.y.astype('<u8') << np.uint64(48)
    words |= events.x.astype('<u8') << np.uint64(32)
    return make(
        'event_camera_msgs/msg/EventPacket',
        header=header(first_ns, frame_id),
        height=height,
        width=width,
        seq=seq,
        time_base=first_ns,
        encoding='mono',
        is_bigendian=False,
        events=_as_bytes(words),
    )


def static_transforms(
    base_frame: str, base_from_child: Mapping[str, NDArray[np.floating[Any]]], stamp_ns: int
) -> Any:
    """Return one tf2_msgs/TFMessage with the pose of every child frame in ``base_frame``.

    One message, because a latched topic keeps the last one only.

    Args:
        base_frame: The parent frame.
        base_from_child: Child frame -> (4, 4) transform of its coordinates into the parent's.
        stamp_ns: Time of the transforms.
    """
    transforms = []
    for child, transform in base_from_child.items():
        x, y, z, w = quaternion(transform[:3, :3])
        tx, ty, tz = (float(value) for value in transform[:3, 3])
        transforms.append(
            make(
                'geometry_msgs/msg/TransformStamped',
                header=header(stamp_ns, base_frame),
                child_frame_id=child,
                transform=make(
                    'geometry_msgs/msg/Transform',
                    translation=make('geometry_msgs/msg/Vector3', x=tx, y=ty, z=tz),
                    rotation=make('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w),
                ),
            )
        )
    return make('tf2_msgs/msg/TFMessage', transforms=transforms)


def label_info(labels: LabelSet, stamp_ns: int, frame_id: str) -> Any:
    """Return a vision_msgs/LabelInfo with the names of the class ids."""
    return make(
        'vision_msgs/msg/LabelInfo',
        header=header(stamp_ns, frame_id),
        class_map=[
            make('vision_msgs/msg/VisionClass', class_id=index, class_name=name)
            for index, name in enumerate(labels.classes)
        ],
        threshold=0.0,
    )


def text(value: str) -> Any:
    """Return a std_msgs/String."""
    return make('std_msgs/msg/String', data=value)


def quaternion(rotation: NDArray[np.floating[Any]]) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a rotation matrix (3, 3).

    The matrix K below has the quaternion as its eigenvector of the largest eigenvalue, also where
    the rotation is only nearly orthonormal. Source: Bar-Itzhack, J. Guidance 23(6), 2000.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.astype(np.float64)
    k = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    x, y, z, w = np.linalg.eigh(k)[1][:, -1]
    sign = -1.0 if w < 0 else 1.0  # q and -q are the same rotation
    return sign * float(x), sign * float(y), sign * float(z), sign * float(w)


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).view(np.uint8).ravel()
