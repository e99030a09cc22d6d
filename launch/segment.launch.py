"""Start the node ``segment`` on the transport that large images need, and RViz where asked.

ros2 launch robustseg_ros segment.launch.py params_file:=mine.yaml device:=cuda rviz:=true
"""

from __future__ import annotations

from pathlib import Path
import sys
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition, UnlessCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

from robustseg_ros.node import transport

PACKAGE = 'robustseg_ros'
NODE = 'segment'
# Beside this file's folder, in a checkout and in an installed share alike; not resolved, since
# `colcon build --symlink-install` links the files one by one.
CONFIG = Path(__file__).absolute().parents[1] / 'config'
RVIZ_CONFIG = CONFIG / 'segment.rviz'
# Arguments that are parameters of the node and what type they are there. Only those given
# override the parameter file.
OVERRIDES = {'checkpoint': str, 'device': str, 'use_sim_time': bool}
# What RViz shows of the node's outputs, which move with its namespace.
SHOWN_OUTPUTS = ('mask', 'overlay', 'confidence')
# Between SIGINT and SIGTERM: a Python with torch in it takes seconds to end on a busy machine, and
# what is killed meanwhile leaves its shared memory behind.
FAREWELL_S = 20


def generate_launch_description() -> LaunchDescription:
    """Declare every argument, then start what they ask for."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'params_file',
                default_value=str(CONFIG / 'segment.yaml'),
                description='YAML file with the parameters of the node.',
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
                'namespace',
                default_value='',
                description='Namespace of the node, and so of everything it publishes.',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='',
                choices=['', 'true', 'false', 'True', 'False'],
                description='true: take the time from /clock. Empty: as params_file says.',
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                description='true: show camera, overlay, mask and LiDAR in RViz (needs rviz2).',
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
    params_file = Path(_value(context, 'params_file')).expanduser()
    if not params_file.is_file():
        # launch_ros itself only warns and starts the node without its parameters.
        msg = f'params_file {str(params_file)!r} is no file: expected a YAML file of parameters.'
        raise RuntimeError(msg)
    overrides = _given(context, OVERRIDES)
    return [
        LifecycleNode(
            **_program(),
            name=NODE,
            namespace=LaunchConfiguration('namespace'),
            parameters=[str(params_file), *([overrides] if overrides else [])],
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
    sim_time = _given(context, {'use_sim_time': bool})
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            namespace=LaunchConfiguration('namespace'),
            arguments=['-d', str(RVIZ_CONFIG)],
            parameters=[sim_time] if sim_time else [],
            remappings=[(f'/{NODE}/{name}', f'{NODE}/{name}') for name in SHOWN_OUTPUTS],
            output='screen',
        )
    ]


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


def _given(context: LaunchContext, arguments: dict[str, type]) -> dict[str, ParameterValue]:
    """Return those of ``arguments`` that are not empty, typed: a device '0' is no number."""
    return {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in arguments.items()
        if _value(context, name)
    }


def _value(context: LaunchContext, name: str) -> str:
    return LaunchConfiguration(name).perform(context)
