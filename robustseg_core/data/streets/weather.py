"""Light and weather: what shines from where, and how far one sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.randomness import Stream, stream
from robustseg_core.errors import ConfigError

Float = NDArray[np.float32]

CONDITIONS = ('sun', 'cloud', 'rain', 'fog', 'night')
FAULTS = ('overexposure', 'underexposure', 'motionblur', 'lidarjitter')


@dataclass(frozen=True)
class Weather:
    """Radiances are relative to a white, level surface in full sun.

    Attributes:
        to_sun: (3,) unit vector in world coordinates.
        sun: (3,) its light, zero where it is hidden.
        ambient: (3,) light from all of the sky.
        zenith: (3,) radiance of the sky above.
        horizon: (3,) radiance of the sky low down, and of the haze.
        clouds: How much the sky is mottled.
        haze: Extinction of light, 1/m.
        laser_haze: Extinction of the laser's way there and back, 1/m.
        exposure: Of the camera, which it chooses to suit the light.
        wet: How much the road mirrors, in [0, 1].
        night: Lamps are on.
        drops: Number of rain drops that streak the picture, per megapixel.
        grain: Deviation of the camera's noise for a white pixel, in grey levels.
    """

    to_sun: Float
    sun: Float
    ambient: Float
    zenith: Float
    horizon: Float
    clouds: float
    haze: float
    laser_haze: float
    exposure: float
    wet: float
    night: bool
    drops: float
    grain: float


def check_condition(condition: str, faults: frozenset[str]) -> None:
    """Refuse unknown weather and faults.

    Raises:
        ConfigError: A name is unknown.
    """
    if condition not in CONDITIONS:
        msg = f'Unknown condition {condition!r}; known are {list(CONDITIONS)}.'
        raise ConfigError(msg)
    if unknown := sorted(faults - set(FAULTS)):
        msg = f'Unknown faults {unknown}; known are {list(FAULTS)}.'
        raise ConfigError(msg)


def draw_weather(seed: int, condition: str) -> Weather:
    """Return weather of the kind ``condition``."""
    rng = stream(seed, Stream.LIGHT)
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.1)
    tone = rng.uniform(0.85, 1.2)
    warm = _rgb(1.0, 0.93, 0.82) * (
        1,
        1 - 0.12 * (height < 0.5),
        1 - 0.25 * (height < 0.5),
    )
    sun = np.zeros(3, np.float32)
    to_sun = np.array([0, 0, 1], np.float32)
    grey = _rgb(0.94, 0.98, 1.04)
    haze, laser_haze, wet, drops, clouds, grain = 0.0012, 0.0, 0.0, 0.0, 0.1, 2.0
    if condition == 'sun':
        across = np.cos(height)
        to_sun = _rgb(across * np.cos(azimuth), across * np.sin(azimuth), np.sin(height))
        sun, ambient, exposure = 1.0 * warm, 0.38 * _rgb(0.8, 0.95, 1.25), 1.7
        zenith, horizon = _rgb(0.16, 0.33, 0.72), _rgb(0.62, 0.76, 0.92)
        clouds = rng.uniform(0, 0.5)
    elif condition == 'cloud':
        ambient, exposure, clouds = 0.55 * grey, 1.9, 0.25
        zenith, horizon = 0.42 * grey, 0.55 * grey
    elif condition == 'rain':
        ambient, exposure, clouds = 0.3 * grey, 2.7, 0.2
        zenith, horizon = 0.24 * grey, 0.3 * grey
        haze, laser_haze, wet = rng.uniform(0.006, 0.013), 0.006, rng.uniform(0.45, 0.9)
        drops, grain = rng.uniform(3000, 7000), 3.0
    elif condition == 'fog':
        ambient, exposure, clouds = 0.48 * grey, 1.8, 0.0
        zenith, horizon = 0.5 * grey, 0.48 * grey
        haze = rng.uniform(0.028, 0.065)
        laser_haze = 1.5 * haze
    else:
        ambient = rng.uniform(0.004, 0.014) * _rgb(0.8, 0.9, 1.2)
        exposure, clouds = rng.uniform(1.5, 3.5), 0.1
        zenith, horizon = 0.004 * _rgb(0.7, 0.9, 1.5), 0.02 * _rgb(1.1, 0.95, 0.9)
        grain = rng.uniform(8, 14)
    return Weather(
        to_sun=to_sun,
        sun=(tone * sun).astype(np.float32),
        ambient=(tone * ambient).astype(np.float32),
        zenith=(tone * zenith).astype(np.float32),
        horizon=(tone * horizon).astype(np.float32),
        clouds=float(clouds),
        haze=float(haze),
        laser_haze=float(laser_haze),
        exposure=float(exposure),
        wet=float(wet),
        night=condition == 'night',
        drops=float(drops),
        grain=float(grain),
    )


def _rgb(red: float, green: float, blue: float) -> Float:
    return np.array([red, green, blue], np.float32)
