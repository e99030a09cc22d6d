"""What a written bag holds, as arrays; read back with rosbags."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader

Bag = dict[str, list[tuple[int, Any]]]
PICTURE = np.arange(16 * 20 * 3, dtype=np.uint16).astype(np.uint8).reshape(16, 20, 3)


def read(path: Path) -> Bag:
    """Return topic -> (time of recording, message)."""
    bag: Bag = defaultdict(list)
    with AnyReader([path]) as reader:
        for connection, time_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            bag[connection.topic].append((time_ns, message))
    return bag


def stamp(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def array(image: Any) -> np.ndarray:
    dtype = {'32FC1': np.float32, '32FC3': np.float32}.get(image.encoding, np.uint8)
    return image.data.view(dtype).reshape(image.height, image.width, -1).squeeze()


def fields(cloud: Any) -> dict[str, np.ndarray]:
    """Read a cloud field by field, by the offsets it declares."""
    rows = cloud.data.reshape(-1, cloud.point_step)
    types = {7: np.dtype('<f4'), 4: np.dtype('<u2')}
    return {
        field.name: np.ascontiguousarray(
            rows[:, field.offset : field.offset + types[field.datatype].itemsize]
        )
        .view(types[field.datatype])
        .ravel()
        for field in cloud.fields
    }


def matrix(transform: Any) -> np.ndarray:
    """Return the 4x4 matrix of a geometry_msgs/Transform, column by column."""
    q, shift = transform.rotation, transform.translation
    axis = np.array([q.x, q.y, q.z])
    result = np.eye(4)
    for column, unit in enumerate(np.eye(3)):
        turned = unit + 2 * np.cross(axis, np.cross(axis, unit) + q.w * unit)
        result[:3, column] = turned
    result[:3, 3] = shift.x, shift.y, shift.z
    return result


def frames(bag: Bag) -> dict[tuple[str, str], np.ndarray]:
    """Return (parent, child) -> transform of the child's coordinates into the parent's."""
    ((_, message),) = bag['/tf_static']
    return {
        (one.header.frame_id, one.child_frame_id): matrix(one.transform)
        for one in message.transforms
    }


def put(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)
