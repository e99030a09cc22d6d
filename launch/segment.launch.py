"""Start the node ``segment`` on the transport that large images need, and RViz where asked.

ros2 launch robustseg_ros segment.launch.py params_file:=mine.yaml device:=cuda rviz:=true
ros2 launch robustseg_ros segment.launch.py namespace:=robot1 name:=front rgb_topic:=front/image
"""

from __future__ import annotations

from pathlib import Path
import sys
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition, UnlessCondition
import launch.logging
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.utilities import make_namespace_absolute, prefix_namespace
import yaml

from robustseg_ros.node import transport
from robustseg_ros.node.arguments import parameters_for
from robustseg_ros.segment.rviz_config import rviz_config

PACKAGE = 'robustseg_ros'
NODE = 'segment'
# Beside this file's folder, in a checkout and in an installed share alike; not resolved, since
# `colcon build --symlink-install` links the files one by one.
CONFIG = Path(__file__).absolute().parents[1] / 'config'
RVIZ_CONFIG = CONFIG / 'segment.rviz'
# Arguments that are parameters of the node, and what they are there. Only those given override the
# parameter file.
OVERRIDES = {
    'checkpoint': ('checkpoint', str),
    'device': ('device', str),
    'use_sim_time': ('use_sim_time', bool),
    'autostart': ('autostart', bool),
    'rgb_topic': ('rgb.topic', str),
    'depth_topic': ('depth.topic', str),
    'event_topic': ('event.topic', str),
    'lidar_topic': ('lidar.topic', str),
    'camera_info_topic': ('camera_info_topic', str),
}
BOOLEANS = ['', 'true', 'false', 'True', 'False']
# Between SIGINT and SIGTERM: the node itself ends within two seconds, on a machine that has them.
FAREWELL_S = 10


