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

from robustseg_core.errors import RobustSegError, SensorError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, mean_of
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.coarse import coarse_probabilities, total_variation
from robustseg_core.runtime.opening import open_backend
from robustseg_core.runtime.torch_backend import TorchBackend
from robustseg_core.runtime.winners import winners, winners_and_confidence
from robustseg_core.sensors.network_input import network_tensor, resized
from robustseg_core.sensors.sizes import check_aspect, network_size

Size = tuple[int, int]  # height, width

HELD = 4  # images per modality


@dataclass(frozen=True)
class Segmentation:
    """One frame's result.

    Attributes:
        class_ids: (H, W) uint8, positions in the label set.
        confidence: (H, W) float32 in (0, 1], the softmax probability of the class; or None.
        mean_confidence: Mean softmax probability of the best class, in (0, 1], over a coarse grid.
        present: The modalities it rests on, in the model's order.
        timings_ms: ``prepare`` (resize and normalise), ``encode``, ``head``, ``classes`` (upsample
            and choose) and ``total``; the first two are next to nothing where features were held.
    """

    class_ids: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None
    mean_confidence: float
    present: tuple[str, ...]
    timings_ms: Mapping[str, float]


@dataclass
class _Held:
    """An image of a modality, and its features at the size last asked for."""

    image: NDArray[Any]
    size: Size | None = None
    features: list[Tensor] | None = None


@dataclass(frozen=True)
class _Last:
    """The frame that was segmented last: stamps, the network's size, class probabilities."""

    present: Mapping[str, int]
    size: Size
    probabilities: NDArray[np.float32]


