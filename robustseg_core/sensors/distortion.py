"""What a lens does to normalised coordinates x/z, y/z.

Source: OpenCV, "Camera Calibration and 3D Reconstruction" and "Fisheye camera model".
"""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted

Float = NDArray[np.floating[Any]]
Coefficients = tuple[float, ...]

# Numbers of coefficients each model may have. OpenCV's order: k1 k2 p1 p2 k3 | k4 k5 k6 | thin
# prism s1 s2 s3 s4 | tilt of the sensor tau_x tau_y.
DISTORTION_MODELS = {
    'none': (0,),
    'plumb_bob': (4, 5),
    'rational_polynomial': (8, 12, 14),
    'equidistant': (4,),
}


def checked_coefficients(model: str, values: Sequence[float]) -> Coefficients:
    """Return the coefficients of ``model``; zeros beyond those it has are left out.

    Drivers send them: eight of ``plumb_bob``, of which the last three are zero.

    Raises:
        SensorError: There is no such model, or these are not its coefficients.
    """
    if model not in DISTORTION_MODELS:
        msg = f'Unknown distortion model {quoted(model)}; known are {sorted(DISTORTION_MODELS)}.'
        raise SensorError(msg)
    counts = DISTORTION_MODELS[model]
    kept = tuple(float(value) for value in values[: counts[-1]])
    if len(kept) not in counts or any(values[counts[-1] :]):
        words = ' or '.join(str(count) for count in counts)
        beyond = ' (beyond these only zeros)' if len(values) > counts[-1] else ''
        msg = f'Distortion model {model!r} has {len(values)} coefficients; wanted {words}{beyond}.'
        raise SensorError(msg)
    if not all(math.isfinite(value) for value in kept):
        msg = f'Distortion coefficients are {kept}; wanted finite numbers.'
        raise SensorError(msg)
    return kept


def distorted(model: str, k: Coefficients, x: Float, y: Float) -> tuple[Float, Float]:
    """Bend normalised coordinates as the lens of ``model`` with the coefficients ``k`` does."""
    if model == 'none':
        return x, y
    square = x * x + y * y
    gain = radial_gain(model, k, square)
    if model == 'equidistant':
        return x * gain, y * gain
    p1, p2 = k[2], k[3]
    twice = 2 * x * y
    bent_x = x * gain + p1 * twice + p2 * (square + 2 * x * x)
    bent_y = y * gain + p1 * (square + 2 * y * y) + p2 * twice
    if any(k[8:12]):
        s1, s2, s3, s4 = k[8:12]
        bent_x += square * (s1 + square * s2)
        bent_y += square * (s3 + square * s4)
    return _through(_tilt(k), bent_x, bent_y) if any(k[12:]) else (bent_x, bent_y)


def radial_gain(model: str, k: Coefficients, square: Float) -> Float:
    """Return distorted over undistorted radius, given the squared radius."""
    if model == 'none':
        return np.ones_like(square)
    if model == 'equidistant':
        radius = np.sqrt(square)
        angle = np.arctan(radius)
        s = angle * angle
        bent = angle * (1 + s * (k[0] + s * (k[1] + s * (k[2] + s * k[3]))))
        # On the axis both are zero and their ratio is one.
        gain: Float = np.divide(bent, radius, out=np.ones_like(bent), where=radius > 0)
        return gain
    k3 = k[4] if len(k) > 4 else 0.0
    numerator: Float = 1 + square * (k[0] + square * (k[1] + square * k3))
    if model == 'plumb_bob':
        return numerator
    denominator: Float = 1 + square * (k[5] + square * (k[6] + square * k[7]))
    return numerator / denominator


def radius_shown(k: Coefficients, x: Float, y: Float) -> float:
    """Return the largest distorted radius at the image's corners (x, y), normalised.

    That is before what is not radial: the sensor's tilt is undone, a thin prism's share added,
    and two per cent more for the tangential terms, which may pull a point inwards.
    """
    if any(k[12:]):
        x, y = _through(np.linalg.inv(_tilt(k)).astype(np.float64), x, y)
    radius = float(np.hypot(x, y).max()) * 1.02
    if any(k[8:12]):
        s1, s2, s3, s4 = (abs(value) for value in k[8:12])
        square = radius * radius
        radius += square * math.hypot(s1 + square * s2, s3 + square * s4)
    return radius


def _tilt(k: Coefficients) -> NDArray[np.float64]:
    """Return the (3, 3) homography of the plane of the lens to that of a tilted sensor."""
    (sin_x, cos_x), (sin_y, cos_y) = ((math.sin(t), math.cos(t)) for t in k[12:14])
    about_x = np.array([[1, 0, 0], [0, cos_x, sin_x], [0, -sin_x, cos_x]])
    about_y = np.array([[cos_y, 0, -sin_y], [0, 1, 0], [sin_y, 0, cos_y]])
    turn = about_y @ about_x
    drop = np.array([[turn[2, 2], 0, -turn[0, 2]], [0, turn[2, 2], -turn[1, 2]], [0, 0, 1]])
    homography: NDArray[np.float64] = drop @ turn
    return homography


def _through(homography: NDArray[np.float64], x: Float, y: Float) -> tuple[Float, Float]:
    h = homography.tolist()  # plain numbers leave float32 what it is
    scale = h[2][0] * x + h[2][1] * y + h[2][2]
    return (
        (h[0][0] * x + h[0][1] * y + h[0][2]) / scale,
        (h[1][0] * x + h[1][1] * y + h[1][2]) / scale,
    )
