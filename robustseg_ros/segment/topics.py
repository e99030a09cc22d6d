"""The topics that the node publishes, once: name, type, profile, content."""

from __future__ import annotations

from typing import NamedTuple

from rclpy.qos import QoSProfile

from robustseg_ros.node.qos import LATCHED, STREAM


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
    'rgb8: the classes in their colours over what the leading input saw, with the inputs it rests '
    'on and their shares, the expected mIoU and the confidence; only made while somebody listens, '
    'at most `overlay.max_rate` times a second',
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
REPORT = Output(
    '~/report',
    'std_msgs/msg/String',
    STREAM,
    'JSON, one for each mask, what it is worth: `stamp` and `frame_id` of the mask, `subset` '
    '(letters of the inputs it rests on), `missing`, `expected_miou` (percent, what the '
    'checkpoint scored with these inputs; null = not known) and `expected_on`, `confidence` (mean '
    "probability of a pixel's class, on a coarse grid), and for each of the `inputs` its `age_ms` "
    '(from its corrected stamp to the publication) and its `share` (how much the class '
    'probabilities change without it, as a part of the sum over all inputs; null until it is '
    'measured, see `report.share_rate`); only made while somebody listens',
)
POINTS = Output(
    '~/points',
    'sensor_msgs/msg/PointCloud2',
    STREAM,
    "the LiDAR's points in its own frame and with its own stamp: x, y, z, rgb (the colour of the "
    'class), label (uint8, its id; 255 where the camera does not see the point) and confidence; a '
    'point behind what the camera sees gets the class of what hides it; only made while somebody '
    'listens, and then the confidence of all pixels is worked out',
)
COLOR_MASK = Output(
    '~/color_mask',
    'sensor_msgs/msg/Image',
    STREAM,
    'rgb8: the classes in their colours, 255 black; only made while somebody listens',
)
MASK_COMPRESSED = Output(
    '~/mask/compressed',
    'sensor_msgs/msg/CompressedImage',
    STREAM,
    '`~/mask` as PNG, without loss; only made while somebody listens',
)
OVERLAY_COMPRESSED = Output(
    '~/overlay/compressed',
    'sensor_msgs/msg/CompressedImage',
    STREAM,
    '`~/overlay` as JPEG of `overlay.jpeg_quality`; only made while somebody listens',
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
OUTPUTS = (
    MASK,
    MASK_COMPRESSED,
    COLOR_MASK,
    OVERLAY,
    OVERLAY_COMPRESSED,
    CONFIDENCE,
    POINTS,
    REPORT,
    CAMERA_INFO,
    PALETTE,
    LABEL_INFO,
    DIAGNOSTICS,
)
