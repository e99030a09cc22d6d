"""What a value is that came from outside: JSON has numbers for truths, and no end of them."""

from __future__ import annotations

from typing import Any

LARGEST = 3e38  # of float32
MOST_CHARACTERS = 200  # of a name


def is_whole(value: Any, least: int, most: int) -> bool:
    """Tell whether ``value`` is a whole number (no truth value) within both bounds."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: Any, least: float = -LARGEST, most: float = LARGEST) -> bool:
    """Tell whether ``value`` is a finite number (no truth value) within both bounds."""
    # Comparisons, since a whole number may be too large for a float; NaN compares false.
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and least <= value <= most


def is_name(value: Any) -> bool:
    """Tell whether ``value`` is a text of 1 to ``MOST_CHARACTERS`` characters."""
    return isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS
