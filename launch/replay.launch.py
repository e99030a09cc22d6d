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
from launch_ros.ros_adapters import get_ros_node
from launch_ros.utilities import make_namespace_absolute, prefix_namespace
from lifecycle_msgs.srv import GetState
from rclpy.client import Client
from rclpy.task import Future

SEGMENT = Path(__file__).absolute().with_name('segment.launch.py')
# From the end of the bag to the end of everything: the last frames are still in work.
LAST_FRAMES_S = 1.0
# From the player's start to its first message: the topics have to find their subscribers.
DISCOVERY_S = 2.0
POLL_S = 0.2


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
    return [
        TimerAction(period=POLL_S, actions=[OpaqueFunction(function=_Start(player))]),
        RegisterEventHandler(OnProcessExit(target_action=player, on_exit=_on_player_exit)),
    ]


class _Start:
    """Starts ``player`` when the node is active, to be called again until then.

    The node is asked, and not listened to: it tells of its transitions only once, and the network
    may find the listener later than that.
    """

    def __init__(self, player: ExecuteProcess) -> None:
        self._player = player
        self._client: Client | None = None
        self._state = ''

    def __call__(self, context: LaunchContext) -> list[Action]:
        if self._client is None:
            name = f'{_node_name(context)}/get_state'
            self._client = get_ros_node(context).create_client(GetState, name)
        if self._state == 'active':
            return [self._player]
        if self._state == 'unconfigured':
            # It begins to configure itself before it answers anybody.
            msg = 'The node is not configured: its message stands above, or autostart is off.'
            raise RuntimeError(msg)
        if self._client.service_is_ready():
            self._client.call_async(GetState.Request()).add_done_callback(self._on_answer)
        return [TimerAction(period=POLL_S, actions=[OpaqueFunction(function=self)])]

    def _on_answer(self, answer: Future) -> None:
        self._state = answer.result().current_state.label


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


def _node_name(context: LaunchContext) -> str:
    pushed = context.launch_configurations.get('ros_namespace')
    namespace = prefix_namespace(pushed, _value(context, 'namespace'))
    return str(make_namespace_absolute(prefix_namespace(namespace, _value(context, 'name'))))


def _is_true(context: LaunchContext, name: str, default: str | None = None) -> bool:
    value = LaunchConfiguration(name, default=default)
    return bool(evaluate_condition_expression(context, [value]))


def _value(context: LaunchContext, name: str) -> str:
    return LaunchConfiguration(name).perform(context)
