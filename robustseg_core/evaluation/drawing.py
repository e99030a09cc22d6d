"""The pictures of a report, drawn from its scores and what was gathered on the way."""

from __future__ import annotations

from pathlib import Path

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.layouts import OURS
from robustseg_core.evaluation.plots import (
    Strip,
    class_iou_bars,
    confusion_matrix,
    feature_tsne,
    strips,
    subset_bars,
)
from robustseg_core.evaluation.published import published
from robustseg_core.evaluation.scores import Evaluation, SubsetScores


def draw(
    evaluation: Evaluation, gallery: Gallery, dataset: str, split: str, seed: int, folder: Path
) -> tuple[list[str], list[str]]:
    """Draw into ``folder`` what the scores allow.

    Args:
        evaluation: The scores.
        gallery: What was gathered while scoring.
        dataset: Kind of the data set, for the published figures.
        split: Its part, likewise.
        seed: Of t-SNE.
        folder: Where the PNGs go.

    Returns:
        The names of the files, and a line for each picture that could not be drawn.

    Raises:
        DataError: A file cannot be written.
    """
    names = _subsets(evaluation, dataset, split, folder)
    clean = evaluation.any_modal or evaluation.emm
    if clean is not None:
        names += _classes(evaluation, clean, folder)
    frames = [
        Strip(
            frame.id,
            frame.inputs,
            frame.truth,
            {evaluation.modalities.letters_of(s): ids for s, ids in frame.predictions.items()},
        )
        for frame in gallery.frames()
    ]
    if frames:
        strips(frames, evaluation.labels, folder / 'strips.png')
        names.append('strips.png')
    features, class_ids, modalities = gallery.pixels()
    if not len(class_ids):
        return names, []
    try:
        path = folder / 'features.png'
        feature_tsne(features, class_ids, modalities, evaluation.labels, path, seed)
    except (ConfigError, DataError) as error:  # no scikit-learn, or hardly a labelled pixel
        return names, [f'features.png was not drawn: {error}']
    return [*names, 'features.png'], []


def _subsets(evaluation: Evaluation, dataset: str, split: str, folder: Path) -> list[str]:
    series = {
        'left out (any-modal)': evaluation.any_modal,
        'zeroed (EMM)': evaluation.emm,
        **{f'zeroed in part (RMM, r={rate:g})': each for rate, each in evaluation.rmm.items()},
    }
    ours = {
        name: scores.mean_ious(absent_as_zero=True)
        for name, scores in series.items()
        if scores is not None
    }
    names = []
    if ours:
        subset_bars(ours, folder / 'subsets.png')
        names.append('subsets.png')
    rows = published(dataset, split, evaluation.modalities.letters, 'any_modal')
    if evaluation.any_modal is not None and rows:
        beside = {OURS: ours['left out (any-modal)'], **{row.name: row.values for row in rows}}
        subset_bars(beside, folder / 'subsets_published.png')
        names.append('subsets_published.png')
    return names


def _classes(evaluation: Evaluation, scores: SubsetScores, folder: Path) -> list[str]:
    """Draw the confusion of all sensors, and the classes' IoU with each sensor and with all."""
    everything = evaluation.modalities.names
    shown = {
        evaluation.modalities.letters_of(subset): confusion.class_iou()
        for subset, confusion in scores.counts.items()
        if scores.scored[subset] and len(subset) in {1, len(everything)}
    }
    names = []
    if shown:
        class_iou_bars(shown, evaluation.labels, folder / 'class_iou.png')
        names.append('class_iou.png')
    if scores.scored[everything]:
        counts = scores.counts[everything].counts[:, :-1]
        confusion_matrix(counts, evaluation.labels, folder / 'confusion_matrix.png')
        names.append('confusion_matrix.png')
    return names
