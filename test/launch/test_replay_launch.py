"""launch/replay.launch.py, running: a bag goes in, its masks come out, and it ends by itself."""

from pathlib import Path

import pytest

pytest.importorskip('launch_pytest', reason='needs launch_pytest, of a ROS 2 installation')
pytest.importorskip('launch_ros', reason='needs launch_ros, of a ROS 2 installation')
pytest.importorskip('rosbags', reason='needs rosbags, to write a bag')

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_pytest
import numpy as np
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Image

SIDE = 32
PERIOD_NS = 200_000_000
START_NS = 1_700_000_000_000_000_000
STAMPS_NS = [START_NS + i * PERIOD_NS for i in range(8)]
TOPICS = {'rgb': '/camera/image_raw', 'event': '/event_camera/image'}

exits: dict[str, int] = {}


@pytest.fixture(scope='module')
def bag(tmp_path_factory) -> Path:
    """Eight frames of two sensors, five a second, each with the sensor's name as its frame."""
    path = tmp_path_factory.mktemp('bag') / 'drive'
    rng = np.random.default_rng(0)
    typestore = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            name: writer.add_connection(topic, 'sensor_msgs/msg/Image', typestore=typestore)
            for name, topic in TOPICS.items()
        }
        for stamp_ns in STAMPS_NS:
            for name, connection in connections.items():
                image = Image(height=SIDE, width=SIDE, step=3 * SIDE, encoding='rgb8')
                image.header.frame_id = name
                image.header.stamp.sec, image.header.stamp.nanosec = divmod(stamp_ns, 10**9)
                image.data.frombytes(rng.integers(0, 256, 3 * SIDE**2, np.uint8).tobytes())
                writer.write(connection, stamp_ns, serialize_message(image))
    return path


@pytest.fixture(scope='module')
def params_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('params') / 'params.yaml'
    path.write_text(
        """
/**:
  ros__parameters:
    rgb: {recovery_frames: 1}
    event: {recovery_frames: 1}
"""
    )
    return path


@launch_pytest.fixture(scope='module')
def launched(launch_folder, params_file, checkpoint, bag):
    replay = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(launch_folder / 'replay.launch.py')),
        launch_arguments=[
            ('bag', str(bag)),
            ('exclude', TOPICS['rgb']),
            ('rate', '0.25'),
            ('params_file', str(params_file)),
            ('checkpoint', str(checkpoint)),
            ('device', 'cpu'),
        ],
    )

    def on_exit(event, _context) -> None:
        exits[event.process_name.rsplit('-', 1)[0]] = event.returncode

    return LaunchDescription(
        [
            RegisterEventHandler(OnProcessExit(on_exit=on_exit)),
            replay,
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=launched)
def test_masks_of_what_is_not_excluded_come_out_and_then_all_ends(user):
    masks = []
    user.node.create_subscription(Image, '/segment/mask', masks.append, 10)
    assert user.spin_until(lambda: 'segment' in exits, timeout_s=90)
    assert exits == {'player': 0, 'segment': 0}
    stamps = [mask.header.stamp.sec * 10**9 + mask.header.stamp.nanosec for mask in masks]
    assert stamps == sorted(set(stamps) & set(STAMPS_NS))
    # Not all: a machine that is busy otherwise may skip frames for newer ones.
    assert len(stamps) >= len(STAMPS_NS) // 2
    assert {mask.header.frame_id for mask in masks} == {'event'}


def test_replay_fails_where_the_node_cannot_be_configured(failure, bag):
    said = failure('replay.launch.py', bag=str(bag), checkpoint='/none/model.safetensors')
    assert "'/none/model.safetensors' cannot be read" in said
    assert 'The node is not configured' in said
    assert 'Playing' not in said
