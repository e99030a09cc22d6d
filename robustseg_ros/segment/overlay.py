"""The picture that shows a mask over what the leading sensor saw."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def paint_classes(class_ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a mask (H, W) in the colours (256, 3) of its ids, (H, W, 3)."""
    # Knows no order of channels: those of the palette come out.
    colours: NDArray[np.uint8] = cv2.applyColorMap(class_ids, palette[:, None])
    return colours


def paint_overlay(
    image: NDArray[Any], colours: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """Blend the colours of the classes over a network image.

    Args:
        image: (h, w, 3) in any encoding's units.
        colours: (H, W, 3) the mask in its palette.
        opacity: Of the colours, in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = colours.shape[:2]
    picture = viewable(image)
    if picture.shape != colours.shape:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    blended: NDArray[np.uint8] = cv2.addWeighted(colours, opacity, picture, 1 - opacity, 0)
    return blended


def write_caption(picture: NDArray[np.uint8], text: str) -> None:
    """Write ``text`` into the top left corner of ``picture`` (H, W, 3), in place.

    What a mask rests on belongs beside it: RViz has no display for /diagnostics.
    """
    # A line is a sixteenth of the picture, but no smaller than can be read.
    scale = max(0.35, picture.shape[0] / 900)
    at = (round(8 * scale), round(28 * scale))
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):  # readable on anything
        cv2.putText(
            picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA
        )


def viewable(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return colours as they are, anything else as grey of its first channel, brightest = 255.

    Zero is black, since it says that nothing was seen; where there is none, the darkest is.
    """
    if image.dtype == np.uint8 and image[..., 2].any():
        return image
    # Counts and ranges have no upper end of their own, temperatures no lower one either.
    plane = image[..., 0].astype(np.float32)
    plane -= plane.min()
    brightest = float(plane.max())
    if brightest > 0:
        plane *= 255 / brightest
    return np.repeat(plane.astype(np.uint8)[..., None], 3, axis=-1)
