"""Sensors whose values in training are known, and images with values like these or unlike them."""

import numpy as np

from robustseg_core.modalities import UNIT, Modality
from robustseg_core.ranges import Seen


def seen(smallest, largest, tint=(-30, 6)):
    """What training saw, where only magnitudes and tints matter."""
    nothing = (0.0, 0.0, 0.0)
    return Seen(
        frames=200,
        low=nothing,
        high=largest,
        minimum=nothing,
        maximum=largest,
        mean=nothing,
        std=nothing,
        empty=0.0,
        smallest_magnitude=smallest,
        largest_magnitude=largest,
        tint=tint,
    )


RGB = Modality('rgb', 'R', 'rgb', UNIT, seen=seen((50, 50, 50), (255, 255, 255)))
LIDAR = Modality(
    'lidar', 'L', 'range_intensity_height', UNIT, seen=seen((30, 0.4, 2), (97, 1, 18))
)
THERMAL = Modality('thermal', 'T', 'grey', UNIT, unit='kelvin', seen=seen((290,) * 3, (330,) * 3))
DEPTH = Modality('depth', 'D', 'inverse_log_depth', UNIT, seen=seen((70,) * 3, (112,) * 3))
EVENT = Modality('event', 'E', 'event_counts', UNIT, seen=seen((2, 2, 0), (6, 6, 0)))


def noise(low, high, channels=3):
    """Return an image (64, 64, 3) of numbers from ``low`` to ``high``."""
    generator = np.random.default_rng(0)
    values = generator.uniform(low, high, (64, 64, channels)).astype(np.float32)
    return np.repeat(values, 3 // channels, axis=2)


def scan(intensity=1.0, length=1.0):
    """Return a drawn cloud whose intensities are up to ``intensity``; most pixels are empty."""
    image = noise(0, 1) * np.array([80, intensity, 5], np.float32) * [length, 1, length]
    image[np.random.default_rng(1).random((64, 64)) < 0.7] = 0
    return image.astype(np.float32)
