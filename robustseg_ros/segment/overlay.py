"""The picture that shows a mask over what the leading sensor saw."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.sensors.pictures import picture


def paint_classes(class_ids: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a mask (H, W) in the colours (256, 3) of its ids, (H, W, 3)."""
    # Knows no order of channels: those of the palette come out.
    colours: NDArray[np.uint8] = cv2.applyColorMap(class_ids, palette[:, None])
    return colours


def paint_overlay(
    image: NDArray[Any], encoding: str, colours: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """Blend the colours of the classes over a network image.

    Args:
        image: (h, w, 3) in the units of the encoding.
        encoding: One of ``ENCODINGS``.
        colours: (H, W, 3) the mask in its palette.
        opacity: Of the colours, in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = colours.shape[:2]
    seen = picture(image, encoding)
    if seen.shape != colours.shape:
        seen = np.asarray(
            cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8
        )
    blended: NDArray[np.uint8] = cv2.addWeighted(colours, opacity, seen, 1 - opacity, 0)
    return blended


def write_caption(image: NDArray[np.uint8], *lines: str) -> None:
    """Write ``lines`` into the top left corner of ``image`` (H, W, 3), in place.

    What a mask rests on belongs beside it: RViz has no display for /diagnostics.
    """
    # A line is a sixteenth of the picture, but no smaller than can be read.
    scale = max(0.35, image.shape[0] / 900)
    for number, text in enumerate(lines):
        at = (round(8 * scale), round((28 + 34 * number) * scale))
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):  # readable on anything
            cv2.putText(
                image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA
            )
