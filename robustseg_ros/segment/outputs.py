"""What the node publishes: lazily, in the leading input's frame and with its stamp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import json
from math import inf
from time import monotonic
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header, String

from robustseg_core.labels import LabelSet
from robustseg_core.runtime.trust import Trust
from robustseg_ros.inputs.camera_info import resized_camera_info
from robustseg_ros.inputs.conversions import array_to_image
from robustseg_ros.inputs.measurements import Cloud
from robustseg_ros.node import optional
from robustseg_ros.node.config import Looks
from robustseg_ros.node.qos import overridable
from robustseg_ros.segment import topics
from robustseg_ros.segment.compression import jpeg_message, png_message
from robustseg_ros.segment.labelled_points import labelled_points
from robustseg_ros.segment.overlay import paint_classes, paint_overlay, write_caption
from robustseg_ros.segment.report import caption, report_json
from robustseg_ros.segment.topics import Output


@dataclass(frozen=True)
class Result:
    """One segmented frame.

    Attributes:
        header: Of the leading input.
        class_ids: (H, W) uint8.
        confidence: (H, W) float32, or None where nobody asked for it.
        image: (h, w, 3) the leading input's network image.
        encoding: Of that image.
        trust: What the mask is worth.
        cloud: A LiDAR's scan that the mask rests on, or None.
    """

    header: Any
    class_ids: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None
    image: NDArray[Any]
    encoding: str
    trust: Trust
    cloud: Cloud | None = None


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
        # In full, after remapping, which is not the graph's to know.
        self._diagnostics = node.resolve_topic_name(topics.DIAGNOSTICS.topic)
        self._publishers: list[Any] = []
        self._mask = self._publisher(topics.MASK, Image)
        self._mask_compressed = self._publisher(topics.MASK_COMPRESSED, CompressedImage)
        self._color_mask = self._publisher(topics.COLOR_MASK, Image)
        self._overlay = self._publisher(topics.OVERLAY, Image)
        self._overlay_compressed = self._publisher(topics.OVERLAY_COMPRESSED, CompressedImage)
        self._confidence = self._publisher(topics.CONFIDENCE, Image)
        self._points = self._publisher(topics.POINTS, PointCloud2)
        self._report = self._publisher(topics.REPORT, String)
        self._camera_info = self._publisher(topics.CAMERA_INFO, CameraInfo)
        self._palette = self._publisher(topics.PALETTE, String)
        self._vision = optional.load(optional.VISION)
        if self._vision is not None:
            self._label_info = self._publisher(topics.LABEL_INFO, self._vision.LabelInfo)

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

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
        """Whether somebody listens to what bears the confidence of each pixel."""
        return _is_heard(self._confidence) or _is_heard(self._points)

    @property
    def wants_shares(self) -> bool:
        """Whether somebody listens to what bears the shares of the inputs.

        A question to the graph, which costs some microseconds.
        """
        heard = (self._report, self._overlay, self._overlay_compressed)
        return any(_is_heard(each) for each in heard) or bool(
            self._node.count_subscribers(self._diagnostics)
        )

    def publish(self, result: Result, looks: Looks, camera_info: Any | None) -> None:
        """Publish one frame; the mask first, what is only looked at last."""
        class_ids, header = result.class_ids, result.header
        if looks.min_confidence > 0 and result.confidence is not None:
            class_ids = unlabelled_below(looks.min_confidence, class_ids, result.confidence)
        self._mask.publish(array_to_image(class_ids, 'mono8', header))
        if _is_heard(self._report):
            self._report.publish(String(data=report_json(result.trust, header)))
        if camera_info is not None and camera_info.header.frame_id == header.frame_id:
            height, width = class_ids.shape
            self._camera_info.publish(resized_camera_info(camera_info, width, height, header))
        if result.confidence is not None:
            if _is_heard(self._confidence):
                self._confidence.publish(array_to_image(result.confidence, '32FC1', header))
            if result.cloud is not None and _is_heard(self._points):
                self._points.publish(
                    labelled_points(result.cloud, class_ids, result.confidence, self._colours)
                )
        if _is_heard(self._mask_compressed):
            self._mask_compressed.publish(png_message(class_ids, header))
        if _is_heard(self._color_mask):
            colours = paint_classes(class_ids, self._colours)
            self._color_mask.publish(array_to_image(colours, 'rgb8', header))
        if self._overlay_is_due(looks.overlay_period_s):
            self._publish_overlay(result, class_ids, looks)

    def _publish_overlay(self, result: Result, class_ids: NDArray[np.uint8], looks: Looks) -> None:
        colours = paint_classes(class_ids, self._colours)
        picture = paint_overlay(result.image, result.encoding, colours, looks.opacity)
        write_caption(picture, *caption(result.trust))
        if _is_heard(self._overlay):
            self._overlay.publish(array_to_image(picture, 'rgb8', result.header))
        if _is_heard(self._overlay_compressed):
            self._overlay_compressed.publish(
                jpeg_message(picture, looks.jpeg_quality, result.header)
            )

    def _overlay_is_due(self, period_s: float) -> bool:
        now_s = self._timer()
        is_heard = _is_heard(self._overlay) or _is_heard(self._overlay_compressed)
        if not is_heard or now_s < self._overlay_due_s:
            return False
        # Counted from when it was due, so that frames a little early or late do not slow it down.
        is_late = now_s - self._overlay_due_s > period_s
        self._overlay_due_s = (now_s if is_late else self._overlay_due_s) + period_s
        return True

    def _publisher(self, output: Output, message: Any) -> Any:
        create = self._node.create_lifecycle_publisher
        publisher = overridable(create, message, output.topic, output.qos)
        self._publishers.append(publisher)
        return publisher


def _is_heard(publisher: Any) -> bool:
    return bool(publisher.get_subscription_count() > 0)


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
