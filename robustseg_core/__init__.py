"""Segmentation from whatever sensors are alive: sensors, models, learning; no ROS in here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robustseg_core.models.checkpoint import load_model, save_model

__all__ = ['load_model', 'save_model']


def __getattr__(name: str) -> Any:
    """Import the two functions when they are first used: the vocabulary needs no torch."""
    if name not in __all__:
        msg = f'module {__name__!r} has no attribute {name!r}'
        raise AttributeError(msg)
    from robustseg_core.models import checkpoint

    return getattr(checkpoint, name)
