"""What flows from data sets to stages: samples, and batches that may mix sensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from robustseg_core.errors import DataError
from robustseg_core.modalities import ModalitySet


class Sample(TypedDict):
    """One labelled moment, ready for the network.

    Attributes:
        images: Modality name to its normalised image (3, H, W) float; a missing modality is an
            absent key.
        labels: Class ids (H, W) int64, 255 = ignore.
        id: What the data set calls this moment.
        condition: Weather, light and faults, e.g. ``night+motionblur``.
        damaged: Why other frames cannot be read, in whose place this one stands; as a rule absent.
    """

    images: dict[str, Tensor]
    labels: Tensor
    id: str
    condition: str
    damaged: NotRequired[list[str]]


class Batch(TypedDict):
    """Samples of one size, stacked; B samples, M modalities.

    Attributes:
        images: Modality name to (B, 3, H, W) float; rows that are not available are zero.
        availability: (B, M) bool in the order of the modality set.
        labels: (B, H, W) int64, 255 = ignore.
        ids: B names.
        conditions: B conditions.
        damaged: Why frames cannot be read that others stand in for; as a rule absent.
    """

    images: dict[str, Tensor]
    availability: Tensor
    labels: Tensor
    ids: list[str]
    conditions: list[str]
    damaged: NotRequired[list[str]]


class Collate:
    """Stack samples into a batch; which sensors they have may differ."""

    def __init__(self, modalities: ModalitySet) -> None:
        self._modalities = modalities

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        """Stack ``samples``.

        Raises:
            DataError: A sample has no modality of the set.
        """
        names = self._modalities.names
        availability = torch.tensor([[name in s['images'] for name in names] for s in samples])
        for sample, row in zip(samples, availability, strict=True):
            if not row.any():
                msg = (
                    f'Sample {sample["id"]!r} has modalities {sorted(sample["images"])}, '
                    f'none of the wanted {list(names)}.'
                )
                raise DataError(msg)
        labels = torch.stack([sample['labels'] for sample in samples])
        blank = torch.zeros(3, *labels.shape[-2:])
        present = [name for name, used in zip(names, availability.any(dim=0), strict=True) if used]
        batch = Batch(
            images={
                name: torch.stack([sample['images'].get(name, blank) for sample in samples])
                for name in present
            },
            availability=availability,
            labels=labels,
            ids=[sample['id'] for sample in samples],
            conditions=[sample['condition'] for sample in samples],
        )
        if damaged := [text for sample in samples for text in sample.get('damaged', ())]:
            batch['damaged'] = damaged
        return batch
