"""Images of one number per pixel (thermal, near infrared, ...) to the network's image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError

# OpenCV resizes these as they are; anything else is worked on as float32.
_KEPT = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


def encode_grey(values: NDArray[Any], scale: float = 1.0) -> NDArray[Any]:
    """Return the network's image (H, W, 3) of the encoding ``grey``: the number, three times.

    Not finite means "nothing seen" and becomes 0.

    Args:
        values: (H, W) integers or floats.
        scale: Factor from the numbers of the sensor to the units of the modality, > 0. At 1, 8
            and 16 bits stay what they are; otherwise the result is float32.

    Raises:
        SensorError: ``values`` is not (H, W), or holds no numbers.
    """
    if values.ndim != 2 or values.dtype.kind not in 'uif':
        msg = (
            f'Grey image is {values.dtype} {values.shape}; wanted integers or floats of '
            f'(height, width).'
        )
        raise SensorError(msg)
    if scale != 1 or values.dtype not in _KEPT:
        values = values.astype(np.float32) * np.float32(scale)
    if values.dtype.kind == 'f':
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return np.repeat(values[..., None], 3, axis=-1)
