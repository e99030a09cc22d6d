"""The scores laid out as in the papers, published figures beside one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.published import published
from robustseg_core.evaluation.scores import (
    FAILURE_CHANCES,
    Evaluation,
    SubsetScores,
    mean_of_scored,
)
from robustseg_core.evaluation.tables import Row, Table

MEAN = 'mean'
OURS = 'this checkpoint'
# The columns of the papers' table of failures.
PAPER_RATE = 0.5
PAPER_CHANCE = 0.2
# Published of RobustSeg alone, and not in the mean.
UNCOMMON = ('NM Mid', 'NM High')


def all_tables(evaluation: Evaluation, dataset: str, split: str) -> dict[str, Table]:
    """Return the tables of what was scored, by the name of their file.

    Args:
        evaluation: The scores.
        dataset: Kind of the data set, for the published rows.
        split: Its part, likewise.
    """
    tables: dict[str, Table] = {}
    if evaluation.any_modal is not None:
        tables['any_modal'] = _any_modal(evaluation, evaluation.any_modal, dataset, split)
    if failures := _failure_columns(evaluation):
        tables['sensor_failures'] = _failures(evaluation, failures, dataset, split)
    if evaluation.emm is not None:
        tables['emm'] = _every_subset('EMM', {'': evaluation.emm})
    if evaluation.rmm:
        rates = {f'r={rate:g}, ': scores for rate, scores in evaluation.rmm.items()}
        tables['rmm'] = _every_subset('RMM', rates)
    if evaluation.nm:
        tables['nm'] = _noise(evaluation.nm)
    if evaluation.conditions:
        tables['conditions'] = _conditions(evaluation, dataset, split)
    if clean := evaluation.any_modal or evaluation.emm:
        tables['class_iou'] = _class_iou(clean, evaluation.labels.classes)
    return tables


def with_mean(scores: SubsetScores, *, absent_as_zero: bool) -> dict[str, float]:
    """Return the mIoU of each subset by letters, and their mean."""
    values = scores.mean_ious(absent_as_zero=absent_as_zero)
    return {**values, MEAN: scores.average(absent_as_zero=absent_as_zero)}


def _measured(scores: SubsetScores, measure: Callable[[Confusion], float]) -> dict[str, float]:
    values = scores.by_letters(measure)
    return {**values, MEAN: mean_of_scored(values.values())}


def _any_modal(evaluation: Evaluation, scores: SubsetScores, dataset: str, split: str) -> Table:
    theirs = published(dataset, split, evaluation.modalities.letters, 'any_modal')
    rows = [
        Row(f'{OURS}, all K classes', with_mean(scores, absent_as_zero=True)),
        *(Row(row.name, row.values) for row in theirs),
        Row(f'{OURS}, classes that occur', with_mean(scores, absent_as_zero=False)),
        Row(f'{OURS}, mAcc, all K classes', _measured(scores, _accuracy)),
        Row(f'{OURS}, mF1, all K classes', _measured(scores, _f1)),
    ]
    return Table('mIoU', [*scores.mean_ious(), MEAN], rows)


def _every_subset(corner: str, scores: Mapping[str, SubsetScores]) -> Table:
    chances = {f'E({chance:g})': chance for chance in FAILURE_CHANCES}
    rows = []
    for text, absent_as_zero in (('all K classes', True), ('classes that occur', False)):
        for name, each in scores.items():
            values = each.mean_ious(absent_as_zero=absent_as_zero)
            values['Avg'] = each.average(absent_as_zero=absent_as_zero)
            for column, chance in chances.items():
                values[column] = each.expected(chance, absent_as_zero=absent_as_zero)
            rows.append(Row(name + text, values))
    columns = [*next(iter(scores.values())).mean_ious(), 'Avg', *chances]
    return Table(corner, columns, rows)


def _noise(levels: Mapping[str, Confusion]) -> Table:
    measures: dict[str, Callable[[Confusion], float]] = {
        'mIoU, all K classes': _iou,
        'mIoU, classes that occur': Confusion.mean_iou,
        'mAcc, all K classes': _accuracy,
        'mF1, all K classes': _f1,
    }
    rows = [
        Row(name, {f'NM {level}': measure(each) for level, each in levels.items()})
        for name, measure in measures.items()
    ]
    return Table('NM', [f'NM {level}' for level in levels], rows)


def _failure_columns(evaluation: Evaluation) -> dict[str, float]:
    """Return what was scored of the papers' summary, in their order."""
    chance = f'E({PAPER_CHANCE:g})'
    values = {}
    if (emm := evaluation.emm) is not None:
        values['EMM Avg'] = emm.average(absent_as_zero=True)
        values[f'EMM {chance}'] = emm.expected(PAPER_CHANCE, absent_as_zero=True)
    if evaluation.rmm:
        rmm, rate = evaluation.rmm[PAPER_RATE], f'(r={PAPER_RATE:g})'
        values[f'RMM Avg {rate}'] = rmm.average(absent_as_zero=True)
        values[f'RMM {chance} {rate}'] = rmm.expected(PAPER_CHANCE, absent_as_zero=True)
    values |= {f'NM {level}': _iou(confusion) for level, confusion in evaluation.nm.items()}
    return values


def _failures(
    evaluation: Evaluation, values: Mapping[str, float], dataset: str, split: str
) -> Table:
    columns = [name for name in values if name not in UNCOMMON]
    ours = dict(values)
    if evaluation.emm is not None and evaluation.rmm and evaluation.nm:
        ours[MEAN] = sum(values[name] for name in columns) / len(columns)
        columns.append(MEAN)
    columns += [name for name in values if name in UNCOMMON]
    # The three protocols share a published table; NM's has the most columns.
    theirs = published(dataset, split, evaluation.modalities.letters, 'nm')
    return Table('mIoU', columns, [Row(OURS, ours), *(Row(r.name, r.values) for r in theirs)])


def _conditions(evaluation: Evaluation, dataset: str, split: str) -> Table:
    """Return a row per condition, a column per subset; the published have all sensors only."""
    letters = evaluation.modalities.letters
    theirs = {
        f'{row.name} {letters}': row.values
        for row in published(dataset, split, letters, 'conditions')
    }
    rows = []
    for word, scores in evaluation.conditions.items():
        beside = {name: values[word] for name, values in theirs.items() if word in values}
        values = {**with_mean(scores, absent_as_zero=True), **beside}
        rows.append(Row(f'{word} ({scores.frames})', values))
    subsets = next(iter(evaluation.conditions.values())).mean_ious()
    return Table('condition (frames)', [*subsets, MEAN, *theirs], rows)


def _class_iou(scores: SubsetScores, classes: tuple[str, ...]) -> Table:
    ious = {
        scores.modalities.letters_of(subset): 100 * confusion.class_iou()
        for subset, confusion in scores.counts.items()
    }
    rows = [
        Row(name, {letters: float(values[index]) for letters, values in ious.items()})
        for index, name in enumerate(classes)
    ]
    return Table('class', list(ious), rows)


def _iou(confusion: Confusion) -> float:
    return confusion.mean_iou(absent_as_zero=True)


def _accuracy(confusion: Confusion) -> float:
    return confusion.mean_accuracy(absent_as_zero=True)


def _f1(confusion: Confusion) -> float:
    return confusion.mean_f1(absent_as_zero=True)
