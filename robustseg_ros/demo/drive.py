"""The recorded drive: how it is written, and how the scoring reads it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message

from robustseg_core.data.streets import StreetDrive
from robustseg_core.modalities import ModalitySet
from robustseg_core.sensors import CameraModel
from robustseg_ros.bags import channels
from robustseg_ros.bags.convert import STREETS, convert, open_source
from robustseg_ros.bags.message_packages import message_class
from robustseg_ros.bags.reading import read_info, read_messages
from robustseg_ros.bags.sources import SourceOptions
from robustseg_ros.demo.schedule import CONDITIONS
from robustseg_ros.inputs.conversions import (
    camera_info_to_model,
    cloud_to_points,
    image_to_array,
    stamp_to_ns,
)
from robustseg_ros.inputs.measurements import Cloud, Measurement
from robustseg_ros.inputs.pictures import Picture

SIDE = 256
RATE_HZ = 10.0
# Sensor -> its topic; the order is that of importance.
TOPICS = {
    'rgb': channels.CAMERA.topic,
    'depth': channels.DEPTH.topic,
    'event': channels.EVENT_IMAGE.topic,
    'lidar': channels.POINTS.topic,
}
CAMERA_INFO = channels.CAMERA_INFO.topic
_SENSORS = {topic: name for name, topic in TOPICS.items()}
_TRUTH = channels.SEMANTIC.topic


@dataclass(frozen=True)
class DriveFrame:
    """One recorded moment, as the networks see it.

    Attributes:
        stamp_ns: Its stamp.
        images: Sensor -> its network image (H, W, 3); of all sensors, dead or not.
        truth: (H, W) uint8.
    """

    stamp_ns: int
    images: Mapping[str, NDArray[Any]]
    truth: NDArray[np.uint8]


def write_drive(path: Path, *, seed: int, seconds: float, progress: bool = True) -> None:
    """Write the synthetic drive as a bag; the same seed gives the same drive.

    Raises:
        DataError: The bag cannot be written.
    """
    options = SourceOptions(
        seed=seed, seconds=seconds, size=SIDE, rate_hz=RATE_HZ, conditions=CONDITIONS
    )
    source = open_source(STREETS, STREETS, options)
    convert(source, path, overwrite=True, progress=progress)


def camera_from_lidar() -> NDArray[np.float64]:
    """Return where the LiDAR sits, (4, 4); it is the same in every drive."""
    return StreetDrive(0, SIDE, SIDE).camera_from_lidar


def first_stamp_ns(path: Path) -> int:
    """Return the stamp of the first frame; event packets begin a little earlier.

    Raises:
        DataError: The bag cannot be read.
    """
    return next(read_messages(path, [TOPICS['rgb']])).time_ns


def read_drive(path: Path, modalities: ModalitySet, size: tuple[int, int]) -> Iterator[DriveFrame]:
    """Yield the moments of the bag; the images are made by the same code as in the node.

    Args:
        path: The bag.
        modalities: Of the networks.
        size: (height, width) at which the networks look.

    Raises:
        RobustSegError: The bag, or a message of it, cannot be read.
    """
    classes = {topic.name: message_class(topic.msgtype) for topic in read_info(path).topics}
    transform = camera_from_lidar()
    camera: CameraModel | None = None
    images: dict[str, NDArray[Any]] = {}
    truth: NDArray[np.uint8] | None = None
    for message in read_messages(path, [*TOPICS.values(), CAMERA_INFO, _TRUTH]):
        content = deserialize_message(message.data, classes[message.topic])
        if message.topic == CAMERA_INFO:
            camera = camera_info_to_model(content, rectified=False)
        elif message.topic == _TRUTH:
            truth = image_to_array(content)
        else:
            name = _SENSORS[message.topic]
            measurement = _measurement(content, modalities[name].encoding, camera, transform)
            images[name] = measurement.network_image(size)
        if truth is not None and len(images) == len(TOPICS):
            yield DriveFrame(stamp_to_ns(content.header.stamp), images, truth)
            images, truth = {}, None


def _measurement(
    content: Any, encoding: str, camera: CameraModel | None, transform: NDArray[np.float64]
) -> Measurement:
    if hasattr(content, 'encoding'):
        pixels = image_to_array(content)
        return Picture(
            header=content.header,
            pixels=pixels,
            ros_encoding=content.encoding,
            encoding=encoding,
        )
    assert camera is not None  # recorded before the first cloud
    points, intensity = cloud_to_points(content)
    return Cloud(content.header, points, intensity, transform, camera)
