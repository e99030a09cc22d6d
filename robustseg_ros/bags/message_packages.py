"""The message types that are installed: nothing else is ever imported because a bag names it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
import os
from pathlib import Path
import sys
from typing import Any

from robustseg_ros.bags.recorded import message_type

# Where the build of every package of interfaces registers it, and lists them.
INDEX = Path('share', 'ament_index', 'resource_index', 'rosidl_interfaces')


def message_class(msgtype: str) -> type[Any] | None:
    """Return the class of a type like ``sensor_msgs/msg/Image``, or None if not installed.

    Only packages that the running ROS installation has registered as packages of interfaces are
    imported, and of these only the types that they list.

    Args:
        msgtype: Any text.
    """
    parts = message_type(msgtype)
    if parts is None or parts.kind != 'msg' or not _is_listed(parts.package, parts.name):
        return None
    try:
        found = getattr(import_module(f'{parts.package}.msg'), parts.name, None)
    except Exception:  # a boundary: a package that is broken raises whatever it likes
        return None
    return found if isinstance(found, type) else None


def _is_listed(package: str, name: str) -> bool:
    for prefix in _prefixes():
        try:
            listed = (prefix / INDEX / package).read_text(encoding='utf-8').split()
        except (OSError, UnicodeDecodeError):
            continue
        return f'msg/{name}.msg' in listed or f'msg/{name}.idl' in listed
    return False


def _prefixes() -> Iterator[Path]:
    for prefix in filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
        yield Path(prefix)
    yield Path(sys.prefix)  # wheels
