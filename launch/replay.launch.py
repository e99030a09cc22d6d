"""Replay a bag through the node ``segment``, and end when the bag ends.

ros2 launch robustseg_ros replay.launch.py bag:=drive.mcap exclude:=/lidar/points rviz:=true
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
import sys

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.conditions import evaluate_condition_expression
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.event_handlers import OnStateTransition

SEGMENT = Path(__file__).absolute().with_name('segment.launch.py')
# From the end of the bag to the end of everything: the last frames are still in work.
LAST_FRAMES_S = 1.0
# From the player's start to its first message: the topics have to find their subscribers.
DISCOVERY_S = 1.0
# Longest wait for the node's word that it is active.
PATIENCE_S = 60.0


def generate_launch_description() -> LaunchDescription:
    """Declare what concerns the bag; segment.launch.py declares the rest."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'bag', description='Bag to replay: a rosbag2 folder, an .mcap or a .db3 file.'
            ),
            DeclareLaunchArgument(
                'rate', default_value='1.0', description='Seconds of the bag per second.'
            ),
            DeclareLaunchArgument(
                'loop', default_value='false', description='true: start over when the bag ends.'
            ),
            DeclareLaunchArgument(
                'exclude',
                default_value='',
                description='Topics to leave out, as if their sensors were dead, separated by '
                "spaces: exclude:='/lidar/points /depth/image_rect'.",
            ),
            # Before the node, so that nothing has started where there is no such bag.
            OpaqueFunction(function=_play_when_active),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(SEGMENT)),
                launch_arguments=[('use_sim_time', 'true')],
            ),
        ]
    )


def _play_when_active(context: LaunchContext) -> list[Action]:
    """Start the player once the node listens: it loads its model first, and frames would pass."""
    player = ExecuteProcess(cmd=_player_command(context), name='player', output='screen')
    play = OpaqueFunction(function=_play_once, args=[player])
    return [
        RegisterEventHandler(OnStateTransition(goal_state='active', entities=[play])),
        # The node says only once that it is active, to whom the network has found by then.
        TimerAction(period=PATIENCE_S, actions=[play]),
        *(
            RegisterEventHandler(
                OnStateTransition(
                    start_state=state,
                    goal_state='unconfigured',
                    entities=[OpaqueFunction(function=_fail_to_configure)],
                )
            )
            for state in ('configuring', 'errorprocessing')
        ),
        RegisterEventHandler(OnProcessExit(target_action=player, on_exit=_on_player_exit)),
    ]


def _play_once(_context: LaunchContext, player: ExecuteProcess) -> list[ExecuteProcess]:
    has_started = player.process_details is not None
    return [] if has_started else [player]


def _player_command(context: LaunchContext) -> list[str]:
    """Return the command that plays the bag: ros2 bag where it is installed, else ours."""
    bag = Path(_value(context, 'bag')).expanduser()
    if not bag.exists():
        msg = f'bag {str(bag)!r} does not exist: expected a rosbag2 folder, an .mcap or .db3 file.'
        raise RuntimeError(msg)
    excluded = _value(context, 'exclude').split()
    options = [str(bag), '--clock', '--rate', _value(context, 'rate'), '--delay', f'{DISCOVERY_S}']
    if _is_true(context, 'loop'):
        options.append('--loop')
    if find_spec('ros2bag') is not None:
        exclusions = ['--exclude-topics', *excluded] if excluded else []
        return ['ros2', 'bag', 'play', *options, *exclusions]
    options += [word for topic in excluded for word in ('--exclude', topic)]
    if _is_true(context, 'default_transport', default='false'):
        options.append('--default-transport')
    return [sys.executable, '-m', 'robustseg_ros.bags.play', *options]


def _on_player_exit(event: ProcessExited, context: LaunchContext) -> list[TimerAction]:
    if context.is_shutdown:
        return []
    if event.returncode != 0:
        msg = f'The player ended with status {event.returncode}: its message stands above.'
        raise RuntimeError(msg)
    return [TimerAction(period=LAST_FRAMES_S, actions=[Shutdown(reason='the bag has ended')])]


def _fail_to_configure(_context: LaunchContext) -> None:
    msg = 'The node could not be configured: its message stands above.'
    raise RuntimeError(msg)


def _is_true(context: LaunchContext, name: str, default: str | None = None) -> bool:
    value = LaunchConfiguration(name, default=default)
    return bool(evaluate_condition_expression(context, [value]))


def _value(context: LaunchContext, name: str) -> str:
    return LaunchConfiguration(name).perform(context)
