"""From logits at stride 4 to class ids at full size, without logits at full size.

Bilinear interpolation is a convex combination of four corners. Where one class leads at all four,
it leads everywhere between them: only between corners that disagree are logits interpolated. That
is little of a picture, since classes are regions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]  # height, width

VALUES_AT_A_TIME = 1 << 19  # interpolated logits that exist at once: they stay in a core's cache
ROWS_AT_A_TIME = 32


def winners(logits: Tensor, size: Size) -> Tensor:
    """Return the class of every pixel: the argmax of the logits resized bilinearly.

    Args:
        logits: (K, h, w), K at most 256.
        size: (H, W) wanted.

    Returns:
        (H, W) uint8, on the device of the logits.
    """
    classes, height, width = logits.shape
    if logits.device.type != 'cpu':
        resized = F.interpolate(logits[None], size, mode='bilinear', align_corners=False)
        return resized[0].argmax(dim=0).to(torch.uint8)
    # Beyond the outermost corners the last one counts: a frame of copies makes all cells alike.
    padded = F.pad(logits[None], (1, 1, 1, 1), mode='replicate')[0]
    height, width = height + 2, width + 2
    leading = padded.argmax(dim=0).to(torch.uint8)
    first = leading[:-1, :-1]
    agrees = (first == leading[:-1, 1:]) & (first == leading[1:, :-1]) & (first == leading[1:, 1:])
    rows, columns = _Axis(height - 2, size[0]), _Axis(width - 2, size[1])
    # One place more than pixels, for what lies between two corners but is no pixel.
    class_ids = torch.empty(size[0] * size[1] + 1, dtype=torch.uint8)
    picture = class_ids[:-1].view(size)
    # NumPy takes bytes twenty times as fast.
    np.take(
        first[rows.cell].numpy(), columns.cell.numpy(), axis=1, out=picture.numpy(), mode='clip'
    )
    pixels = padded.permute(1, 2, 0).reshape(height * width, classes)
    around = torch.tensor([0, 1, width, width + 1])
    # Per cell the weights of its S * S pixels and 4 corners, spread out for plain products.
    shape = (rows.most, columns.most, 2, 2)
    down = rows.weight[:, :, None, :, None].expand(-1, *shape).flatten(1)
    across = columns.weight[:, None, :, None, :].expand(-1, *shape).flatten(1)
    for y, x in _portions(~agrees, classes * rows.most * columns.most):
        corners = pixels[(y * width + x)[:, None] + around]  # (n, 4, K)
        weights = (down[y] * across[x]).view(len(y), -1, 4)
        values = weights @ corners  # (n, S * S, K)
        row, column = rows.pixel[y][:, :, None], columns.pixel[x][:, None, :]  # -1: none
        place = torch.where((row >= 0) & (column >= 0), row * size[1] + column, -1)
        # NumPy's argmax is several times faster on short rows.
        best = torch.from_numpy(values.numpy().argmax(axis=2))
        class_ids[place.view(len(y), -1)] = best.to(torch.uint8)
    return picture


def winners_and_confidence(logits: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """Return the class of every pixel and its softmax probability.

    Args:
        logits: (K, h, w), K at most 256.
        size: (H, W) wanted.

    Returns:
        (H, W) uint8 and (H, W) float32, on the device of the logits.
    """
    height, width = size
    class_ids = torch.empty(size, dtype=torch.uint8, device=logits.device)
    confidence = torch.empty(size, device=logits.device)
    # One axis after the other, so that the rows of the result can be made a few at a time.
    wide = F.interpolate(
        logits[None].float(), (logits.shape[1], width), mode='bilinear', align_corners=False
    )[0]
    source, share = _source(logits.shape[1], height, logits.device)
    below = (source + 1).clamp(max=logits.shape[1] - 1)
    for start in range(0, height, ROWS_AT_A_TIME):
        part = slice(start, start + ROWS_AT_A_TIME)
        values = torch.lerp(wide[:, source[part]], wide[:, below[part]], share[part, None])
        best, ids = values.max(dim=0)
        class_ids[part] = ids.to(torch.uint8)
        confidence[part] = (best - values.logsumexp(dim=0)).exp()
    return class_ids, confidence


class _Axis:
    """Where the pixels of one axis lie between the corners of the smaller one.

    Attributes:
        cell: (N,) int64, the corner before each pixel, of n + 2: the outermost are there twice.
        most: S, the largest number of pixels between two corners.
        pixel: (n + 1, S) int64, the pixels between two corners; -1 where there are fewer.
        weight: (n + 1, S, 2), how much each of them has of the corner before and of the next.
    """

    def __init__(self, corners: int, pixels: int) -> None:
        place = _centres(corners, pixels, torch.device('cpu')) + 1
        self.cell = place.long()
        share = (place - self.cell).float()
        count = torch.bincount(self.cell, minlength=corners + 1)
        begin = count.cumsum(0) - count
        self.most = int(count.max())
        offset = torch.arange(self.most)
        exists = offset < count[:, None]
        index = (begin[:, None] + offset).clamp(max=pixels - 1)
        self.pixel = torch.where(exists, index, -1)
        self.weight = torch.stack([1 - share, share], dim=1)[index]


def _source(corners: int, pixels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the corner before each pixel and the share of the next, corners not aligned."""
    place = _centres(corners, pixels, device).clamp(0, corners - 1)
    source = place.long()
    return source, (place - source).float()


def _centres(corners: int, pixels: int, device: torch.device) -> Tensor:
    """Return where the pixels' centres lie, counted in corners from the first one's."""
    centre = torch.arange(pixels, dtype=torch.float64, device=device) + 0.5
    return centre * corners / pixels - 0.5


def _portions(wanted: Tensor, values: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows and columns of the true cells, so many that ``values`` of each fit the limit."""
    y, x = wanted.nonzero(as_tuple=True)
    step = max(1, VALUES_AT_A_TIME // values)
    if not len(y):
        return
    yield from zip(torch.split(y, step), torch.split(x, step), strict=True)
