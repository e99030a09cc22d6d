"""The network at work: images in as they come, a mask out for whichever of them are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from robustseg_core.errors import ConfigError, RobustSegError, SensorError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.sensors.network_input import network_size, network_tensor

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Segmentation:
    """One frame's result.

    Attributes:
        class_ids: (H, W) uint8, positions in the label set.
        confidence: (H, W) float32 in (0, 1], the softmax probability of the class; or None.
        present: The modalities it rests on, in the model's order.
        timings_ms: ``encode`` (0 where all features were held), ``decode`` and ``total``.
    """

    class_ids: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None
    present: tuple[str, ...]
    timings_ms: Mapping[str, float]


@dataclass
class _Held:
    """The newest image of a modality, and its features at the size last asked for."""

    image: NDArray[Any]
    stamp_ns: int
    size: Size | None = None
    features: list[Tensor] | None = None


class Engine:
    """A folded network on a device, and the newest image of each modality.

    Each image passes the encoder once, when it is first needed; its features are kept until
    another image comes or another size is asked for. Not safe to share between threads.

    Args:
        model: Copied; the original may go on being trained.
        device: A torch device, e.g. ``cpu`` or ``cuda:0``; ``auto`` is CUDA where there is any.
        timer: A monotonic time in seconds, for ``timings_ms`` only.

    Raises:
        ConfigError: There is no such device.
    """

    def __init__(
        self,
        model: MultimodalSegmenter,
        device: str = 'cpu',
        timer: Callable[[], float] = perf_counter,
    ) -> None:
        self.device = _device(device)
        self._timer = timer
        try:
            self._model = model.fold().to(self.device)
        except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
            msg = f'Device {device!r} cannot be used: {error}'
            raise ConfigError(msg) from error
        self._held: dict[str, _Held] = {}
        self._blank: tuple[Size, list[Tensor]] | None = None

    @classmethod
    def from_checkpoint(cls, path: str | Path, device: str = 'cpu') -> Engine:
        """Build the engine of a checkpoint.

        Raises:
            CheckpointError: ``path`` is not a checkpoint of ours.
            ConfigError: There is no such device.
        """
        return cls(load_model(path), device)

    @property
    def modalities(self) -> ModalitySet:
        return self._model.config.modalities

    @property
    def labels(self) -> LabelSet:
        return self._model.config.labels

    @property
    def resolution(self) -> Size:
        """Return the (height, width) that the network was trained for."""
        return self._model.config.resolution

    def network_size(self, height: int, width: int) -> Size:
        """Return the (height, width) at which the network sees a frame of this size."""
        return network_size(height, width, self.resolution)

    def observe(self, name: str, image: NDArray[Any], stamp_ns: int) -> None:
        """Hold ``image`` as the newest of modality ``name``.

        Args:
            name: One of ``modalities``.
            image: (H, W, 3) in the units of the modality's encoding, of any size; not copied, so
                it must not change while it is held.
            stamp_ns: Names the image in ``segment``. The same image again costs no encoding.

        Raises:
            ConfigError: The network does not know ``name``.
            SensorError: ``image`` has another shape, holds no numbers, or one that is not finite.
        """
        _check_image(image, self.modalities[name])
        held = self._held.get(name)
        is_same = (
            held is not None and held.stamp_ns == stamp_ns and np.array_equal(held.image, image)
        )
        if not is_same:
            self._held[name] = _Held(image, stamp_ns)

    @torch.inference_mode()
    def segment(
        self, present: Mapping[str, int], size: Size, *, with_confidence: bool = False
    ) -> Segmentation:
        """Segment the frame made of exactly the images named.

        Args:
            present: Modality -> the stamp of its image, which must be held.
            size: (height, width) of the mask; the network's own follows from it.
            with_confidence: Whether to work out the confidence.

        Raises:
            ConfigError: A modality is unknown.
            RobustSegError: ``present`` is empty, or an image is not held.
            SensorError: ``size`` is not positive, or an image is beyond what the network can take.
        """
        start_s = self._timer()
        names = self.modalities.ordered(present)
        if not names:
            msg = 'Nothing to segment: at least one modality must be present, got none.'
            raise RobustSegError(msg)
        inner = self.network_size(*size)
        features = [self._features(name, present[name], inner) for name in names]
        missing = len(self.modalities) - len(names)
        if missing and self._model.config.missing == 'zero':
            features += [self._blank_features(inner)] * missing
        self._synchronise()
        encoded_s = self._timer()
        logits = self._model.decode(self._model.fuse(features), size)[0]  # (K, H, W)
        best, winners = logits.max(dim=0)
        confidence = (
            (best - logits.logsumexp(dim=0)).exp().cpu().numpy() if with_confidence else None
        )
        class_ids = winners.to(torch.uint8).cpu().numpy()
        end_s = self._timer()
        timings_ms = {
            'encode': (encoded_s - start_s) * 1000,
            'decode': (end_s - encoded_s) * 1000,
            'total': (end_s - start_s) * 1000,
        }
        return Segmentation(class_ids, confidence, names, timings_ms)

    def warm_up(self, height: int, width: int) -> None:
        """Run every modality once for a frame of this size, then forget it all.

        The first run on a device is slow: memory is reserved and kernels are chosen.
        """
        self.reset()
        blank = np.zeros((*self.network_size(height, width), 3), np.uint8)
        for name in self.modalities.names:
            self.observe(name, blank, stamp_ns=0)
        self.segment(
            dict.fromkeys(self.modalities.names, 0), (height, width), with_confidence=True
        )
        self.reset()

    def reset(self) -> None:
        """Forget all images and features: time has begun again."""
        self._held.clear()

    def _features(self, name: str, stamp_ns: int, size: Size) -> list[Tensor]:
        held = self._held.get(name)
        if held is None or held.stamp_ns != stamp_ns:
            found = 'none' if held is None else f'that of {held.stamp_ns}'
            msg = f'No image of {name!r} with stamp {stamp_ns} is held; found {found}.'
            raise RobustSegError(msg)
        if held.features is None or held.size != size:
            tensor = network_tensor(held.image, self.modalities[name], size)
            features = self._model.encode(tensor[None].to(self.device))
            # Finite numbers can still overflow on the way; the coarsest map shows it cheaply.
            if not features[-1].isfinite().all():
                msg = f'Image of {name!r} has values too large for the network.'
                raise SensorError(msg)
            held.features, held.size = features, size
        return held.features

    def _blank_features(self, size: Size) -> list[Tensor]:
        """Return the features of a missing modality, for networks trained with zeroed images."""
        if self._blank is None or self._blank[0] != size:
            zeros = torch.zeros(1, 3, *size, device=self.device)
            self._blank = size, self._model.encode(zeros)
        return self._blank[1]

    def _synchronise(self) -> None:
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)  # its work is only queued


def _device(name: str) -> torch.device:
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        return torch.device(name)
    except RuntimeError as error:
        msg = f"Unknown device {name!r}; wanted 'auto', 'cpu', 'cuda', 'cuda:1', ..."
        raise ConfigError(msg) from error


def _check_image(image: NDArray[Any], modality: Modality) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        msg = f'Image of {modality.name!r} has shape {image.shape}; wanted (height, width, 3).'
        raise SensorError(msg)
    if image.dtype.kind not in 'uif':
        msg = f'Image of {modality.name!r} is of {image.dtype}; wanted integers or floats.'
        raise SensorError(msg)
    if image.dtype.kind == 'f' and not np.isfinite(image).all():
        count = int((~np.isfinite(image)).sum())
        msg = f'Image of {modality.name!r} has {count} values that are NaN or infinite; wanted 0.'
        raise SensorError(msg)
