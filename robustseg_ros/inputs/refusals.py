"""Why a measurement is of no use, whatever was raised on the way."""

from __future__ import annotations

from robustseg_core.errors import RobustSegError, SensorError
from robustseg_core.quoting import quoted


class InDoubtError(SensorError):
    """An input is in doubt; its text is the whole reason."""


def refusal(error: Exception) -> str:
    """Return the reason in words; what is not ours is named by its type, and cut."""
    if isinstance(error, InDoubtError):
        return str(error)
    if isinstance(error, RobustSegError):
        return f'cannot decode: {error}'
    return f'cannot use: {type(error).__name__}: {quoted(error)}'
