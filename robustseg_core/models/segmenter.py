"""The network: one encoder for all modalities, mean fusion, an all-MLP head.

Source: RobustSeg, arXiv:2505.12861, section 3: every modality passes the same encoder on its own,
and at each stage the head reads the plain mean over the modalities in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import compress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from robustseg_core.errors import DataError
from robustseg_core.models.all_mlp_head import AllMlpHead, FoldedHead, resize
from robustseg_core.models.backbones import create_backbone
from robustseg_core.models.config import SegmenterConfig

__all__ = ['Encoded', 'MultimodalSegmenter', 'SegmenterConfig']

SMALLEST_SIDE = 32


class Encoded(NamedTuple):
    """The features of one modality.

    Attributes:
        maps: Four maps (n, C_i, h_i, w_i), finest first.
        rows: (n,) int64, which samples of the batch they belong to; None = all, in order.
    """

    maps: list[Tensor]
    rows: Tensor | None


class MultimodalSegmenter(nn.Module):
    """Segment from any non-empty subset of the configured modalities.

    Shapes:
        images: modality name to (B, 3, H, W) float, normalised; H and W at least 32.
        availability: (B, M) bool in the order of ``config.modalities``, where samples differ.
        returns: logits (B, K, H, W).

    Attributes:
        config: What the network is.
        provenance: What it was trained and evaluated on, as what JSON can hold.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.provenance: dict[str, Any] = {}
        self.encoder = create_backbone(config.backbone, config.drop_path_rate)
        self.head: AllMlpHead | FoldedHead = AllMlpHead(
            self.encoder.channels,
            config.head_width,
            len(config.labels),
            config.dropout,
            len(config.modalities.subsets()) if config.norm_statistics == 'subset' else 0,
        )

    def forward(self, images: Mapping[str, Tensor], availability: Tensor | None = None) -> Tensor:
        """Return decode(fuse(encode(...))) of what is present.

        Raises:
            ConfigError: A name is not one of the configured modalities.
            DataError: There is no image, an image or ``availability`` has the wrong shape, or a
                sample is left without any modality.
        """
        encoded = self.encode_present(images, availability)
        batch, _, height, width = next(iter(images.values())).shape
        subset = self.subset_rows(images, availability)
        return self.decode(self.fuse_present(encoded, batch), (height, width), subset)

    def encode_present(
        self, images: Mapping[str, Tensor], availability: Tensor | None = None
    ) -> dict[str, Encoded]:
        """Encode each modality; the arguments and errors are those of ``forward``.

        A missing modality is not computed or, where ``config.missing`` is ``zero``, encoded from
        a black image. In training all modalities pass the encoder as one batch.
        """
        names = self.config.modalities.ordered(images)
        _check_images({name: images[name] for name in names})
        if availability is not None:
            availability = availability.to(images[names[0]].device)
            _check_availability(availability, self.config.modalities.names, images)
        if self.config.missing == 'zero':
            chosen = self._blackened(images, availability)
        elif availability is None:
            chosen = {name: (images[name], None) for name in names}
        else:
            chosen = self._gathered(images, availability)
        inputs = [image for image, _ in chosen.values()]
        if self.training:
            counts = [image.shape[0] for image in inputs]
            split = [torch.split(maps, counts) for maps in self.encode(torch.cat(inputs))]
            features = [list(maps) for maps in zip(*split, strict=True)]
        else:
            features = [self.encode(image) for image in inputs]
        return {
            name: Encoded(maps, rows)
            for (name, (_, rows)), maps in zip(chosen.items(), features, strict=True)
        }

    def encode(self, image: Tensor) -> list[Tensor]:
        """Return the four maps, at strides 4 to 32, of images (B, 3, H, W) of one modality."""
        maps: list[Tensor] = self.encoder(image)
        return maps

    def fuse(self, features: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Return the mean of each map over the modalities.

        Raises:
            DataError: ``features`` is empty.
        """
        if not features:
            msg = 'Nothing to fuse: features of at least one modality are needed, got none.'
            raise DataError(msg)
        return mean_of(features)

    def fuse_present(self, encoded: Mapping[str, Encoded], batch: int) -> list[Tensor]:
        """Return the mean of each map over the modalities that each of ``batch`` samples has."""
        maps = [each.maps for each in encoded.values()]
        rows = [each.rows for each in encoded.values() if each.rows is not None]
        return _mean_of_rows(maps, rows, batch) if rows else self.fuse(maps)

    def decode(
        self, features: Sequence[Tensor], size: tuple[int, int], subset: Tensor | None = None
    ) -> Tensor:
        """Return logits (B, K, H, W) of four fused maps, for ``size`` = (H, W).

        Args:
            features: Of ``fuse`` or ``fuse_present``.
            size: (H, W) wanted.
            subset: Of ``subset_rows``; None = all modalities.
        """
        return resize(self.head(features, subset), size)

    def subset_rows(
        self, names: Iterable[str], availability: Tensor | None = None
    ) -> Tensor | None:
        """Return the numbers of the subsets that are present: (B,), or (1,) for all samples.

        Args:
            names: The modalities of which there are images.
            availability: (B, M) bool, where samples differ.

        Returns:
            On the network's device; None where all subsets are evaluated alike.
        """
        if self.config.norm_statistics == 'shared':
            return None
        device = next(self.parameters()).device
        known = self.config.modalities
        if availability is None:
            return torch.tensor([known.subset_index(names)], device=device)
        rows = [known.subset_index(compress(known.names, row)) for row in availability.tolist()]
        return torch.tensor(rows, device=device)

    def fold(self) -> MultimodalSegmenter:
        """Return a copy for inference with the head's linear maps and batch norm merged.

        Same function in evaluation, to rounding; it can be neither trained nor saved.
        """
        folded = deepcopy(self).eval()
        if isinstance(self.head, AllMlpHead):
            folded.head = self.head.fold()
        return folded

    def _gathered(
        self, images: Mapping[str, Tensor], availability: Tensor
    ) -> dict[str, tuple[Tensor, Tensor | None]]:
        """Return the available rows of each modality that has any, and their indices."""
        chosen: dict[str, tuple[Tensor, Tensor | None]] = {}
        for index, name in enumerate(self.config.modalities.names):
            if name in images and len(rows := availability[:, index].nonzero()[:, 0]) > 0:
                chosen[name] = (images[name][rows], rows)
        return chosen

    def _blackened(
        self, images: Mapping[str, Tensor], availability: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor | None]]:
        """Return every configured modality, zero where it is missing."""
        blank = torch.zeros_like(next(iter(images.values())))
        chosen: dict[str, tuple[Tensor, Tensor | None]] = {}
        for index, name in enumerate(self.config.modalities.names):
            image = images.get(name, blank)
            if availability is not None:
                # A product would keep NaN: 0 * NaN is NaN.
                image = torch.where(availability[:, index, None, None, None], image, blank)
            chosen[name] = (image, None)
        return chosen


def mean_of(features: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Return the mean of each map over one or more modalities."""
    return [sum(maps[1:], maps[0]) / len(maps) for maps in zip(*features, strict=True)]


def _mean_of_rows(
    features: Sequence[Sequence[Tensor]], rows: Sequence[Tensor], batch: int
) -> list[Tensor]:
    """Return the mean of each map over the modalities that each of ``batch`` samples has."""
    counts = torch.bincount(torch.cat(list(rows)), minlength=batch)[:, None, None, None]
    fused = []
    for maps in zip(*features, strict=True):
        total = maps[0].new_zeros(batch, *maps[0].shape[1:])
        for index, part in zip(rows, maps, strict=True):
            total = total.index_add(0, index, part)
        fused.append(total / counts)
    return fused


def _check_images(images: Mapping[str, Tensor]) -> None:
    if not images:
        msg = 'No image: at least one modality is needed, got none.'
        raise DataError(msg)
    first = next(iter(images))
    for name, image in images.items():
        if image.ndim != 4 or image.shape[1] != 3 or min(image.shape[2:]) < SMALLEST_SIDE:
            msg = (
                f'Image {name!r} has shape {tuple(image.shape)}; '
                f'expected (B, 3, H, W) with H and W at least {SMALLEST_SIDE}.'
            )
            raise DataError(msg)
        if image.shape != images[first].shape:
            msg = (
                f'Image {name!r} has shape {tuple(image.shape)}, '
                f'but {first!r} has {tuple(images[first].shape)}; all must be alike.'
            )
            raise DataError(msg)


def _check_availability(
    availability: Tensor, names: Sequence[str], images: Mapping[str, Tensor]
) -> None:
    batch = next(iter(images.values())).shape[0]
    if availability.shape != (batch, len(names)) or availability.dtype != torch.bool:
        msg = (
            f'availability is {availability.dtype} of shape {tuple(availability.shape)}; '
            f'expected torch.bool of shape ({batch}, {len(names)}) for {list(names)}.'
        )
        raise DataError(msg)
    claimed = availability.any(dim=0).tolist()
    absent = [n for n, used in zip(names, claimed, strict=True) if used and n not in images]
    if absent:
        msg = f'availability claims {absent}, but images are only of {sorted(images)}.'
        raise DataError(msg)
    if blind := (~availability.any(dim=1)).nonzero()[:, 0].tolist():
        msg = f'Samples {blind} of the batch have no available modality; each needs one.'
        raise DataError(msg)
