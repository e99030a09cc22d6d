"""The camera whose image points are drawn into, and the subscriptions that tell of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_core.sensors import CameraModel
from robustseg_ros.inputs.conversions import camera_info_to_model, rectification
from robustseg_ros.inputs.picture_limits import PictureLimits
from robustseg_ros.node.qos import LATCHED, overridable


class CameraKeeper:
    """The latest usable CameraInfo of a topic; kept while nobody listens.

    Args:
        topic: Of the CameraInfo.
        rectified: The camera's image is rectified.
        limits: On the size of that image, which masks of points have.
    """

    def __init__(self, topic: str, *, rectified: bool, limits: PictureLimits) -> None:
        self._topic = topic
        self._rectified = rectified
        self._limits = limits
        self._subscriptions: list[Any] = []
        self._name = topic
        self._complaint = ''
        self.info: Any | None = None
        self._model: CameraModel | None = None
        self._rectification = np.eye(4)

    def connect(self, node: Any) -> None:
        """Subscribe to whoever publishes again and again; ``watch`` does for who did once."""
        self._name = node.resolve_topic_name(self._topic)
        self._subscribe(node, qos_profile_sensor_data, overridable)
        self.watch(node)

    def watch(self, node: Any) -> None:
        """Ask for what was published before we came, where somebody keeps it.

        Where nobody does, such a subscription would only be complained about in the log of the
        camera's driver.
        """
        if len(self._subscriptions) != 1:
            return
        offers = [one.qos_profile for one in node.get_publishers_info_by_topic(self._name)]
        wanted = (LATCHED.durability, LATCHED.reliability)
        if any((offer.durability, offer.reliability) == wanted for offer in offers):
            # The parameters that override a profile are those of the first one.
            self._subscribe(node, LATCHED, lambda create, *rest: create(*rest))

    def disconnect(self, node: Any) -> None:
        """End the subscriptions; what is known stays known."""
        for subscription in self._subscriptions:
            node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def receive(self, info: Any) -> None:
        """Keep ``info`` (sensor_msgs/CameraInfo) if it is that of a calibrated camera."""
        try:
            model = camera_info_to_model(info, rectified=self._rectified)
            self._limits.check(model.width, model.height)
            turn = rectification(info) if self._rectified else np.eye(4)
        except SensorError as error:
            self._complaint = f'CameraInfo on {self._name}: {error}'
        except Exception as error:  # a boundary: one message must not end the node
            cause = f'{type(error).__name__}: {quoted(error)}'
            self._complaint = f'CameraInfo on {self._name}: cannot use: {cause}'
        else:
            self.info, self._model, self._rectification = info, model, turn
            self._complaint = ''

    def _subscribe(self, node: Any, qos: QoSProfile, make: Callable[..., Any]) -> None:
        # That one of two subscriptions does not fit one of two publishers is no news.
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
        create = partial(node.create_subscription, event_callbacks=quiet)
        self._subscriptions.append(make(create, CameraInfo, self._topic, self.receive, qos))

    @property
    def problem(self) -> str:
        """What is wrong with the newest CameraInfo, or an empty string.

        That it is not used does not mean that there is none: an earlier one may be.
        """
        unknown = '' if self._model is not None else f'no CameraInfo on {self._name}'
        return self._complaint or unknown

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
            raise SensorError(self.problem)
        return self._model, self._rectification
