"""Replay a rosbag2 through rclpy, where 'ros2 bag play' is not installed.

BAG is a folder with metadata.yaml, an .mcap file or a .db3 file. Arguments after --ros-args go to
ROS, e.g. remappings.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from robustseg_core.errors import RobustSegError
from robustseg_ros.node import transport

if TYPE_CHECKING:
    from robustseg_ros.bags.play_options import PlayOptions
    from robustseg_ros.bags.player import BagPlayer, PlayReport

CLOCK_HZ = 40.0  # as ros2 bag play
NODE_NAME = 'bag_player'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    cut = arguments.index('--ros-args') if '--ros-args' in arguments else len(arguments)
    parser = _parser()
    args = parser.parse_args(arguments[:cut])
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if not args.default_transport:
            transport.apply()
        from robustseg_ros.bags.play_options import PlayOptions

        options = PlayOptions(
            rate=args.rate,
            loop=args.loop,
            topics=None if args.topics is None else tuple(args.topics),
            exclude=tuple(args.exclude),
            clock_hz=args.clock,
            start_offset_s=args.start_offset,
            delay_s=args.delay,
            wait_for_subscribers_s=args.wait_for_subscribers,
        )
        _run(args.bag, options, arguments[cut:])
    except RobustSegError as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f'{parser.prog} needs {error.name}: pip install {error.name}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Stopped.')
    return 0


def _run(bag: Path, options: PlayOptions, ros_arguments: Sequence[str]) -> None:
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from robustseg_ros.bags.play_options import not_installed_line
    from robustseg_ros.bags.player import BagPlayer
    from robustseg_ros.node.initialised import initialised

    # Python's own handlers stay: rclpy's would shut ROS down under the last messages.
    with initialised(args=list(ros_arguments), signal_handler_options=SignalHandlerOptions.NO):
        player = BagPlayer(bag, rclpy.create_node(NODE_NAME), options)
        if player.not_installed:
            print(not_installed_line(player.not_installed))
        print(_start_line(player, options), flush=True)
        verb = 'Played'
        try:
            player.play()
        except KeyboardInterrupt:
            verb = 'Stopped after'
        finally:
            print(f'{verb} {_counts(player.report)}.', flush=True)
            player.close()


def _start_line(player: BagPlayer, options: PlayOptions) -> str:
    info = player.info
    count = sum(topic.messages for topic in player.topics)
    seconds = (info.end_ns - info.start_ns) / 1e9
    looping = ', looping' if options.loop else ''
    return (
        f'Playing {info.path}: {count} messages on {len(player.topics)} topics, '
        f'{seconds:.1f} s at rate {options.rate:g}{looping}.'
    )


def _counts(report: PlayReport) -> str:
    count = sum(report.published.values())
    return f'{count} messages, {1000 * report.latest_s:.0f} ms late at most'


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m robustseg_ros.bags.play', description=__doc__)
    parser.add_argument('bag', metavar='BAG', type=Path)
    parser.add_argument(
        '--rate', type=float, default=1.0, help='seconds of the bag per second; default 1'
    )
    parser.add_argument('--loop', action='store_true', help='start over at the end')
    parser.add_argument(
        '--exclude',
        action='append',
        default=[],
        metavar='TOPIC',
        help='leave out; may be repeated',
    )
    parser.add_argument('--topics', nargs='+', metavar='TOPIC', help='play only these')
    parser.add_argument(
        '--clock',
        type=float,
        nargs='?',
        const=CLOCK_HZ,
        metavar='HZ',
        help=f'publish /clock; default rate {CLOCK_HZ:g}',
    )
    parser.add_argument(
        '--start-offset', type=float, default=0.0, metavar='S', help='begin so far into the bag'
    )
    parser.add_argument(
        '--delay', type=float, default=0.0, metavar='S', help='pause before the first message'
    )
    parser.add_argument(
        '--wait-for-subscribers',
        type=float,
        default=0.0,
        metavar='S',
        help='wait for the first subscribers to come, but no longer',
    )
    parser.add_argument(
        '--default-transport',
        action='store_true',
        help='do not use config/fastdds.xml, without which large images get lost',
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
