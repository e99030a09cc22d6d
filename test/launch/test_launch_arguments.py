"""The launch files' arguments, and what wrong ones get before anything has started."""

import os
from pathlib import Path
import runpy

import pytest

# Not 'launch': without it, the folder of that name in a checkout would pass for it.
pytest.importorskip('launch_ros', reason='needs launch_ros, of a ROS 2 installation')

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext
from launch.launch_description_sources import get_launch_description_from_python_launch_file
import launch.logging
import yaml

SEGMENT = {
    'params_file',
    'checkpoint',
    'device',
    'name',
    'namespace',
    'use_sim_time',
    'autostart',
    'rgb_topic',
    'depth_topic',
    'event_topic',
    'lidar_topic',
    'camera_info_topic',
    'parameters',
    'rviz',
    'rviz_frame',
    'log_level',
    'default_transport',
}
ARGUMENTS = {
    'segment.launch.py': SEGMENT,
    'replay.launch.py': SEGMENT | {'bag', 'rate', 'loop', 'exclude'},
}
PROFILE = 'FASTDDS_DEFAULT_PROFILES_FILE'


@pytest.fixture(autouse=True)
def transport_variables(monkeypatch):
    """Nobody has chosen a transport; what launch sets is gone again afterwards."""
    monkeypatch.setenv('ROS_DISTRO', 'kilted')
    for name in (
        PROFILE,
        'FASTRTPS_DEFAULT_PROFILES_FILE',
        'FASTDDS_BUILTIN_TRANSPORTS',
        'RMW_IMPLEMENTATION',
    ):
        monkeypatch.setenv(name, '')


@pytest.mark.parametrize('name', ARGUMENTS)
def test_show_args_lists_every_argument_with_a_description(name, launch_folder, capsys):
    api = pytest.importorskip('ros2launch.api', reason='needs ros2launch')
    api.print_arguments_of_launch_file(launch_file_path=str(launch_folder / name))
    shown = capsys.readouterr().out
    for argument in ARGUMENTS[name]:
        assert f"'{argument}':" in shown
    assert 'no description given' not in shown


@pytest.mark.parametrize('name', ARGUMENTS)
def test_these_are_the_arguments_and_only_the_bag_is_required(name, launch_folder):
    description = get_launch_description_from_python_launch_file(str(launch_folder / name))
    arguments = description.get_launch_arguments()
    assert {argument.name for argument in arguments} == ARGUMENTS[name]
    required = {argument.name for argument in arguments if argument.default_value is None}
    assert required == ARGUMENTS[name] & {'bag'}


def test_missing_parameter_file_is_named(failure):
    said = failure('segment.launch.py', params_file='/none/mine.yaml')
    assert 'process started' not in said
    assert "params_file '/none/mine.yaml' is no file" in said


def test_rviz_that_is_not_installed_is_said_before_the_node_starts(failure):
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        said = failure('segment.launch.py', rviz='true')
        assert 'process started' not in said
        assert 'rviz2 is not installed' in said
    else:
        pytest.skip('rviz2 is installed')


def test_missing_bag_is_named(failure):
    said = failure('replay.launch.py', bag='/none/drive.mcap')
    assert 'process started' not in said
    assert "bag '/none/drive.mcap' does not exist" in said


def test_argument_that_is_neither_true_nor_false_is_named(failure):
    said = failure('segment.launch.py', use_sim_time='maybe')
    assert 'process started' not in said
    assert '"use_sim_time" provided value "maybe" is not valid' in said


def test_image_transport_is_switched_on(failure):
    failure('segment.launch.py', params_file='/none')
    assert Path(os.environ[PROFILE]).name == 'fastdds.xml'
    assert Path(os.environ[PROFILE]).is_file()


def test_image_transport_stays_off_where_the_argument_says_so(failure):
    failure('segment.launch.py', params_file='/none', default_transport='true')
    assert os.environ[PROFILE] == ''


def test_transport_that_the_user_chose_stays(failure, monkeypatch):
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'LARGE_DATA')
    failure('segment.launch.py', params_file='/none')
    assert os.environ[PROFILE] == ''


def test_what_is_no_parameter_is_named(failure):
    said = failure('segment.launch.py', parameters='rgb.timeout:=1.0 rgb.topic')
    assert 'process started' not in said
    assert "parameters has 'rgb.topic': expected NAME:=VALUE" in said


@pytest.fixture
def contents(launch_folder):
    return runpy.run_path(str(launch_folder / 'segment.launch.py'))


def context_of(**arguments):
    context = LaunchContext()
    defaults = dict.fromkeys(SEGMENT, '') | {'name': 'segment', 'rviz_frame': 'camera_frame'}
    context.launch_configurations.update(defaults | arguments)
    return context


@pytest.mark.parametrize('name', ['minimal.yaml', 'realsense.yaml', 'segment.yaml'])
def test_a_file_of_the_package_is_found_by_its_name(contents, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    find = contents['_params_file']
    assert find(context_of(params_file=name)) == contents['CONFIG'] / name
    (tmp_path / name).touch()  # one's own comes first
    assert find(context_of(params_file=name)) == Path(name)


def test_rviz_shows_what_the_parameters_say(contents, tmp_path, monkeypatch):
    monkeypatch.setattr(launch.logging.launch_config, 'log_dir', str(tmp_path))
    context = context_of(
        params_file='realsense.yaml',
        namespace='robot1',
        name='front',
        depth_topic='left/depth',
        parameters='rgb.topic:=left/image',
        rviz_frame='left_frame',
    )
    manager = yaml.safe_load(contents['_rviz_config'](context).read_text())[
        'Visualization Manager'
    ]
    assert manager['Global Options']['Fixed Frame'] == 'left_frame'
    topics = {d['Topic']['Value'] for d in manager['Displays'] if 'Topic' in d}
    assert '/robot1/left/image' in topics
    assert {'/robot1/front/mask', '/robot1/front/overlay'} <= topics
    assert not any('lidar' in topic for topic in topics)  # realsense.yaml has none
