"""A good message, small, of every kind and encoding that the node reads."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, ClassVar

from builtin_interfaces.msg import Time
import cv2
from hostile_pictures import rvl_encoded
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header

from robustseg_ros.inputs.image_encodings import KNOWN, NATIVE, PLANAR

HEIGHT, WIDTH = 24, 32
IMAGE_ENCODINGS = KNOWN
EVENT_ENCODINGS = ('mono', 'evt2', 'evt21', 'evt3')
COMPRESSED_FORMATS = (
    'rgb8; jpeg compressed bgr8', 'jpeg', 'bgr8; png compressed bgr8', 'png', 'mono8; png',
    '16UC1; png compressed', '16UC1; compressedDepth png', '32FC1; compressedDepth png',
    '16UC1; compressedDepth rvl', '32FC1; compressedDepth rvl', 'bayer_rggb8; png compressed',
    '16UC1; compressedDepth rvl', '32FC1; compressedDepth rvl', 'bayer_rggb8; jpeg compressed ',
)  # fmt: skip


@dataclass
class EventPacket:
    """As event_camera_msgs/EventPacket, which pip does not have."""

    TYPES: ClassVar = {
        'header': 'std_msgs/Header', 'height': 'uint32', 'width': 'uint32', 'seq': 'uint64',
        'time_base': 'uint64', 'encoding': 'string', 'is_bigendian': 'boolean',
        'events': 'sequence<uint8>',
    }  # fmt: skip
    header: Any
    height: int = 480
    width: int = 640
    seq: int = 0
    time_base: int = 0
    encoding: str = 'evt3'
    is_bigendian: bool = False
    events: Any = field(default_factory=lambda: array('B'))

    def get_fields_and_field_types(self) -> dict[str, str]:
        return self.TYPES


def header(frame: str = 'sensor') -> Header:
    return Header(stamp=Time(sec=1_700_000_000, nanosec=500_000_000), frame_id=frame)


def image(rng: np.random.Generator, encoding: str) -> Image:
    dtype, channels = NATIVE.get(encoding, (np.dtype(np.uint8), 1))
    rows = HEIGHT * 3 // 2 if encoding in PLANAR else HEIGHT
    if dtype == np.float32:
        data = rng.uniform(0.5, 20, (rows, WIDTH * channels)).astype('<f4').tobytes()
    else:
        data = rng.integers(0, 256, rows * WIDTH * channels * dtype.itemsize, np.uint8).tobytes()
    return Image(
        header=header(), height=HEIGHT, width=WIDTH, encoding=encoding,
        step=WIDTH * channels * dtype.itemsize, data=array('B', data),
    )  # fmt: skip


def compressed(rng: np.random.Generator, name: str) -> CompressedImage:
    colours = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    deep = rng.integers(300, 9000, (HEIGHT, WIDTH), np.uint16)
    if 'bayer' in name:
        data = cv2.imencode('.jpg', colours[..., 0])[1].tobytes()
    elif 'jpeg' in name:
        data = cv2.imencode('.jpg', colours)[1].tobytes()
    elif 'rvl' in name:
        data = np.array([WIDTH, HEIGHT], '<u4').tobytes() + rvl_encoded(deep)
    elif name.startswith(('16UC1', '32FC1')):
        data = cv2.imencode('.png', deep)[1].tobytes()
    else:
        data = cv2.imencode(
            '.png', colours[..., 0] if name.startswith(('mono', 'bayer')) else colours
        )[1].tobytes()
    if 'compressedDepth' in name:
        data = np.array([0, 100, 0], '<f4').tobytes() + data
    return CompressedImage(header=header(), format=name, data=array('B', data))


def cloud(rng: np.random.Generator, layout: str) -> PointCloud2:
    """Return a scan; ``layout``: float, double, ring (as Velodyne), organised or big-endian."""
    kinds = {'float': 'ffff', 'double': 'dddf', 'ring': 'ffffHf'}.get(layout, 'ffff')
    names = ('x', 'y', 'z', 'intensity', 'ring', 'time')
    types = {'f': PointField.FLOAT32, 'd': PointField.FLOAT64, 'H': PointField.UINT16}
    order = '>' if layout == 'bigendian' else '<'
    dtype = np.dtype([(name, order + kind) for name, kind in zip(names, kinds, strict=False)])
    height = 4 if layout == 'organised' else 1
    points = np.zeros(64, dtype)
    for name, low, high in (('x', 3, 15), ('y', -5, 5), ('z', -2, 3), ('intensity', 0, 1)):
        points[name] = rng.uniform(low, high, len(points))
    return PointCloud2(
        header=header('lidar'), height=height, width=len(points) // height,
        fields=[
            PointField(name=name, offset=dtype.fields[name][1], datatype=types[kind], count=1)
            for name, kind in zip(names, kinds, strict=False)
        ],
        is_bigendian=order == '>', point_step=dtype.itemsize,
        row_step=dtype.itemsize * len(points) // height, data=array('B', points.tobytes()),
        is_dense=True,
    )  # fmt: skip


def camera_info(rng: np.random.Generator, model: str) -> CameraInfo:
    count = {'plumb_bob': 5, 'rational_polynomial': 14, 'equidistant': 4}[model]
    k = [60.0, 0, 31.5, 0, 60, 23.5, 0, 0, 1]
    return CameraInfo(
        header=header('camera'), width=64, height=48, distortion_model=model,
        d=rng.uniform(-0.01, 0.01, count).tolist(), k=k, r=np.eye(3).ravel().tolist(),
        p=[60.0, 0, 31.5, -3, 0, 60, 23.5, 0, 0, 0, 1, 0],
    )  # fmt: skip


def events(rng: np.random.Generator, encoding: str) -> EventPacket:
    count = 40
    x, y = rng.integers(0, 640, count), rng.integers(0, 480, count)
    t_us = 4096 + np.arange(count)
    if encoding == 'mono':
        words = (y << 48 | x << 32 | t_us).astype('<u8')
    elif encoding == 'evt3':
        start = [0x8001, 0x6000, 0x3000 | 100, 0x4FFF]
        words = np.concatenate([start, np.stack([y, 0x2800 | x], 1).ravel()]).astype('<u2')
    else:
        heads = np.concatenate([[8 << 28 | 64], 1 << 28 | (t_us & 63) << 22 | x << 11 | y])
        masks = np.where(heads >> 28 == 8, 0, rng.integers(1, 1 << 32, count + 1))
        words = heads.astype('<u4') if encoding == 'evt2' else (heads << 32 | masks).astype('<u8')
    return EventPacket(header=header(), encoding=encoding, events=array('B', words.tobytes()))