def generate_launch_description() -> LaunchDescription:
    """Declare every argument, then start what they ask for."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'params_file',
                default_value=str(CONFIG / 'segment.yaml'),
                description='YAML file with the parameters of the node: a path, or the name of a '
                'file that comes with the package (segment.yaml, minimal.yaml, realsense.yaml).',
            ),
            DeclareLaunchArgument(
                'checkpoint',
                default_value='',
                description='Model file (.safetensors). Empty: as params_file says.',
            ),
            DeclareLaunchArgument(
                'device',
                default_value='',
                description='Torch device of the model: auto, cpu, cuda, cuda:1, ... '
                'Empty: as params_file says.',
            ),
            DeclareLaunchArgument(
                'name',
                default_value=NODE,
                description='Name of the node: its outputs are NAME/mask and so on.',
            ),
            DeclareLaunchArgument(
                'namespace',
                default_value='',
                description='Namespace of the node, and so of everything it publishes and of the '
                'topics it listens to that have no slash before them.',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='',
                choices=BOOLEANS,
                description='true: take the time from /clock. Empty: as params_file says.',
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='',
                choices=BOOLEANS,
                description='false: wait for somebody else, such as nav2_lifecycle_manager, to '
                'configure and activate the node. Empty: as params_file says.',
            ),
            *(
                DeclareLaunchArgument(
                    argument,
                    default_value='',
                    description=f'The parameter {OVERRIDES[argument][0]} of the node. '
                    'Empty: as params_file says.',
                )
                for argument in OVERRIDES
                if argument.endswith('_topic')
            ),
            DeclareLaunchArgument(
                'parameters',
                default_value='',
                description='Any other parameters, separated by spaces: '
                "parameters:='thermal.topic:=lepton/image_raw sync.max_wait:=0.1'.",
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                description='true: show camera, overlay, mask and LiDAR in RViz (needs rviz2).',
            ),
            DeclareLaunchArgument(
                'rviz_frame',
                default_value='camera_optical_frame',
                description="RViz's fixed frame: the one in the header of the camera's images.",
            ),
            DeclareLaunchArgument(
                'log_level',
                default_value='info',
                description='debug, info, warn, error or fatal; LOGGER:=LEVEL for one logger.',
            ),
            DeclareLaunchArgument(
                'default_transport',
                default_value='false',
                description="true: leave Fast DDS's own transports, which lose large best-effort "
                'images. false: use config/fastdds.xml, unless the environment has chosen a '
                'transport already.',
            ),
            OpaqueFunction(
                function=_use_image_transport,
                condition=UnlessCondition(LaunchConfiguration('default_transport')),
            ),
            # Before the node, so that nothing has started where RViz is not installed.
            OpaqueFunction(
                function=_start_rviz, condition=IfCondition(LaunchConfiguration('rviz'))
            ),
            OpaqueFunction(function=_start_node),
        ]
    )


def _use_image_transport(context: LaunchContext) -> list[SetEnvironmentVariable]:
    variables = transport.environment(context.environment)
    return [SetEnvironmentVariable(name, value) for name, value in variables.items()]


def _start_node(context: LaunchContext) -> list[LifecycleNode]:
    overrides = _given(context, OVERRIDES) | _others(context)
    return [
        LifecycleNode(
            **_program(),
            name=LaunchConfiguration('name'),
            namespace=LaunchConfiguration('namespace'),
            parameters=[str(_params_file(context)), *([overrides] if overrides else [])],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            output='screen',
            sigterm_timeout=LaunchConfiguration('sigterm_timeout', default=str(FAREWELL_S)),
        )
    ]


def _start_rviz(context: LaunchContext) -> list[Node]:
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError as error:
        msg = 'rviz:=true, but rviz2 is not installed: install it or leave the argument out.'
        raise RuntimeError(msg) from error
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            arguments=['-d', str(_rviz_config(context))],
            parameters=[_given(context, {'use_sim_time': OVERRIDES['use_sim_time']})],
            output='screen',
        )
    ]


def _rviz_config(context: LaunchContext) -> Path:
    """Write the configuration of RViz for the parameters that the node will have."""
    pushed = context.launch_configurations.get('ros_namespace')
    namespace = prefix_namespace(pushed, _value(context, 'namespace'))
    node = str(make_namespace_absolute(prefix_namespace(namespace, _value(context, 'name'))))
    given = parameters_for(node, [str(_params_file(context))])
    for name, (parameter, _) in OVERRIDES.items():
        if value := _value(context, name):
            given[parameter] = value
    given |= _others(context)
    path = Path(launch.logging.launch_config.log_dir) / 'segment.rviz'
    path.write_text(
        rviz_config(RVIZ_CONFIG.read_text(), given, node, _value(context, 'rviz_frame'))
    )
    return path


def _params_file(context: LaunchContext) -> Path:
    given = Path(_value(context, 'params_file')).expanduser()
    for path in (given, CONFIG / given):
        if path.is_file():
            return path
    # launch_ros itself only warns and starts the node without its parameters.
    ours = sorted(path.name for path in CONFIG.glob('*.yaml'))
    msg = f'params_file {str(given)!r} is no file: expected a path, or a name of {ours}.'
    raise RuntimeError(msg)


def _others(context: LaunchContext) -> dict[str, Any]:
    """Return what the argument ``parameters`` sets, typed as YAML has it."""
    others = {}
    for rule in _value(context, 'parameters').split():
        name, _, value = rule.partition(':=')
        if not name or not value:
            msg = f'parameters has {rule!r}: expected NAME:=VALUE, separated by spaces.'
            raise RuntimeError(msg)
        others[name] = yaml.safe_load(value)
    return others


def _program() -> dict[str, Any]:
    """Return what runs the node: the installed executable, or the module after a pip install."""
    try:
        executable = Path(get_package_prefix(PACKAGE)) / 'lib' / PACKAGE / NODE
    except PackageNotFoundError:
        executable = None
    if executable is not None and executable.is_file():
        return {'package': PACKAGE, 'executable': NODE}
    module = f'{PACKAGE}.segment_node'
    return {'executable': sys.executable, 'arguments': ['-m', module], 'exec_name': NODE}


def _given(context: LaunchContext, arguments: dict[str, tuple[str, type]]) -> dict[str, Any]:
    """Return those of ``arguments`` that are not empty, typed: a device '0' is no number."""
    return {
        parameter: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (parameter, kind) in arguments.items()
        if _value(context, name)
    }


def _value(context: LaunchContext, name: str) -> str:
    return LaunchConfiguration(name).perform(context)
