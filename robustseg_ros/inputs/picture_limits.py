"""How large a picture may claim to be, judged before anything is decoded or allocated."""

from __future__ import annotations

from dataclasses import dataclass

from robustseg_core.errors import SensorError


@dataclass(frozen=True, kw_only=True)
class PictureLimits:
    """Limits on the size of one picture; see the parameters ``input.*``.

    Attributes:
        max_pixels: Height times width.
        max_side: Of the longer side.
        max_aspect: The longer side over the shorter.
    """

    max_pixels: int
    max_side: int
    max_aspect: float

    def check(self, width: int, height: int) -> None:
        """Check what a header claims.

        Raises:
            SensorError: It is empty or beyond a limit, whose parameter is named.
        """
        if width < 1 or height < 1:
            msg = f'Image is {width}x{height} pixels; wanted at least 1x1.'
            raise SensorError(msg)
        longer, shorter = max(width, height), min(width, height)
        if longer > self.max_side:
            wanted = f'at most {self.max_side} on a side (input.max_side)'
        elif width * height > self.max_pixels:
            wanted = f'at most {self.max_pixels} pixels (input.max_pixels)'
        elif longer > self.max_aspect * shorter:
            wanted = f'an aspect of at most {self.max_aspect:g}:1 (input.max_aspect)'
        else:
            return
        msg = f'Image is {width}x{height} pixels; wanted {wanted}.'
        raise SensorError(msg)
