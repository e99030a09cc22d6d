"""The mIoU of a backend: what rounding costs is not seen in logits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from robustseg_core.data.sample import Batch
from robustseg_core.errors import DataError
from robustseg_core.evaluation.confusion import Confusion, pixel_counts
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.exporting.walking import fusions
from robustseg_core.models.all_mlp_head import resize
from robustseg_core.runtime.backend import Backend


@torch.inference_mode()
def score_backend(backend: Backend, frames: Iterable[Batch]) -> SubsetScores:
    """Score every subset of the modalities, on batches of one frame.

    Raises:
        DataError: There is no frame.
    """
    config = backend.config
    num_classes = len(config.labels)
    counts = {subset: Confusion(num_classes) for subset in config.modalities.subsets()}
    scored = dict.fromkeys(counts, 0)
    seen = 0
    for batch in frames:
        seen += 1
        truth = batch['labels']
        for subset, index, maps in fusions(backend, batch['images']):
            logits = resize(backend.head(maps, index), truth.shape[1:])
            class_ids = logits.argmax(dim=1).cpu()
            counts[subset].counts += pixel_counts(class_ids, truth, num_classes)[0]
            scored[subset] += 1
    if not seen:
        msg = 'There is no frame to score; at least one is needed.'
        raise DataError(msg)
    return SubsetScores(config.modalities, counts, seen, scored)


def summary(scores: SubsetScores) -> dict[str, Any]:
    """Return the mIoU (percent): the mean over all subsets, that of all modalities, and each."""
    by_subset = scores.mean_ious()
    return {
        'any_modal': scores.average(),
        'all_modalities': by_subset[scores.modalities.letters],
        'by_subset': by_subset,
    }
