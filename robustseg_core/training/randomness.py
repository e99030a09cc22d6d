"""Every random number of a run, as a function of the seed and of where it is needed.

Nothing random has then to be saved: a run that goes on after an interruption draws what it would
have drawn, and so does each of several processes.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a random number is for; each purpose has a stream of its own."""

    ORDER = 0
    AUGMENTATION = 1
    MODALITIES = 2
    NETWORK = 3


def derived_seed(seed: int, purpose: Purpose, *where: int) -> int:
    """Return a seed for ``purpose`` at ``where`` (epoch, step, index, ...), in 0..2**63 - 1."""
    words = np.random.SeedSequence((seed, purpose, *where)).generate_state(2, np.uint32)
    return int(words[0]) << 31 | int(words[1]) >> 1
