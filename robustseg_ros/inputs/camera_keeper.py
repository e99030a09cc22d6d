"""The camera whose image points are drawn into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors import CameraModel
from robustseg_ros.inputs.conversions import camera_info_to_model, rectification


class CameraKeeper:
    """The latest usable CameraInfo of a topic.

    Args:
        topic: For messages.
        rectified: The camera's image is rectified.
    """

    def __init__(self, topic: str, *, rectified: bool) -> None:
        self._topic = topic
        self._rectified = rectified
        self._problem = f'no CameraInfo on {topic}'
        self.info: Any | None = None
        self._model: CameraModel | None = None
        self._rectification = np.eye(4)

    def receive(self, info: Any) -> None:
        """Keep ``info`` (sensor_msgs/CameraInfo) if it is that of a calibrated camera."""
        try:
            model = camera_info_to_model(info, rectified=self._rectified)
            turn = rectification(info) if self._rectified else np.eye(4)
        except SensorError as error:
            self._problem = f'CameraInfo on {self._topic}: {error}'
        except Exception as error:  # a boundary: one message must not end the node
            self._problem = f'CameraInfo on {self._topic}: {error!r}'
        else:
            self.info, self._model, self._rectification = info, model, turn
            self._problem = ''

    @property
    def problem(self) -> str:
        """What is wrong with the newest CameraInfo, or an empty string."""
        return self._problem

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the camera's image by its CameraInfo; None without one."""
        return None if self._model is None else (self._model.height, self._model.width)

    def model(self) -> tuple[CameraModel, NDArray[np.float64]]:
        """Return the camera, and the (4, 4) turn of its frame into that of its image.

        Raises:
            SensorError: None is known; says why.
        """
        if self._model is None:
            raise SensorError(self._problem)
        return self._model, self._rectification
