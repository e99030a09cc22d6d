"""What the published networks were fed: modalities and normalisation, per data set.

Sources: the published loaders of RobustSeg and AnySeg. The values are in the units of 8-bit images
(0..255) except MCubeS' polarisation and near infrared, which are in units of their own.
"""

from __future__ import annotations

from robustseg_core.errors import ConfigError
from robustseg_core.modalities import BYTE, IMAGENET, UNIT, Modality, ModalitySet

PROTOCOLS = {
    'deliver': ModalitySet(
        (
            Modality('rgb', 'R', 'rgb', IMAGENET),
            Modality('depth', 'D', 'image', BYTE),  # an HHA image
            Modality('event', 'E', 'image', BYTE),
            Modality('lidar', 'L', 'image', BYTE),
        )
    ),
    # Plain 0..255, not even the frame is normalised.
    'muses': ModalitySet(
        (
            Modality('rgb', 'F', 'rgb', UNIT),
            Modality('event', 'E', 'image', UNIT),
            Modality('lidar', 'L', 'image', UNIT),
        )
    ),
    'mcubes': ModalitySet(
        (
            Modality('rgb', 'I', 'rgb', IMAGENET),
            Modality('aolp', 'A', 'image', UNIT),
            Modality('dolp', 'D', 'image', UNIT),
            Modality('nir', 'N', 'image', UNIT),
        )
    ),
}


def published_modalities(data_set: str, letters: str | None = None) -> ModalitySet:
    """Return the modalities of ``data_set`` called ``letters``; all of them for None.

    Raises:
        ConfigError: No such protocol, or it has no such letter.
    """
    if data_set not in PROTOCOLS:
        msg = f'No published inputs for {data_set!r}; known are {sorted(PROTOCOLS)}.'
        raise ConfigError(msg)
    known = PROTOCOLS[data_set]
    if letters is None:
        return known
    return ModalitySet(tuple(known[name] for name in known.from_letters(letters)))
