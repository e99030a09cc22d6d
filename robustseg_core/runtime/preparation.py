"""What the first image of a new size asks of whatever computes the network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

Key = TypeVar('Key')
Made = TypeVar('Made')

# A backend that is prepared for each size stays so for this many; the one used longest ago goes.
SIZES_KEPT = 4


class Preparation(Enum):
    """When a backend can be made ready for another size of the network's input."""

    NEVER = 'never'  # there is nothing to do: it computes any size at once
    # It takes seconds to minutes, in which another thread may do it by computing an image of that
    # size, while this one goes on computing at sizes that are ready.
    BESIDE = 'beside'
    # It takes as long, and nothing else can be computed meanwhile: only before the work begins.
    BEFORE = 'before'


class UsedLast(OrderedDict[Key, Made]):
    """What took long to make, by what it was made for; what was used longest ago is let go.

    Two threads may use it: each step is one that Python does not interrupt, so that one of them
    is not held up while the other makes something else.

    Args:
        most: So many are kept.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def find(self, key: Key, make: Callable[[], Made]) -> Made:
        """Return what was made for ``key``, or make it now."""
        found = self.pop(key, None)
        made = make() if found is None else found
        self[key] = made  # the last is the newest
        while len(self) > self._most:
            self.popitem(last=False)
        return made
