"""Walking through frames as a robot would meet them: every subset of the sensors there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Subset as Selection

from robustseg_core.data.config import DataConfig
from robustseg_core.data.frames import Frames
from robustseg_core.data.sample import Batch
from robustseg_core.errors import ConfigError
from robustseg_core.evaluation.feeding import batches
from robustseg_core.evaluation.trials import Subset
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import mean_of
from robustseg_core.runtime.backend import Backend

Images = Mapping[str, Tensor]  # modality -> normalised image (1, 3, H, W)


def some_frames(
    network: SegmenterConfig, frames: Frames, config: DataConfig, count: int
) -> DataLoader[Batch]:
    """Return ``count`` frames, evenly spread, one at a time; all where there are fewer.

    Raises:
        ConfigError: ``count`` is not positive.
    """
    if count < 1:
        msg = f'The number of frames must be at least 1, got {count}.'
        raise ConfigError(msg)
    step = max(1.0, len(frames) / count)
    chosen = [int(index * step) for index in range(min(count, len(frames)))]
    selected = cast('Frames', Selection(cast('torch.utils.data.Dataset[object]', frames), chosen))
    return batches(network, selected, config, batch_size=1, workers=0)


@torch.inference_mode()
def fusions(backend: Backend, images: Images) -> Iterator[tuple[Subset, int, list[Tensor]]]:
    """Encode the images and yield every subset of them, its number, and its fused maps.

    Missing modalities are left out, or black images, as the network was trained.
    """
    modalities = backend.config.modalities
    features = {name: backend.encode(image) for name, image in images.items()}
    blank: list[list[Tensor]] = []
    if backend.config.missing == 'zero':
        blank = [backend.encode(torch.zeros_like(next(iter(images.values()))))]
    for index, subset in enumerate(modalities.subsets()):
        if features.keys() >= set(subset):
            missing = len(modalities) - len(subset)
            yield subset, index, mean_of([features[name] for name in subset] + blank * missing)
