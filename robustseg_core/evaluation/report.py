"""The report of an evaluation, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustseg_core.evaluation.layouts import MEAN, with_mean
from robustseg_core.evaluation.published import published
from robustseg_core.evaluation.scores import Evaluation, SubsetScores
from robustseg_core.evaluation.tables import EMPTY, Row, Table

# What any-modal evaluation returns; training's stages are scored by it.
AnyModalScores = SubsetScores


@dataclass(frozen=True)
class Subject:
    """What was evaluated, and on what.

    Attributes:
        checkpoint: Its file.
        missing: How it was trained to miss a sensor, ``drop`` or ``zero``.
        dataset: Kind of the data set.
        split: Its part.
        size: Height and width of the frames, in pixels.
        resolution: Height and width the checkpoint was trained for.
        seed: Of the corruption.
        device: Where it was computed.
        backend: By which library.
        precision: In which arithmetic.
        gaps: What the frames lack, one line for each kind of file.
        provenance: What the checkpoint says it was made from.
    """

    checkpoint: str
    missing: str
    dataset: str
    split: str
    size: tuple[int, int]
    resolution: tuple[int, int]
    seed: int
    device: str
    backend: str
    precision: str
    gaps: Sequence[str]
    provenance: Mapping[str, Any]


def any_modal_table(scores: Mapping[str, AnyModalScores]) -> str:
    """Return a Markdown table: a row per model, a column per subset, then the mean.

    The mIoU averages the classes that occur (``SubsetScores.mean_ious``), in percent.
    """
    rows = [Row(name, with_mean(each, absent_as_zero=False)) for name, each in scores.items()]
    return Table('model', list(rows[0].values), rows).markdown(decimals=1)


def markdown(
    evaluation: Evaluation, subject: Subject, tables: Mapping[str, Table], pictures: Sequence[str]
) -> str:
    """Return the report.

    Args:
        evaluation: The scores.
        subject: What was evaluated.
        tables: Of ``layouts.all_tables``.
        pictures: Names of the files beside the report.
    """
    parts = [f'# Evaluation of {subject.checkpoint}', _facts(evaluation, subject)]
    for name, table in tables.items():
        title, explanation = _TEXTS[name]
        parts += [f'## {title}', explanation, table.markdown()]
        parts += _notes(name, evaluation, subject)
    if pictures:
        parts += ['## Pictures', *(f'![{name}]({name})' for name in pictures)]
    return '\n\n'.join(parts) + '\n'


_TEXTS = {
    'any_modal': (
        'Any-modal',
        'The sensors that a column names, the others left out: the mean over those present. '
        'In percent; all K classes: those that do not occur count as 0, as in published figures. '
        f'{MEAN}: of the columns.',
    ),
    'sensor_failures': (
        'Sensor failures',
        "The papers' summary of EMM, RMM and NM; mIoU over all K classes.",
    ),
    'emm': (
        'Entire-missing modalities (EMM)',
        'The sensors that a column does not name are zeroed after normalisation; the zero image '
        'is encoded and enters the mean over all. E(p): each sensor fails with chance p.',
    ),
    'rmm': (
        'Random-missing modalities (RMM)',
        'Of the sensors that a column does not name, each element (pixel and channel) is zeroed '
        'with chance r. E(p): each sensor is so hit with chance p.',
    ),
    'nm': (
        'Noisy modalities (NM)',
        'All sensors, with salt and pepper (density 0.05, 0.1, 0.2), then Gaussian noise (sigma '
        '0.1, 0.2, 0.5; not on events) on the normalised tensors.',
    ),
    'conditions': (
        'Conditions',
        'Any-modal over the frames of a weather or fault; mIoU over all K classes. A frame '
        'counts in every row that its condition names.',
    ),
    'class_iou': (
        'IoU of each class',
        f'By any-modal where that was scored, else by EMM; in percent, {EMPTY} where the class is '
        'neither true nor predicted.',
    ),
}


def _facts(evaluation: Evaluation, subject: Subject) -> str:
    height, width = subject.size
    modalities = ', '.join(f'{each.letter} = {each.name}' for each in evaluation.modalities)
    facts = [
        f'{evaluation.frames} frames of {subject.dataset}, split {subject.split!r}, at '
        f'{height}x{width} pixels, labels too; the checkpoint was trained at '
        f'{subject.resolution[0]}x{subject.resolution[1]}',
        f'modalities {modalities}; {len(evaluation.labels)} classes of {evaluation.labels.name}',
        f'trained for missing = {subject.missing!r}; what is missing here is treated as each '
        f'protocol says, whatever the training (any-modal is the use that drop was trained for, '
        f'EMM the use that zero was trained for)',
        f'computed by {subject.backend} in {subject.precision} on {subject.device}',
    ]
    if evaluation.rmm or evaluation.nm:
        facts.append(
            f'seed {subject.seed}: what RMM and NM draw depends on it, the frame, the modality '
            f'and the level alone; salt and pepper are the extremes of the frame (published: of '
            f'the batch), and one corrupted image serves all subsets (published: drawn anew for '
            f'each)'
        )
    return '\n'.join(f'- {fact}' for fact in [*facts, *subject.gaps])


def left_out(name: str, evaluation: Evaluation) -> list[str]:
    """Return a line on the frames that the columns of a table are not of, or nothing."""
    tables: dict[str, dict[str, SubsetScores | None]] = {
        'any_modal': {'': evaluation.any_modal},
        'emm': {'': evaluation.emm},
        'rmm': {'': next(iter(evaluation.rmm.values()), None)},
        'conditions': {f'{word} ': each for word, each in evaluation.conditions.items()},
    }
    missed = [
        f'{row}{letters} {count}'
        for row, scores in tables.get(name, {}).items()
        if scores is not None
        for letters, count in scores.missed().items()
    ]
    if not missed:
        return []
    return [f'Frames left out because they lack a sensor that is needed: {", ".join(missed)}.']


def _notes(name: str, evaluation: Evaluation, subject: Subject) -> list[str]:
    """Return what must be known beside a table: frames that were left out, and sources."""
    notes = left_out(name, evaluation)
    protocol = {'any_modal': 'any_modal', 'sensor_failures': 'nm', 'conditions': 'conditions'}
    if name in protocol:
        rows = published(
            subject.dataset, subject.split, evaluation.modalities.letters, protocol[name]
        )
        notes += [f'Published: {note}.' for note in dict.fromkeys(row.note for row in rows)]
    return notes
