"""A node's process: begins, goes on whatever a callback raises, and ends when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import sys
from typing import Any, Protocol

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import LoggingSeverity, set_logger_level
from rclpy.signals import SignalHandlerOptions

from robustseg_ros.node.arguments import start_error
from robustseg_ros.node.ending import Ending

# Of the time that is left from the signal to the end; the rest is for taking the node down.
WORKER_S = 0.4
BAD_ARGUMENTS = 2


class ProcessNode(Protocol):
    """What a node offers to its process, beside what rclpy's does."""

    executor: Any

    def start(self) -> None:
        """Begin; called once an executor has the node."""

    def on_unexpected(self, error: Exception) -> None:
        """Take what came out of a callback."""

    def close(self, timeout_s: float) -> None:
        """Let go of everything, before ``destroy_node``, in about ``timeout_s``."""

    def destroy_node(self) -> None:
        """Of rclpy."""


def run(make: Callable[[Sequence[str]], ProcessNode], ending: Ending, args: list[str]) -> int:
    """Run the node that ``make`` makes until the process is told to end; return its status.

    Args:
        make: Makes the node, from ``args``.
        ending: Watches for signals.
        args: Of the command line.
    """
    ending.orderly()
    try:
        # What rcl would say first, in a line of its own, is part of the exception.
        set_logger_level('rcl', LoggingSeverity.FATAL)
        # The signals are ours: rclpy's handlers come late, and end in exceptions.
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        set_logger_level('rcl', LoggingSeverity.UNSET)
        node = make(args)
    except Exception as error:
        if (message := start_error(error)) is None:
            raise
        sys.stderr.write(f'{message}\n')
        return BAD_ARGUMENTS
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ending.orderly(executor.wake)
    node.start()
    spin(executor, ending, node.on_unexpected)
    node.close(WORKER_S)
    executor.shutdown(timeout_sec=0)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def spin(executor: Executor, ending: Ending, on_error: Callable[[Exception], None]) -> None:
    """Do what comes until the process is told to end."""
    while not ending.asked:
        try:
            executor.spin_once()
        except ExternalShutdownException:  # noqa: PERF203 - each callback has its own chance
            return
        except Exception as error:  # a boundary: one callback must not end all others
            on_error(error)
