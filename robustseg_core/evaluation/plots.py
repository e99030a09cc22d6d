"""The pictures of a report: every function saves one as a PNG, and returns it as a figure.

``feature_tsne`` and ``strips``, which are longer, have files of their own. Needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import DataError
from robustseg_core.evaluation.canvas import (
    INK,
    class_swatches,
    heat_map,
    new_figure,
    save,
    series_colour,
    tidy,
)
from robustseg_core.evaluation.feature_map import feature_tsne
from robustseg_core.evaluation.strips import Strip, strips
from robustseg_core.labels import LabelSet

__all__ = [
    'Strip',
    'class_iou_bars',
    'confusion_matrix',
    'feature_tsne',
    'learning_curves',
    'strips',
    'subset_bars',
]

MEAN = 'mean'
NONE = '\u2013'  # in place of a number
MOST_BARS = 4  # of a class; more series become a heat map


def subset_bars(scores: Mapping[str, Mapping[str, float]], path: Path) -> Figure:
    """Draw a group of bars for each subset, one bar for each series, and the mean at the end.

    Args:
        scores: Series -> subset's letters -> mIoU in percent. ``mean`` is worked out where it is
            not there; NaN is no bar.
        path: The PNG.

    Raises:
        DataError: There is no series, or the file cannot be written.
    """
    _check_series(scores)
    columns = list(dict.fromkeys(name for row in scores.values() for name in row if name != MEAN))
    figure = new_figure(max(6.0, 1.5 + 0.62 * (len(columns) + 1)), 3.9)
    axes = figure.subplots()
    width = 0.82 / len(scores)
    places = np.append(np.arange(len(columns)), len(columns) + 0.4)
    for index, (name, row) in enumerate(scores.items()):
        values = np.array([row.get(column, np.nan) for column in columns], np.float64)
        mean = row.get(MEAN, float(np.nanmean(values)) if np.isfinite(values).any() else np.nan)
        heights = np.append(values, mean)
        left = places + (index - (len(scores) - 1) / 2) * width
        bars = axes.bar(
            left, np.nan_to_num(heights), 0.94 * width, color=series_colour(index), label=name
        )
        if len(scores) <= 3:
            texts = [NONE if np.isnan(value) else f'{value:.0f}' for value in heights]
            axes.bar_label(bars, texts, padding=1.5, fontsize=8 - len(scores) * 0.6, color=INK)
    axes.axvline(len(columns) - 0.3, color='#9aa0a8', linewidth=0.8, linestyle=':')
    axes.set_xticks(places, [*columns, MEAN])
    axes.set_xlim(-0.6, len(columns) + 1)
    axes.set_ylabel('mIoU (%)')
    tidy(axes)
    axes.tick_params(axis='x', length=0)
    _legend_above(axes, len(scores))
    return save(figure, path)


def class_iou_bars(
    rows: Mapping[str, NDArray[np.floating[Any]]], labels: LabelSet, path: Path
) -> Figure:
    """Draw the IoU of each class: bars for up to four series, a heat map for more.

    Args:
        rows: Series -> IoU of each class (K,) in [0, 1], NaN where it does not occur.
        labels: Names and colours of the classes.
        path: The PNG.

    Raises:
        DataError: There is no series, one is not (K,), or the file cannot be written.
    """
    _check_series(rows)
    for name, row in rows.items():
        if np.shape(row) != (len(labels),):
            msg = f'IoU of {name!r} has shape {np.shape(row)}; wanted ({len(labels)},).'
            raise DataError(msg)
    percent = 100 * np.stack([np.asarray(row, np.float64) for row in rows.values()])  # (S, K)
    if len(rows) > MOST_BARS:
        return save(_class_heat_map(percent, list(rows), labels), path)
    figure = new_figure(7.6, 1.2 + len(labels) * (0.16 + 0.12 * len(rows)))
    axes = figure.subplots()
    height = 0.84 / len(rows)
    places = np.arange(len(labels))
    for index, (name, values) in enumerate(zip(rows, percent, strict=True)):
        at = places + (index - (len(rows) - 1) / 2) * height
        bars = axes.barh(
            at, np.nan_to_num(values), 0.94 * height, color=series_colour(index), label=name
        )
        texts = [NONE if np.isnan(value) else f'{value:.1f}' for value in values]
        axes.bar_label(bars, texts, padding=2, fontsize=7, color=INK)
    axes.set_yticks(places, labels.classes)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(0, 106)
    axes.set_xlabel(f'IoU (%)   {NONE} the class does not occur')
    tidy(axes, grid='x')
    axes.tick_params(axis='y', length=0)
    class_swatches(figure, axes, labels, 'y')
    _legend_above(axes, len(rows))
    return save(figure, path)


def confusion_matrix(counts: NDArray[np.int64], labels: LabelSet, path: Path) -> Figure:
    """Draw which class is taken for which, in percent of the true class's pixels.

    Args:
        counts: Pixels (K, K) by (true class, predicted class).
        labels: Names and colours of the classes.
        path: The PNG.

    Raises:
        DataError: ``counts`` has another shape, or the file cannot be written.
    """
    size = len(labels)
    if counts.shape != (size, size):
        msg = f'Confusion counts have shape {counts.shape}; wanted ({size}, {size}).'
        raise DataError(msg)
    totals = counts.sum(axis=1, keepdims=True)
    percent = np.where(totals > 0, 100 * counts / np.maximum(totals, 1), np.nan)
    side = 2.4 + 0.34 * size
    figure = new_figure(side + 0.5, side)
    axes = figure.subplots()
    heat_map(axes, percent, at_least=0.5)
    absent = totals[:, 0] == 0
    names = [
        f'{name} (absent)' if gone else name
        for name, gone in zip(labels.classes, absent, strict=True)
    ]
    axes.set_yticks(range(size), names)
    axes.set_xticks(range(size), labels.classes, rotation=90)
    axes.set_ylabel('true class', labelpad=6)
    axes.set_xlabel('predicted class', labelpad=6)
    axes.set_title('% of the pixels of the true class', fontsize=10, color=INK)
    class_swatches(figure, axes, labels, 'x')
    class_swatches(figure, axes, labels, 'y')
    return save(figure, path)


def learning_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path, ylabel: str
) -> Figure:
    """Draw values over training steps.

    Args:
        curves: Series -> steps and values, equally many.
        path: The PNG.
        ylabel: What the values are.

    Raises:
        DataError: There is no series, one has more steps than values or fewer, or the file
            cannot be written.
    """
    _check_series(curves)
    for name, (steps, values) in curves.items():
        if len(steps) != len(values):
            msg = f'Curve {name!r} has {len(steps)} steps, but {len(values)} values.'
            raise DataError(msg)
    figure = new_figure(8.0, 4.2)
    axes = figure.subplots()
    for index, (name, (steps, values)) in enumerate(curves.items()):
        style = '-' if index < 10 else '--'  # where colours begin again
        marker = '.' if len(steps) <= 60 else ''
        colour = series_colour(index)
        axes.plot(steps, values, style, marker=marker, color=colour, linewidth=1.5, label=name)
    axes.set_xlabel('step')
    axes.set_ylabel(ylabel)
    tidy(axes, grid='both')
    axes.legend(loc='center left', bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
    return save(figure, path)


def _class_heat_map(
    percent: NDArray[np.float64], series: Sequence[str], labels: LabelSet
) -> Figure:
    """Draw IoU (S, K) in percent as a table of classes by series."""
    figure = new_figure(2.6 + 0.42 * len(series), 1.6 + 0.27 * len(labels))
    axes = figure.subplots()
    heat_map(axes, percent.T, at_least=0.0)
    axes.set_xticks(range(len(series)), series, rotation=90 if max(map(len, series)) > 4 else 0)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(labels)), labels.classes)
    axes.set_xlabel('IoU (%); grey: the class does not occur', fontsize=9)
    class_swatches(figure, axes, labels, 'y')
    return figure


def _legend_above(axes: Axes, count: int) -> None:
    axes.legend(
        loc='lower left',
        bbox_to_anchor=(0, 1.0),
        ncols=min(count, 4),
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=1.2,
    )


def _check_series(series: Mapping[str, object]) -> None:
    if not series:
        msg = 'There is nothing to draw: wanted at least one series, got none.'
        raise DataError(msg)
