"""What the sensors saw, what is true, and what each subset makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import math
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Patch
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import DataError
from robustseg_core.evaluation.canvas import INK, class_colour, new_figure, save
from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.labels import LabelSet

COLUMNS = 8  # tiles in a line
_TILE_IN = 1.75
_LEGEND_COLUMNS = 9

Pixels = NDArray[np.uint8]


class Strip(NamedTuple):
    """One frame's pictures, all of H x W pixels.

    Attributes:
        id: What the frame is called.
        inputs: Modality -> picture (H, W, 3), see ``robustseg_core.sensors.pictures``.
        truth: Class ids (H, W), 255 = ignore.
        predictions: Subset's letters -> class ids (H, W).
    """

    id: str
    inputs: Mapping[str, Pixels]
    truth: Pixels
    predictions: Mapping[str, Pixels]


def strips(strips: Sequence[Strip], labels: LabelSet, path: Path) -> Figure:
    """Draw frames below each other: inputs and truth, then the mask of each subset.

    A mask is headed by the subset's letters and its mIoU in percent, over the classes that occur
    in this frame. Unlabelled pixels are black.

    Args:
        strips: The frames.
        labels: Names and colours of the classes.
        path: The PNG.

    Raises:
        DataError: There is no frame, the pictures of one differ in size, or the file cannot be
            written.
    """
    if not strips:
        msg = 'There is nothing to draw: wanted at least one frame, got none.'
        raise DataError(msg)
    for strip in strips:
        _check(strip)
    blocks = [_lines(strip, labels) for strip in strips]
    columns = max(len(line) for block in blocks for line in block)
    aspect = max(strip.truth.shape[0] / strip.truth.shape[1] for strip in strips)
    present = sorted({int(each) for strip in strips for each in _classes(strip, labels)})
    legend_in = 0.5 + 0.2 * math.ceil(len(present) / _legend_columns(columns))
    heights = [len(block) * (_TILE_IN * aspect + 0.24) + 0.3 for block in blocks]
    figure = new_figure(columns * (_TILE_IN + 0.06), sum(heights) + legend_in)
    figure.set_layout_engine('constrained', w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    ratios = [*heights, legend_in]
    parts = figure.subfigures(len(ratios), 1, height_ratios=ratios, squeeze=False)[:, 0]
    for part, strip, block in zip(parts, strips, blocks, strict=False):
        part.suptitle(strip.id, x=0.005, ha='left', fontsize=10, fontweight='bold', color=INK)
        tiles = part.subplots(len(block), columns, squeeze=False)
        for axes in tiles.flat:
            axes.set_axis_off()
        for row, line in zip(tiles, block, strict=True):
            for axes, (title, pixels) in zip(row, line, strict=False):
                axes.imshow(pixels, interpolation='nearest')
                axes.set_title(title, fontsize=8.5, color=INK, pad=2.5)
    parts[-1].legend(
        handles=[
            Patch(color=class_colour(labels, each), label=labels.classes[each]) for each in present
        ],
        loc='center',
        ncols=_legend_columns(columns),
        frameon=False,
        fontsize=8.5,
        handlelength=1.1,
        title='number: mIoU (%) of the mask in this frame',
        title_fontsize=8.5,
    )
    return save(figure, path)


def _lines(strip: Strip, labels: LabelSet) -> list[list[tuple[str, Pixels]]]:
    """Return titles and pictures, line by line: inputs and truth, then the masks."""
    first = [*strip.inputs.items(), ('truth', labels.colourise(strip.truth))]
    masks = [
        (_title(letters, class_ids, strip.truth, labels), labels.colourise(class_ids))
        for letters, class_ids in strip.predictions.items()
    ]
    if len(first) + len(masks) <= COLUMNS:
        return [[*first, *masks]]
    return [*_broken(first), *_broken(masks)]


def _broken(tiles: Sequence[tuple[str, Pixels]]) -> Iterator[list[tuple[str, Pixels]]]:
    """Break tiles into lines of about equal length."""
    count = math.ceil(len(tiles) / COLUMNS)
    length = math.ceil(len(tiles) / count) if count else 1
    for start in range(0, len(tiles), length):
        yield list(tiles[start : start + length])


def _title(letters: str, class_ids: Pixels, truth: Pixels, labels: LabelSet) -> str:
    confusion = Confusion(len(labels))
    confusion.update(class_ids, truth)
    miou = confusion.mean_iou()
    return letters if math.isnan(miou) else f'{letters}   {miou:.0f}'


def _classes(strip: Strip, labels: LabelSet) -> NDArray[np.uint8]:
    maps = [strip.truth, *strip.predictions.values()]
    found = np.unique(np.concatenate([np.unique(each) for each in maps]))
    return found[found < len(labels)]


def _legend_columns(columns: int) -> int:
    return max(3, round(_LEGEND_COLUMNS * columns / COLUMNS))


def _check(strip: Strip) -> None:
    for name, pixels in [*strip.inputs.items(), *strip.predictions.items()]:
        if pixels.shape[:2] != strip.truth.shape:
            msg = (
                f'{name!r} of frame {strip.id!r} has shape {pixels.shape}; '
                f'wanted {strip.truth.shape} as the truth.'
            )
            raise DataError(msg)
