"""Whether an exported network still computes what the checkpoint computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
import math
from typing import Any

import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError
from robustseg_core.exporting.walking import Images, fusions
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.graph_description import Size

OTHER_SIZE = (96, 160)  # that a graph for any size is also tried at


@dataclass(frozen=True)
class Bound:
    """How far an export may be from the checkpoint.

    Attributes:
        logits: Largest difference of logits, by the largest logit.
        labels: Smallest share of pixels of the same class, at stride 4.
    """

    logits: float
    labels: float


# In fp32 labels may only differ where two classes are that close; see ``Agreement.clear_flips``.
# What int8 costs is measured as mIoU; its bound is there to find what is broken.
BOUNDS = {
    'fp32': Bound(1e-3, 0.999),
    'fp16': Bound(0.05, 0.99),
    'int8': Bound(math.inf, 0.9),
}


@dataclass(frozen=True)
class Agreement:
    """How near an export is to the checkpoint, over all subsets of the modalities.

    Attributes:
        logits: Largest difference of logits, by the largest logit.
        labels: Share of pixels of the same class, at stride 4.
        clear_flips: Pixels whose class differs though the best two logits are further apart than
            the bound of fp32.
        comparisons: Number of frames times subsets.
    """

    logits: float
    labels: float
    clear_flips: int
    comparisons: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(reference: Backend, candidate: Backend, frames: Iterable[Images]) -> Agreement:
    """Compare two backends from images to logits, for every subset of each frame."""
    difference, same, pixels, flips, comparisons = 0.0, 0, 0, 0, 0
    for images in frames:
        pairs = zip(fusions(reference, images), fusions(candidate, images), strict=True)
        for (_, index, expected_maps), (_, _, maps) in pairs:
            expected = reference.head(expected_maps, index)
            ours = candidate.head(maps, index).to(expected.device)
            scale = float(expected.abs().max())
            worst = float((ours - expected).abs().max()) / scale
            # NaN is no agreement, and larger than everything.
            difference = max(difference, math.inf if math.isnan(worst) else worst)
            differs = ours.argmax(dim=1) != expected.argmax(dim=1)
            same += int((~differs).sum())
            pixels += differs.numel()
            flips += int((differs & (_margin(expected) > BOUNDS['fp32'].logits * scale)).sum())
            comparisons += 1
    return Agreement(difference, same / max(pixels, 1), flips, comparisons)


def check(found: Agreement, precision: str, inputs: str) -> None:
    """Refuse what is further from the checkpoint than the precision explains.

    Raises:
        CheckpointError: It is.
    """
    bound = BOUNDS[precision]
    is_exact = precision != 'fp32' or found.clear_flips == 0
    if not (found.logits <= bound.logits and found.labels >= bound.labels and is_exact):
        msg = (
            f'The exported network does not agree with the checkpoint on {inputs}: logits differ '
            f'by {found.logits:.2g} of their scale, {found.labels:.2%} of the labels are the '
            f'same, {found.clear_flips} of those that differ were clear; wanted for {precision}: '
            f'at most {bound.logits:g}, at least {bound.labels:.1%}'
            f'{", none" if precision == "fp32" else ""}. Nothing was written.'
        )
        raise CheckpointError(msg)


def random_frames(config: SegmenterConfig, size: Size | None, seed: int = 0) -> Iterator[Images]:
    """Yield noise in all modalities at ``size``; None = at two sizes, for what takes any."""
    generator = torch.Generator().manual_seed(seed)
    for height, width in [config.resolution, OTHER_SIZE] if size is None else [size]:
        # The graphs are for multiples of 32, which the resolution need not be.
        sides = [max(32, side // 32 * 32) for side in (height, width)]
        yield {
            name: torch.randn(1, 3, *sides, generator=generator)
            for name in config.modalities.names
        }


def _margin(logits: Tensor) -> Tensor:
    """Return how far the best logit is above the second, (B, h, w)."""
    best = logits.topk(min(2, logits.shape[1]), dim=1).values
    return best[:, 0] - best[:, -1]
