"""What the plots share: sheets, colours, tables of numbers, and how a picture is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
import numpy as np
from numpy.typing import NDArray

from robustseg_core.files import replacing
from robustseg_core.labels import LabelSet

DPI = 150
INK, FAINT = '#2b2d31', '#e4e6ea'
# Okabe and Ito's colours, which the colour-blind tell apart, and some more.
SERIES = (
    '#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c6bb1', '#7f7f7f',
    '#b2a000', '#5e3c23',
)  # fmt: skip


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, outside of pyplot and its global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout='constrained', facecolor='white')
    FigureCanvasAgg(figure)
    return figure


def series_colour(place: int) -> str:
    """Return the colour of the series at ``place``; they repeat after the tenth."""
    return SERIES[place % len(SERIES)]


def class_colour(labels: LabelSet, class_id: int) -> tuple[float, float, float]:
    """Return the colour of a class, 0..1 as matplotlib has it."""
    red, green, blue = labels.palette[class_id]
    return red / 255, green / 255, blue / 255


def tidy(axes: Axes, grid: Literal['both', 'x', 'y'] = 'y') -> None:
    """Leave of the frame only what carries the scales, with faint lines along ``grid``."""
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color('#9aa0a8')
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(visible=True, axis=grid, color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)


def heat_map(axes: Axes, percent: NDArray[np.float64], at_least: float) -> None:
    """Draw a matrix with the numbers that are ``at_least`` so large; NaN is grey."""
    axes.set_facecolor('#e9eaed')
    masked = np.ma.masked_invalid(percent)
    axes.imshow(masked, cmap='Blues', vmin=0, vmax=100, aspect='auto', interpolation='nearest')
    for row, column in zip(*np.nonzero(np.nan_to_num(percent, nan=-1) >= at_least), strict=True):
        value = percent[row, column]
        colour = 'white' if value > 55 else INK
        axes.text(column, row, f'{value:.0f}', ha='center', va='center', fontsize=7, color=colour)
    axes.tick_params(length=0, colors=INK, labelsize=8.5)
    axes.spines[:].set_visible(False)
    for line in range(1, percent.shape[0]):
        axes.axhline(line - 0.5, color='white', linewidth=0.8)
    for line in range(1, percent.shape[1]):
        axes.axvline(line - 0.5, color='white', linewidth=0.8)


def class_swatches(figure: Figure, axes: Axes, labels: LabelSet, side: Literal['x', 'y']) -> None:
    """Put the colour of each class between its name and the axis ``side``."""
    axes.autoscale(enable=False)  # they must not move what is drawn
    axes.tick_params(axis=side, pad=14)
    places, beside = np.arange(len(labels)), np.zeros(len(labels))
    is_y = side == 'y'
    shift = (-8 / 72, 0.0) if is_y else (0.0, -8 / 72)  # inches
    base = axes.get_yaxis_transform() if is_y else axes.get_xaxis_transform()
    swatches = axes.scatter(
        beside if is_y else places,
        places if is_y else beside,
        marker='s',
        s=70,
        c=[class_colour(labels, class_id) for class_id in range(len(labels))],
        linewidths=0,
        clip_on=False,
        transform=base + ScaledTranslation(*shift, figure.dpi_scale_trans),
    )
    swatches.set_in_layout(False)  # the names beside them make room for them


def save(figure: Figure, path: Path) -> Figure:
    """Save as a PNG, the same bytes every time, and return the figure.

    Raises:
        WriteError: The file cannot be written.
    """
    with replacing(path) as partial:
        # Without the version of matplotlib, which is in there by default.
        figure.savefig(partial, format='png', metadata={'Software': None})
    return figure
