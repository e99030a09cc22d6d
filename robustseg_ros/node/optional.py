"""The packages that the node uses where they are installed; the one place that imports them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

from robustseg_core.packages import NOT_INSTALLED, load_problem


class OptionalPackage(NamedTuple):
    """A package the node can do without.

    Attributes:
        module: What is imported.
        loss: What does not work without it, in words.
    """

    module: str
    loss: str

    @property
    def name(self) -> str:
        """Return the name of the package that has to be installed."""
        return self.module.partition('.')[0]


class Missing(NamedTuple):
    """An optional package that there is not.

    Attributes:
        name: Of the package.
        why: ``is not installed``, or ``is installed but does not load: ...``.
        loss: What that costs.
        broken: It is installed, which somebody did in order to use it.
    """

    name: str
    why: str
    loss: str
    broken: bool


TF2 = OptionalPackage(
    'tf2_ros', 'extrinsics come from <name>.camera_from_sensor only, not from /tf'
)
VISION = OptionalPackage('vision_msgs.msg', '~/label_info is not published (~/palette is)')
EVENTS = OptionalPackage(
    'event_camera_msgs.msg', 'inputs of type events are refused (rendered event images are not)'
)
FILTERS = OptionalPackage(
    'message_filters', 'inputs subscribe through rclpy alone, which costs nothing'
)
BOND = OptionalPackage(
    'bondpy.bondpy', 'a lifecycle manager of nav2 must not expect a bond (bond_timeout: 0.0)'
)


class _Import(NamedTuple):
    module: Any | None
    why: str


def load(package: OptionalPackage) -> Any | None:
    """Return the module of ``package``, or None where it is not installed or does not load."""
    return _import(package.module).module


def why_missing(package: OptionalPackage) -> str:
    """Return why ``package`` is not there, as the end of a sentence; empty if it is."""
    return _import(package.module).why


def missing(packages: Iterable[OptionalPackage]) -> list[Missing]:
    """Return which of ``packages`` are not there."""
    return [
        Missing(package.name, why, package.loss, broken=why != NOT_INSTALLED)
        for package in packages
        if (why := why_missing(package))
    ]


# Module -> why it does not load. Tried once: the graph asks twice a second, and what breaks while
# it loads would do so anew.
_broken: dict[str, str] = {}


def _import(module: str) -> _Import:
    if module in _broken:
        return _Import(None, _broken[module])
    why = load_problem(module)
    if not why:
        return _Import(import_module(module), '')
    if why != NOT_INSTALLED:
        _broken[module] = why
    return _Import(None, why)
