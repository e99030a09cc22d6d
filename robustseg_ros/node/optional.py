"""The packages that the node uses where they are installed; the one place that imports them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple


class OptionalPackage(NamedTuple):
    """A package the node can do without.

    Attributes:
        module: What is imported.
        loss: What does not work without it, in words.
    """

    module: str
    loss: str


TF2 = OptionalPackage(
    'tf2_ros', 'extrinsics come from <name>.camera_from_sensor only, not from /tf'
)
VISION = OptionalPackage('vision_msgs.msg', '~/label_info is not published (~/palette is)')
EVENTS = OptionalPackage(
    'event_camera_msgs.msg', 'inputs of type events are refused (rendered event images are not)'
)


def load(package: OptionalPackage) -> Any | None:
    """Return the module of ``package``, or None where it is not installed."""
    try:
        return import_module(package.module)
    except ImportError:
        return None


def missing(packages: Iterable[OptionalPackage]) -> dict[str, str]:
    """Return which of ``packages`` are not installed: name -> what that costs."""
    return {
        package.module.partition('.')[0]: package.loss
        for package in packages
        if load(package) is None
    }
