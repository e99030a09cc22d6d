"""The validation scores of a stage as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from robustseg_core.evaluation.plots import learning_curves

PREFIX = 'miou/'


def draw_curves(metrics: Path, picture: Path) -> None:
    """Draw the mIoU of every subset, and their mean, over the steps.

    Args:
        metrics: The stage's ``metrics.csv``.
        picture: The PNG.
    """
    with metrics.open(newline='') as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name.startswith(PREFIX)]
    curves = {}
    for column in columns:
        points = [(int(row['step']) + 1, float(row[column])) for row in rows if row[column]]
        if points:
            steps, values = zip(*points, strict=True)
            curves[column.removeprefix(PREFIX)] = (steps, values)
    learning_curves(curves, picture, 'mIoU (%)')
