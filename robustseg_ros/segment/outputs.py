"""What the node publishes: lazily, in the leading input's frame and with its stamp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import json
from math import inf
from time import monotonic
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from robustseg_core.labels import LabelSet
from robustseg_ros.inputs.camera_info import resized_camera_info
from robustseg_ros.inputs.conversions import array_to_image
from robustseg_ros.node import optional
from robustseg_ros.node.config import Looks
from robustseg_ros.node.qos import LATCHED, STREAM, overridable
from robustseg_ros.segment.overlay import paint_classes, paint_overlay, write_caption


class Output(NamedTuple):
    """A topic of the node.

    Attributes:
        topic: Relative to the node's name.
        message: Its type.
        qos: Its profile.
        description: What it carries.
    """

    topic: str
    message: str
    qos: QoSProfile
    description: str


MASK = Output(
    '~/mask',
    'sensor_msgs/msg/Image',
    STREAM,
    'mono8: the class id of every pixel, 255 = unlabelled; size, stamp and frame of the leading '
    "input (points: size and frame of the camera; event packets: the stamp of the image's last "
    'event)',
)
OVERLAY = Output(
    '~/overlay',
    'sensor_msgs/msg/Image',
    STREAM,
    'rgb8: the classes in their colours over what the leading input saw, with the names of the '
    'inputs it rests on; only made while somebody listens, at most `overlay.max_rate` times a '
    'second',
)
CONFIDENCE = Output(
    '~/confidence',
    'sensor_msgs/msg/Image',
    STREAM,
    '32FC1: probability of the class in the mask, 0 to 1; only made while somebody listens',
)
CAMERA_INFO = Output(
    '~/camera_info',
    'sensor_msgs/msg/CameraInfo',
    STREAM,
    "the camera of the mask, with the mask's header and size; only where the mask is in that "
    "camera's frame",
)
PALETTE = Output(
    '~/palette',
    'std_msgs/msg/String',
    LATCHED,
    'JSON: a list of {"id", "name", "color": [red, green, blue]}, one per class',
)
LABEL_INFO = Output(
    '~/label_info',
    'vision_msgs/msg/LabelInfo',
    LATCHED,
    'the class names; only where vision_msgs is installed',
)
DIAGNOSTICS = Output(
    '/diagnostics',
    'diagnostic_msgs/msg/DiagnosticArray',
    STREAM,
    'one status per input and one for the whole',
)
OUTPUTS = (MASK, OVERLAY, CONFIDENCE, CAMERA_INFO, PALETTE, LABEL_INFO, DIAGNOSTICS)


@dataclass(frozen=True)
class Result:
    """One segmented frame.

    Attributes:
        header: Of the leading input.
        class_ids: (H, W) uint8.
        confidence: (H, W) float32, or None where nobody asked for it.
        image: (h, w, 3) the leading input's network image.
        present: Names of the inputs that the mask rests on.
    """

    header: Any
    class_ids: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None
    image: NDArray[Any]
    present: tuple[str, ...]


class Outputs:
    """The publishers of the masks and of what belongs to them.

    Args:
        node: A lifecycle node; what is published while it is not active goes nowhere.
        labels: The classes.
        timer: A steady time in seconds, for the rate of the overlay.
    """

    def __init__(
        self, node: Any, labels: LabelSet, timer: Callable[[], float] = monotonic
    ) -> None:
        self._node = node
        self._labels = labels
        self._colours = labels.colour_table()
        self._timer = timer
        self._overlay_due_s = -inf
        self._mask = self._publisher(MASK, Image)
        self._overlay = self._publisher(OVERLAY, Image)
        self._confidence = self._publisher(CONFIDENCE, Image)
        self._camera_info = self._publisher(CAMERA_INFO, CameraInfo)
        self._palette = self._publisher(PALETTE, String)
        self._vision = optional.load(optional.VISION)
        if self._vision is not None:
            self._label_info = self._publisher(LABEL_INFO, self._vision.LabelInfo)

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        publishers = [
            self._mask, self._overlay, self._confidence, self._camera_info, self._palette
        ]  # fmt: skip
        if self._vision is not None:
            publishers.append(self._label_info)
        for publisher in publishers:
            self._node.destroy_lifecycle_publisher(publisher)

    def publish_labels(self, stamp: Any) -> None:
        """Publish what the ids mean, for all who come later; to be called once active."""
        self._palette.publish(String(data=palette_json(self._labels)))
        if self._vision is not None:
            classes = [
                self._vision.VisionClass(class_id=number, class_name=name)
                for number, name in enumerate(self._labels.classes)
            ]
            self._label_info.publish(
                self._vision.LabelInfo(header=Header(stamp=stamp), class_map=classes)
            )

    @property
    def wants_confidence(self) -> bool:
        """Whether somebody listens to ``~/confidence``."""
        return bool(self._confidence.get_subscription_count() > 0)

    def publish(self, result: Result, looks: Looks, camera_info: Any | None) -> None:
        """Publish one frame; the mask first, what is only looked at last."""
        class_ids = result.class_ids
        if looks.min_confidence > 0 and result.confidence is not None:
            class_ids = unlabelled_below(looks.min_confidence, class_ids, result.confidence)
        self._mask.publish(array_to_image(class_ids, 'mono8', result.header))
        if camera_info is not None and camera_info.header.frame_id == result.header.frame_id:
            height, width = class_ids.shape
            self._camera_info.publish(
                resized_camera_info(camera_info, width, height, result.header)
            )
        if result.confidence is not None and self.wants_confidence:
            self._confidence.publish(array_to_image(result.confidence, '32FC1', result.header))
        if self._overlay_is_due(looks.overlay_period_s):
            colours = paint_classes(class_ids, self._colours)
            picture = paint_overlay(result.image, colours, looks.opacity)
            write_caption(picture, ' + '.join(result.present))
            self._overlay.publish(array_to_image(picture, 'rgb8', result.header))

    def _overlay_is_due(self, period_s: float) -> bool:
        now_s = self._timer()
        if self._overlay.get_subscription_count() == 0 or now_s < self._overlay_due_s:
            return False
        # Counted from when it was due, so that frames a little early or late do not slow it down.
        is_late = now_s - self._overlay_due_s > period_s
        self._overlay_due_s = (now_s if is_late else self._overlay_due_s) + period_s
        return True

    def _publisher(self, output: Output, message: Any) -> Any:
        create = self._node.create_lifecycle_publisher
        return overridable(create, message, output.topic, output.qos)


def unlabelled_below(
    limit: float, class_ids: NDArray[np.uint8], confidence: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return ``class_ids`` (H, W) with IGNORE_ID where ``confidence`` is below ``limit``."""
    below = cv2.compare(confidence, limit, cv2.CMP_LT)  # 255 where it is, else 0
    marked: NDArray[np.uint8] = cv2.bitwise_or(class_ids, below)  # and IGNORE_ID is 255
    return marked


def palette_json(labels: LabelSet) -> str:
    """Return the classes with their ids and colours as JSON."""
    entries = [
        {'id': number, 'name': name, 'color': list(colour)}
        for number, (name, colour) in enumerate(zip(labels.classes, labels.palette, strict=True))
    ]
    return json.dumps(entries)
