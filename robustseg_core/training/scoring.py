"""Scores of a network on every subset of the modalities, the frames shared among processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch.utils.data import DataLoader, Dataset, Subset

from robustseg_core.data.sample import Collate, Sample
from robustseg_core.errors import DataError
from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.protocols import every_subset
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.torch_backend import TorchBackend
from robustseg_core.training.processes import gathered, place

BATCH_SIZE = 8


def scores_of_all(
    network: MultimodalSegmenter, samples: Dataset[Sample], workers: int, device: str
) -> SubsetScores:
    """Score every subset of the modalities; all processes call it, and all get all scores.

    Raises:
        DataError: There is no frame, or a label is no class of the network.
    """
    rank, count = place()
    mine = range(rank, len(samples), count)  # type: ignore[arg-type]
    batches: DataLoader[Any] = DataLoader(
        Subset(samples, mine),
        batch_size=BATCH_SIZE,
        num_workers=workers,
        collate_fn=Collate(network.config.modalities),
    )
    scores = every_subset(TorchBackend(network, device), batches) if mine else None
    return merged([each for each in gathered(scores) if each is not None])


def merged(parts: Sequence[SubsetScores]) -> SubsetScores:
    """Return the scores of all frames, given those of their parts.

    Raises:
        DataError: There is no part.
    """
    if not parts:
        msg = 'There is no frame to score; at least one is needed.'
        raise DataError(msg)
    total = parts[0]
    for part in parts[1:]:
        counts = {}
        for subset, confusion in total.counts.items():
            counts[subset] = Confusion(len(confusion.counts))
            counts[subset].counts += confusion.counts + part.counts[subset].counts
        scored = {subset: count + part.scored[subset] for subset, count in total.scored.items()}
        total = replace(total, counts=counts, frames=total.frames + part.frames, scored=scored)
    return total
