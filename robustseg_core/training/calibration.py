"""Statistics of the head's batch norm for every subset of the modalities, estimated on frames.

Modality dropout shows the network one subset per step, so that batch norm learns under the
statistics of that subset, but evaluates with those of the mixture. Estimating them for each subset
with the weights untouched closes the gap (docs/RESULTS.md has what it is worth).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from robustseg_core.data.sample import Batch, Collate, Sample
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.modalities import ModalitySet
from robustseg_core.models.all_mlp_head import AllMlpHead
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.torch_backend import find_device

Names = tuple[str, ...]

BATCH_SIZE = 8


def calibrated(
    model: MultimodalSegmenter, batches: Iterable[Batch], device: str = 'cpu'
) -> MultimodalSegmenter:
    """Return a copy of ``model`` that evaluates each subset with statistics of its own.

    Args:
        model: Not folded; it is not changed.
        batches: Frames to estimate on, without augmentation, from the training split.
        device: Where to compute; ``auto`` is CUDA where there is any.

    Raises:
        ConfigError: There is no such device.
        DataError: A subset never occurs in the frames.
    """
    place = find_device(device)
    try:
        network = uncalibrated(model).to(place)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        msg = f'Device {device!r} cannot be used: {error}'
        raise ConfigError(msg) from error
    subsets = network.config.modalities.subsets()
    moments = [_Moments(network.config.head_width) for _ in subsets]
    frames = 0
    for batch in batches:
        frames += len(batch['ids'])
        _measure(network, batch, subsets, moments, place)
    if unseen := [
        network.config.modalities.letters_of(subset)
        for subset, each in zip(subsets, moments, strict=True)
        if not each.count
    ]:
        msg = f'No frame to estimate statistics on has the modalities {unseen}.'
        raise DataError(msg)
    copy = MultimodalSegmenter(replace(model.config, norm_statistics='subset'))
    statistics = {
        'head.norm.subset_mean': torch.stack([each.mean for each in moments]),
        'head.norm.subset_var': torch.stack([each.variance for each in moments]),
    }
    copy.load_state_dict({**without_subset_statistics(model), **statistics})
    copy.provenance = {**model.provenance, 'calibrated_on': {'frames': frames}}
    return copy.eval()


def uncalibrated(model: MultimodalSegmenter) -> MultimodalSegmenter:
    """Return a copy that evaluates all subsets with the statistics of training."""
    copy = MultimodalSegmenter(replace(model.config, norm_statistics='shared'))
    copy.load_state_dict(without_subset_statistics(model))
    copy.provenance = {k: v for k, v in model.provenance.items() if k != 'calibrated_on'}
    return copy.eval()


def told_values(model: MultimodalSegmenter, measured: ModalitySet) -> MultimodalSegmenter:
    """Return ``model``, which from now on says which values its images had in training.

    Args:
        model: It is changed, but for its weights.
        measured: Modalities of the frames trained on, with unit, scale and values.
    """
    told = tuple(
        replace(
            each,
            unit=measured[each.name].unit,
            scale=measured[each.name].scale,
            seen=measured[each.name].seen,
        )
        if each.name in measured
        else each
        for each in model.config.modalities
    )
    model.config = replace(model.config, modalities=ModalitySet(told))
    return model


def without_subset_statistics(model: MultimodalSegmenter) -> Mapping[str, Tensor]:
    """Return the weights as training has them."""
    added = ('head.norm.subset_mean', 'head.norm.subset_var')
    return {name: each for name, each in model.state_dict().items() if name not in added}


def calibration_batches(
    samples: Dataset[Sample], model: MultimodalSegmenter, frames: int, workers: int = 0
) -> Iterable[Batch]:
    """Return batches of ``frames`` of the samples, or of all, spread over the data set."""
    count = len(samples)  # type: ignore[arg-type]
    chosen = np.unique(np.linspace(0, count - 1, min(frames, count)).round().astype(int))
    loader: DataLoader[Any] = DataLoader(
        Subset(samples, chosen.tolist()),
        batch_size=BATCH_SIZE,
        num_workers=workers,
        collate_fn=Collate(model.config.modalities),
    )
    return loader


class _Moments:
    """Mean and variance of each channel over any number of maps (Chan et al., 1979)."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self._squares = torch.zeros(width, dtype=torch.float64)

    @property
    def variance(self) -> Tensor:
        return self._squares / max(1, self.count)

    def add(self, maps: Tensor) -> None:
        """Add maps (B, width, h, w)."""
        values = maps.double().transpose(0, 1).flatten(1)
        count, mean = values.shape[1], values.mean(dim=1).cpu()
        squares = values.var(dim=1, correction=0).cpu() * count
        total = self.count + count
        delta = mean - self.mean
        self._squares += squares + delta**2 * (self.count * count / total)
        self.mean += delta * (count / total)
        self.count = total


@torch.inference_mode()
def _measure(
    network: MultimodalSegmenter,
    batch: Batch,
    subsets: Sequence[Names],
    moments: Sequence[_Moments],
    device: torch.device,
) -> None:
    """Add to each subset's moments what the head normalises; every image is encoded once."""
    assert isinstance(network.head, AllMlpHead)
    names = network.config.modalities.names
    features = {name: network.encode(image.to(device)) for name, image in batch['images'].items()}
    blank: list[Tensor] = []
    if network.config.missing == 'zero':
        image = next(iter(batch['images'].values()))
        blank = network.encode(torch.zeros_like(image, device=device))
    for subset, each in zip(subsets, moments, strict=True):
        columns = [names.index(name) for name in subset]
        rows = batch['availability'][:, columns].all(dim=1).to(device)
        if not rows.any():
            continue
        maps = [features[name] for name in subset]
        if blank:
            maps += [blank] * (len(names) - len(subset))
        fused = network.fuse([[stage[rows] for stage in stages] for stages in maps])
        each.add(network.head.mix(fused))
