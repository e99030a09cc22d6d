"""The last step before the network: resizing and normalisation."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import torch

from robustseg_core.errors import SensorError
from robustseg_core.modalities import Modality
from robustseg_core.sensors.encodings import encoding_of

# OpenCV counts pixels in 16 bits and as many of fractions, in an int with a sign: beyond, it reads
# what is not the image's.
_MOST_EXACT = (1 << 15) - 1


def network_tensor(
    image: NDArray[Any],
    modality: Modality,
    size: tuple[int, int],
    device: torch.device | str = 'cpu',
) -> torch.Tensor:
    """Resize (see ``resized``) and normalise a modality's image.

    Args:
        image: (H, W, 3) in the units of the modality's encoding.
        modality: Names the encoding and carries the normalisation.
        size: (height, width) wanted.
        device: Where it is normalised; what goes there is as small as the resized image.

    Returns:
        (3, height, width) float32 on ``device``.

    Raises:
        SensorError: ``image`` is not (H, W, 3) or empty.
    """
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        msg = f'Image of {modality.name!r} has shape {image.shape}; wanted (height, width, 3).'
        raise SensorError(msg)
    pixels = torch.from_numpy(np.ascontiguousarray(resized(image, modality, size))).to(device)
    tensor = torch.empty(3, *size, device=device)
    tensor.copy_(pixels.permute(2, 0, 1))
    mean, std = modality.normalisation.mean, modality.normalisation.std
    for plane, offset, scale in zip(tensor, mean, std, strict=True):
        plane.sub_(offset).mul_(1 / scale)
    return tensor


def resized(image: NDArray[Any], modality: Modality, size: tuple[int, int]) -> NDArray[Any]:
    """Resize an image (H, W, C) of ``modality`` to ``size`` (height, width).

    Sparse encodings by nearest neighbour; dense ones by the area mean where they shrink,
    bilinearly where they grow.
    """
    height, width = size
    sparse = encoding_of(modality.encoding).sparse
    if image.shape[:2] == size:
        return image
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        image = image.astype(np.float32)  # the others OpenCV cannot resize in every mode
    if sparse and max(image.shape[:2]) > _MOST_EXACT:
        rows, columns = _nearest(image.shape[0], height), _nearest(image.shape[1], width)
        sampled: NDArray[Any] = image[rows[:, None], columns]
        return sampled
    if sparse:
        # EXACT samples at pixel centres, as CameraModel.resized does; plain NEAREST is shifted.
        mode = cv2.INTER_NEAREST_EXACT
    elif height <= image.shape[0] and width <= image.shape[1]:
        mode = cv2.INTER_AREA
    else:
        mode = cv2.INTER_LINEAR
    result: NDArray[Any] = cv2.resize(image, (width, height), interpolation=mode)
    return result


def _nearest(length: int, wanted: int) -> NDArray[np.int64]:
    """Return, of ``length`` pixels, those nearest to the centres of ``wanted``."""
    return (2 * np.arange(wanted, dtype=np.int64) + 1) * length // (2 * wanted)
