"""The evaluation protocols of the papers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from robustseg_core.data.sample import Batch
from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.report import AnyModalScores
from robustseg_core.models.segmenter import MultimodalSegmenter


@torch.inference_mode()
def any_modal(
    model: MultimodalSegmenter, batches: Iterable[Batch], device: str = 'cpu'
) -> AnyModalScores:
    """Score every non-empty subset of the modalities (RobustSeg, Table 1).

    A subset is realised by leaving the other modalities out. Each modality is encoded once per
    batch and its features serve every subset that holds it.

    Args:
        model: The network; it is put in eval mode.
        batches: Frames that have all the model's modalities.
        device: Where to compute.
    """
    model = model.to(device).eval().fold()
    subsets = model.config.modalities.subsets()
    counts = {subset: Confusion(len(model.config.labels)) for subset in subsets}
    frames = 0
    for batch in batches:
        truth = batch['labels'].numpy().astype(np.uint8)
        frames += len(truth)
        features = {
            name: model.encode(image.to(device)) for name, image in batch['images'].items()
        }
        for subset, confusion in counts.items():
            fused = model.fuse([features[name] for name in subset])
            logits = model.decode(fused, truth.shape[-2:])
            confusion.update(logits.argmax(dim=1).to(torch.uint8).cpu().numpy(), truth)
    return AnyModalScores(model.config.modalities, counts, frames)
