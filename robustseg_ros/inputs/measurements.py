"""What an input has received, able to become the network's image at whatever size that needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors import (
    CameraModel,
    EventWindow,
    lidar_image,
    radar_image,
)

Size = tuple[int, int]  # height, width


def size_text(size: Size) -> str:
    """Return a size in words: ``720x1280``."""
    return f'{size[0]}x{size[1]}'


class Measurement(Protocol):
    """One message of a sensor, checked but not yet worked on."""

    @property
    def header(self) -> Any:
        """The std_msgs/Header of the mask if this measurement leads."""
        ...

    @property
    def encoding(self) -> str:
        """What its image is: the name of one of ``ENCODINGS``."""
        ...

    @property
    def is_final(self) -> bool:
        """Whether its image is known before the moment of its frame is."""
        ...

    def at(self, stamp_ns: int) -> Measurement:
        """Return this measurement as of ``stamp_ns`` of its own clock; called once, when due.

        One that is final returns itself.
        """
        ...

    def size(self) -> Size:
        """Return the mask's height and width if this measurement leads."""
        ...

    def network_image(self, size: Size) -> NDArray[Any]:
        """Return the image (H, W, 3) in the encoding's units; ``size`` is the network's.

        Raises:
            SensorError: The measurement cannot become an image.
        """
        ...


@dataclass(frozen=True)
class Cloud:
    """A LiDAR or radar scan and the camera it is seen by.

    Attributes:
        header: Stamp of the scan, frame of the camera.
        points: (N, 3) float32 metres in the sensor's frame.
        intensity: (N,) float32 in [0, 1], or None.
        camera_from_sensor: (4, 4).
        camera: The camera, at its own size.
        encoding: What the network wants.
        sensor_frame: Of the points.
    """

    header: Any
    points: NDArray[np.float32]
    intensity: NDArray[np.float32] | None
    camera_from_sensor: NDArray[np.float64]
    camera: CameraModel
    encoding: str = 'range_intensity_height'
    sensor_frame: str = ''
    is_final: ClassVar = True

    def at(self, stamp_ns: int) -> Cloud:  # noqa: ARG002 a scan does not change
        return self

    def size(self) -> Size:
        return self.camera.height, self.camera.width

    def network_image(self, size: Size) -> NDArray[Any]:
        height, width = size
        camera = self.camera.resized(width, height)
        if self.encoding == 'range_intensity':
            if self.intensity is None:
                msg = f'Cloud has no intensity, which {self.encoding!r} is made from.'
                raise SensorError(msg)
            return radar_image(self.points, self.intensity, self.camera_from_sensor, camera)
        return lidar_image(self.points, self.intensity, self.camera_from_sensor, camera)


@dataclass(frozen=True)
class EventsSoFar:
    """The running event stream; becomes an image when it is known of which moment."""

    header: Any
    window: EventWindow
    shape: Size
    encoding: ClassVar[str] = 'event_counts'
    is_final: ClassVar = False

    def at(self, stamp_ns: int) -> EventsImage:
        return EventsImage(self.header, self.window.image(stamp_ns))

    def size(self) -> Size:
        return self.shape

    def network_image(self, size: Size) -> NDArray[Any]:
        del size
        msg = 'The event stream has no image until its moment is known.'
        raise SensorError(msg)


@dataclass(frozen=True)
class EventsImage:
    """The event counts of one moment, (H, W, 3) uint8."""

    header: Any
    counts: NDArray[np.uint8]
    encoding: ClassVar[str] = 'event_counts'
    is_final: ClassVar = True

    def at(self, stamp_ns: int) -> EventsImage:  # noqa: ARG002 it has its moment
        return self

    def size(self) -> Size:
        height, width = self.counts.shape[:2]
        return height, width

    def network_image(self, size: Size) -> NDArray[Any]:  # noqa: ARG002 the engine resizes it
        return self.counts
