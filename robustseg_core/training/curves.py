"""The validation scores of a stage as a picture."""

from __future__ import annotations

from pathlib import Path

from robustseg_core.evaluation.plots import learning_curves
from robustseg_core.training.metrics_file import read_rows

PREFIX = 'miou/'


def draw_curves(metrics: Path, picture: Path) -> None:
    """Draw the mIoU of every subset, and their mean, over the steps; nothing where there is none.

    Args:
        metrics: The stage's ``metrics.csv``.
        picture: The PNG.
    """
    rows = read_rows(metrics) if metrics.exists() else []
    columns = [name for name in (rows[0] if rows else ()) if name.startswith(PREFIX)]
    curves = {}
    for column in columns:
        points = [(int(row['step']) + 1, float(row[column])) for row in rows if row[column]]
        if points:
            steps, values = zip(*points, strict=True)
            curves[column.removeprefix(PREFIX)] = (steps, values)
    if curves:
        learning_curves(curves, picture, 'mIoU (%)')
