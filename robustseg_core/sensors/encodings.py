"""The encodings: how a raw measurement becomes the network's three-channel image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import shown


class Measurement(Enum):
    """What a sensor delivers."""

    IMAGE = 'image'  # three-channel picture, (H, W, 3)
    GREY = 'grey'  # one number per pixel, (H, W): thermal, near infrared, ...
    DEPTH = 'depth'  # metres per pixel, (H, W)
    EVENTS = 'events'  # events of an event camera
    POINTS = 'points'  # LiDAR or radar points with their intensity


@dataclass(frozen=True)
class Encoding:
    """One way to make a network image.

    Attributes:
        name: Its name in checkpoints, configs and parameters.
        measurement: What it is made from.
        sparse: Most pixels are empty and zero says so. Averaging such an image with its empty
            neighbours would invent values (half an event, a range between wall and nothing), so
            it is resized by nearest neighbour.
    """

    name: str
    measurement: Measurement
    sparse: bool


ENCODINGS: dict[str, Encoding] = {
    encoding.name: encoding
    for encoding in (
        Encoding('rgb', Measurement.IMAGE, sparse=False),
        Encoding('image', Measurement.IMAGE, sparse=False),
        Encoding('grey', Measurement.GREY, sparse=False),
        Encoding('inverse_log_depth', Measurement.DEPTH, sparse=False),
        Encoding('linear_depth', Measurement.DEPTH, sparse=False),
        Encoding('event_counts', Measurement.EVENTS, sparse=True),
        Encoding('range_intensity_height', Measurement.POINTS, sparse=True),
        Encoding('range_intensity', Measurement.POINTS, sparse=True),
    )
}


def encoding_of(name: str) -> Encoding:
    """Return the encoding called ``name``.

    Raises:
        ConfigError: There is none.
    """
    if name not in ENCODINGS:
        msg = f'Unknown encoding {shown(name)}; known are {sorted(ENCODINGS)}.'
        raise ConfigError(msg)
    return ENCODINGS[name]
