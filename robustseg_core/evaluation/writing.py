"""The files of an evaluation: a report for people, tables and JSON for programs, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
import json
from pathlib import Path

from robustseg_core.errors import DataError
from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.layouts import all_tables
from robustseg_core.evaluation.report import Subject, left_out, markdown
from robustseg_core.evaluation.scores import Evaluation
from robustseg_core.evaluation.tables import Table


def write(evaluation: Evaluation, subject: Subject, gallery: Gallery | None, folder: Path) -> str:
    """Write ``report.md``, ``results.json``, a CSV for each table, and pictures.

    Args:
        evaluation: The scores.
        subject: What was evaluated.
        gallery: What the pictures are made of; None = no pictures.
        folder: Where to; made where it is not there.

    Returns:
        What the frames lack, the tables without those of single classes, each with the frames it
        leaves out, and what could not be drawn.

    Raises:
        DataError: A file cannot be written.
    """
    tables = all_tables(evaluation, subject.dataset, subject.split)
    results = {'subject': asdict(subject), **evaluation.to_dict()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The scores first: they took long, and a picture may fail.
        text = json.dumps(results, indent=2, allow_nan=False)
        (folder / 'results.json').write_text(text + '\n', encoding='utf-8')
        for name, table in tables.items():
            (folder / f'{name}.csv').write_text(table.csv(), encoding='utf-8')
        names, problems = _pictures(evaluation, subject, gallery, folder)
        report = markdown(evaluation, subject, tables, names)
        (folder / 'report.md').write_text(report, encoding='utf-8')
    except OSError as error:
        msg = f'The report cannot be written into {str(folder)!r}: {error}.'
        raise DataError(msg) from error
    shown = [*subject.gaps, *_shown(tables, evaluation), *problems]
    return '\n\n'.join([*shown, f'Report: {folder / "report.md"}'])


def _pictures(
    evaluation: Evaluation, subject: Subject, gallery: Gallery | None, folder: Path
) -> tuple[list[str], list[str]]:
    if gallery is None:
        return [], []
    try:
        from robustseg_core.evaluation.drawing import draw
    except ImportError as error:
        return [], [f'No pictures were drawn, matplotlib is not installed: {error}.']
    return draw(evaluation, gallery, subject.dataset, subject.split, subject.seed, folder)


def _shown(tables: Mapping[str, Table], evaluation: Evaluation) -> list[str]:
    return [
        text
        for name, table in tables.items()
        if name != 'class_iou'
        for text in (table.markdown(), *left_out(name, evaluation))
    ]
