"""ROS for the length of a block, on every distribution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rclpy


@contextmanager
def initialised(**arguments: Any) -> Iterator[None]:
    """Keep rclpy's default context alive within the block.

    From Kilted on ``rclpy.init`` returns a context manager; before it returns None.

    Args:
        **arguments: Of ``rclpy.init``.
    """
    rclpy.init(**arguments)
    try:
        yield
    finally:
        rclpy.try_shutdown()