class Engine:
    """The network at work: images held, their features kept, masks on demand.

    Each image passes the encoder once, as soon as ``encode_ahead`` or at the latest as ``segment``
    asks for it; its features are kept until a newer image of that modality was in a frame, or
    another size is asked for. A frame then costs the images that are not encoded yet and one
    head. Not safe to share between threads.

    Args:
        network: What computes; a model is computed by torch, on the CPU.
        batched: Encode the images of a frame as one batch. That pays on a GPU; on a CPU one after
            the other is faster. None = as the device is.
        timer: A monotonic time in seconds, for ``timings_ms`` only.
    """

    def __init__(
        self,
        network: Backend | MultimodalSegmenter,
        *,
        batched: bool | None = None,
        timer: Callable[[], float] = perf_counter,
    ) -> None:
        if isinstance(network, MultimodalSegmenter):
            network = TorchBackend(network)
        self.backend = network
        self._is_batched = self.backend.device.type != 'cpu' if batched is None else batched
        self._timer = timer
        self._held: dict[str, dict[int, _Held]] = {}
        self._blank: tuple[Size, list[Tensor]] | None = None
        self._last: _Last | None = None

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        device: str = 'auto',
        backend: str = 'auto',
        precision: str = 'fp32',
    ) -> Engine:
        """Build the engine of a checkpoint, or of a folder that was exported from one.

        Raises:
            CheckpointError: ``path`` is neither.
            ConfigError: There is no such device, backend or precision here.
        """
        return cls(open_backend(Path(path), device, backend, precision))

    @property
    def modalities(self) -> ModalitySet:
        return self.backend.config.modalities

    @property
    def labels(self) -> LabelSet:
        return self.backend.config.labels

    @property
    def resolution(self) -> Size:
        """Return the (height, width) that the network was trained for."""
        return self.backend.config.resolution

    def network_size(self, height: int, width: int) -> Size:
        """Return the (height, width) at which the network sees a frame of this size.

        Raises:
            SensorError: No sensor has such a size.
        """
        if self.backend.size is not None:
            check_aspect(height, width)
            return self.backend.size
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
        modality = self.modalities[name]
        images = self._held.setdefault(name, {})
        held = images.pop(stamp_ns, None)
        if held is None or held.image is not image:
            _check_image(image, modality)
            if held is None or not np.array_equal(held.image, image):
                held = _Held(image)
        images[stamp_ns] = held  # the last of a dict is the newest
        while len(images) > HELD:
            del images[next(iter(images))]

    def fitted(self, name: str, image: NDArray[Any], size: Size) -> NDArray[Any]:
        """Return ``image`` checked and resized to ``size`` (height, width), the network's.

        As ``segment`` would have it: observed so, it costs no resizing there. Touches nothing of
        the engine, so that any thread may call it.

        Raises:
            ConfigError: The network does not know ``name``.
            SensorError: As ``observe`` does.
        """
        modality = self.modalities[name]
        _check_image(image, modality)
        return resized(image, modality, size)

    @torch.inference_mode()
    def prepare(self, size: Size) -> None:
        """Compute a blank image of the network's ``size``, so that others of it take no longer.

        Where the backend can be prepared ``BESIDE`` its work, another thread may call it.
        """
        blank = torch.zeros(1, 3, *size, device=self.backend.device)
        self.backend.head(self.backend.encode(blank), 0)
        self._synchronise()

    @torch.inference_mode()
    def encode_ahead(
        self, name: str, stamp_ns: int, size: Size, inner: Size | None = None
    ) -> Mapping[str, float]:
        """Encode a held image now, for frames whose mask has ``size`` (height, width).

        Args:
            name: The modality.
            stamp_ns: Of its image, which must be held.
            size: (height, width) of the mask.
            inner: The size at which the network sees it; None = as ``network_size`` says.

        Returns:
            ``prepare`` and ``encode`` of ``Segmentation.timings_ms``.

        Raises:
            RobustSegError: The image is not held.
            SensorError: ``size`` is not positive, or the image is too much for the network.
        """
        start_s = self._timer()
        held = {name: self._holder(name, stamp_ns)}
        _, prepared_s = self._encode(held, inner or self.network_size(*size))
        return _encoding_ms(start_s, prepared_s, self._timer())

    @torch.inference_mode()
    def segment(
        self,
        present: Mapping[str, int],
        size: Size,
        *,
        with_confidence: bool = False,
        inner: Size | None = None,
    ) -> Segmentation:
        """Segment the frame made of exactly the images named.

        Args:
            present: Modality -> the stamp of its image, which must be held.
            size: (height, width) of the mask.
            with_confidence: Whether to work out the confidence.
            inner: The size at which the network sees it; None = as ``network_size`` says.

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
        inner = inner or self.network_size(*size)
        held = {name: self._holder(name, present[name]) for name in names}
        self._forget_features_before(present)
        features, prepared_s = self._encode(held, inner)
        encoded_s = self._timer()
        logits = self._logits(names, features, inner)
        self._synchronise()
        decoded_s = self._timer()
        probabilities = coarse_probabilities(logits)
        self._last = _Last(dict(present), inner, probabilities)
        mean_confidence = float(probabilities.max(axis=0).mean())
        if with_confidence:
            ids, probability = winners_and_confidence(logits, size)
            class_ids, confidence = ids.cpu().numpy(), probability.cpu().numpy()
        else:
            class_ids, confidence = winners(logits, size).cpu().numpy(), None
        end_s = self._timer()
        timings_ms = {
            **_encoding_ms(start_s, prepared_s, encoded_s),
            'head': (decoded_s - encoded_s) * 1000,
            'classes': (end_s - decoded_s) * 1000,
            'total': (end_s - start_s) * 1000,
        }
        return Segmentation(class_ids, confidence, mean_confidence, names, timings_ms)

    @torch.inference_mode()
    def change_without(self, name: str) -> float:
        """Return how much the last frame's class probabilities change without ``name``.

        That costs one head: features are held. It is the mean over the picture (on a coarse grid)
        of the total variation distance between the probabilities with all inputs of the frame and
        with all but this one, in [0, 1]; see ``trust.shares``. Of a frame's only input it is 1.

        Raises:
            RobustSegError: The last frame, if any, was not made of ``name``.
        """
        last = self._last
        if last is None or name not in last.present:
            msg = f'The last frame has no {name!r}; found {[] if last is None else last.present}.'
            raise RobustSegError(msg)
        names = tuple(each for each in self.modalities.ordered(last.present) if each != name)
        if not names:
            return 1.0
        held = {each: self._holder(each, last.present[each]) for each in names}
        features, _ = self._encode(held, last.size)
        without = coarse_probabilities(self._logits(names, features, last.size))
        return total_variation(last.probabilities, without)

    def warm_up(self, height: int, width: int) -> None:
        """Run every modality once for a frame of this size, then forget it all.

        The first run on a device is slow: memory is reserved and kernels are chosen, for each
        number of images that may be encoded at once.
        """
        blank = np.zeros((*self.network_size(height, width), 3), np.uint8)
        names = self.modalities.names
        for count in range(1 if self._is_batched else len(names), len(names) + 1):
            self.reset()
            for name in names[:count]:
                self.observe(name, blank, stamp_ns=0)
            present = dict.fromkeys(names[:count], 0)
            for with_confidence in (False, True):
                self.segment(present, (height, width), with_confidence=with_confidence)
        self.reset()

    def reset(self) -> None:
        """Forget all images and features: time has begun again."""
        self._held.clear()
        self._last = None

    def _holder(self, name: str, stamp_ns: int) -> _Held:
        images = self._held.get(self.modalities[name].name, {})
        if stamp_ns not in images:
            msg = f'No image of {name!r} with stamp {stamp_ns} is held; found {list(images)}.'
            raise RobustSegError(msg)
        return images[stamp_ns]

    def _forget_features_before(self, present: Mapping[str, int]) -> None:
        """Drop the features of images older than these: frames go forward in time."""
        for name, stamp_ns in present.items():
            for held_ns, held in self._held[name].items():
                if held_ns == stamp_ns:
                    break
                held.features = None

    def _encode(self, wanted: Mapping[str, _Held], size: Size) -> tuple[list[list[Tensor]], float]:
        """Return the features of images at ``size``, and when what was missing was prepared."""
        missing = {
            name: held
            for name, held in wanted.items()
            if held.features is None or held.size != size
        }
        device = self.backend.device
        tensors = {
            name: network_tensor(held.image, self.modalities[name], size, device)
            for name, held in missing.items()
        }
        self._synchronise()
        prepared_s = self._timer()
        groups = [list(missing)] if self._is_batched and missing else [[name] for name in missing]
        for group in groups:
            batch = self.backend.encode(torch.stack([tensors[name] for name in group]))
            # Finite numbers can still overflow on the way; the coarsest map shows it cheaply.
            finite = batch[-1].isfinite().flatten(1).all(dim=1).tolist()
            if strange := [n for n, good in zip(group, finite, strict=True) if not good]:
                msg = f'Image of {strange[0]!r} has values too large for the network.'
                raise SensorError(msg)
            for row, name in enumerate(group):
                missing[name].features = [maps[row : row + 1] for maps in batch]
                missing[name].size = size
        self._synchronise()
        return [held.features for held in wanted.values() if held.features is not None], prepared_s

    def _logits(self, names: tuple[str, ...], features: list[list[Tensor]], size: Size) -> Tensor:
        """Return the logits (K, h, w) of the modalities ``names`` with these features."""
        missing = len(self.modalities) - len(names)
        if missing and self.backend.config.missing == 'zero':
            features = [*features, *[self._blank_features(size)] * missing]
        subset = self.modalities.subset_index(names)
        return self.backend.head(mean_of(features), subset)[0]

    def _blank_features(self, size: Size) -> list[Tensor]:
        """Return the features of a missing modality, for networks trained with zeroed images."""
        if self._blank is None or self._blank[0] != size:
            zeros = torch.zeros(1, 3, *size, device=self.backend.device)
            self._blank = size, self.backend.encode(zeros)
        return self._blank[1]

    def _synchronise(self) -> None:
        if self.backend.device.type == 'cuda':
            torch.cuda.synchronize(self.backend.device)  # its work is only queued


def _encoding_ms(start_s: float, prepared_s: float, end_s: float) -> dict[str, float]:
    return {'prepare': (prepared_s - start_s) * 1000, 'encode': (end_s - prepared_s) * 1000}


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
