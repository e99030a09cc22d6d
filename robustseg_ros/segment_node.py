"""The node ``segment`` as a command: ``python -m robustseg_ros.segment_node``."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
import os
import sys

from robustseg_ros.node.ending import Ending


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; ends the process."""
    ending = Ending()
    ending.watch()
    # Read when torch is loaded, with the checkpoint. Its threads would otherwise spin while they
    # wait for each other, which on busy cores turns milliseconds into seconds.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    # It holds Python's lock for a second while it is loaded: best before there is a node that
    # others wait for. That it is not there, or broken, is told where it is needed, in configure.
    with suppress(Exception):
        import_module('torch')
    # They take a second, too, in which the process may be told to end.
    from robustseg_ros.node.process import run
    from robustseg_ros.segment.node import SegmentNode

    status = run(SegmentNode, ending, sys.argv if args is None else args)
    ending.leave(status)
    return status


if __name__ == '__main__':
    sys.exit(main())
