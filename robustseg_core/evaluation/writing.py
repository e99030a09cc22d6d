"""The files of an evaluation: a report for people, tables and JSON for programs, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
import json
from pathlib import Path

from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.layouts import all_tables
from robustseg_core.evaluation.report import Subject, left_out, markdown
from robustseg_core.evaluation.scores import Evaluation
from robustseg_core.evaluation.tables import Table
from robustseg_core.files import make_folder, replace_file
from robustseg_core.packages import load_problem


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
        WriteError: A file cannot be written.
    """
    tables = all_tables(evaluation, subject.dataset, subject.split)
    results = {'subject': asdict(subject), **evaluation.to_dict()}
    make_folder(folder)
    # The scores first: they took long, and a picture may fail.
    text = json.dumps(results, indent=2, allow_nan=False)
    replace_file(folder / 'results.json', text + '\n')
    for name, table in tables.items():
        replace_file(folder / f'{name}.csv', table.csv())
    names, problems = _pictures(evaluation, subject, gallery, folder)
    replace_file(folder / 'report.md', markdown(evaluation, subject, tables, names))
    shown = [*subject.gaps, *_shown(tables, evaluation), *problems]
    return '\n\n'.join([*shown, f'Report: {folder / "report.md"}'])


def _pictures(
    evaluation: Evaluation, subject: Subject, gallery: Gallery | None, folder: Path
) -> tuple[list[str], list[str]]:
    if gallery is None:
        return [], []
    if why := load_problem('matplotlib'):
        return [], [f'No pictures were drawn: matplotlib {why}.']
    from robustseg_core.evaluation.drawing import draw

    return draw(evaluation, gallery, subject.dataset, subject.split, subject.seed, folder)


def _shown(tables: Mapping[str, Table], evaluation: Evaluation) -> list[str]:
    return [
        text
        for name, table in tables.items()
        if name != 'class_iou'
        for text in (table.markdown(), *left_out(name, evaluation))
    ]
