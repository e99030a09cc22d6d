"""launch/segment.launch.py, running: the node as it comes out of the launch file."""

import json
from pathlib import Path

import pytest

pytest.importorskip('launch_pytest', reason='needs launch_pytest, of a ROS 2 installation')
pytest.importorskip('launch_ros', reason='needs launch_ros, of a ROS 2 installation')

from diagnostic_msgs.msg import DiagnosticArray
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit, OnProcessStart
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_pytest
from lifecycle_msgs.srv import GetState
import numpy as np
from rcl_interfaces.srv import GetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import String

from robustseg_core.labels import DELIVER

NODE = '/robot/front'
TOPIC = '/robot/left/image'
FRAME = 'left_camera_optical_frame'
HEIGHT, WIDTH = 48, 80

started: list = []
exit_codes: list[int] = []


@pytest.fixture(scope='module')
def params_file(tmp_path_factory, checkpoint) -> Path:
    """Parameters of which the launch arguments override one, the device."""
    path = tmp_path_factory.mktemp('params') / 'params.yaml'
    path.write_text(
        f"""
/**:
  ros__parameters:
    checkpoint: {checkpoint}
    device: cuda:99
    overlay: {{opacity: 0.25}}
    rgb: {{topic: /elsewhere, timeout: 1, recovery_frames: 1}}
"""
    )
    return path


@launch_pytest.fixture(scope='module')
def launched(launch_folder, params_file):
    segment = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(launch_folder / 'segment.launch.py')),
        launch_arguments=[
            ('params_file', str(params_file)),
            ('device', 'cpu'),
            ('namespace', 'robot'),
            ('name', 'front'),
            ('rgb_topic', 'left/image'),
            ('parameters', 'rgb.timeout:=2.5'),
        ],
    )
    return LaunchDescription(
        [
            RegisterEventHandler(OnProcessStart(on_start=lambda event, _: started.append(event))),
            RegisterEventHandler(
                OnProcessExit(on_exit=lambda event, _: exit_codes.append(event.returncode))
            ),
            segment,
            launch_pytest.actions.ReadyToTest(),
        ]
    )


def is_active(user) -> bool:
    state = user.call(GetState, f'{NODE}/get_state', GetState.Request())
    return state.current_state.label == 'active'


@pytest.mark.launch(fixture=launched)
def test_node_activates_itself_in_its_namespace(user):
    assert user.spin_until(lambda: is_active(user))


@pytest.mark.launch(fixture=launched)
def test_given_arguments_override_the_parameter_file_and_empty_ones_do_not(user, checkpoint):
    names = ['checkpoint', 'device', 'overlay.opacity', 'use_sim_time', 'rgb.topic', 'rgb.timeout']
    answer = user.call(
        GetParameters, f'{NODE}/get_parameters', GetParameters.Request(names=names)
    ).values
    assert answer[0].string_value == str(checkpoint)
    assert answer[1].string_value == 'cpu'
    assert answer[2].double_value == 0.25
    assert answer[3].bool_value is False
    assert answer[4].string_value == 'left/image'
    assert answer[5].double_value == 2.5  # although the file has a whole number


@pytest.mark.launch(fixture=launched)
def test_image_becomes_a_mask_of_its_size_with_its_header(user):
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    publisher = user.node.create_publisher(Image, TOPIC, 5)
    masks, stamps = [], []
    user.node.create_subscription(Image, f'{NODE}/mask', masks.append, 5)

    def publish() -> None:
        image = Image(height=HEIGHT, width=WIDTH, step=3 * WIDTH, encoding='rgb8')
        image.header.frame_id = FRAME
        image.header.stamp = user.node.get_clock().now().to_msg()
        image.data.frombytes(pixels.tobytes())
        stamps.append(image.header.stamp)
        publisher.publish(image)

    assert user.spin_until(lambda: len(masks) >= 3, meanwhile=publish)
    for mask in masks:
        assert (mask.height, mask.width, mask.encoding) == (HEIGHT, WIDTH, 'mono8')
        assert mask.header.frame_id == FRAME
        assert mask.header.stamp in stamps
        assert max(mask.data) < len(DELIVER.classes)


@pytest.mark.launch(fixture=launched)
def test_diagnostics_show_topics_in_full(user):
    topics = {}

    def note(message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            topics[status.name] = values.get('topic')

    user.node.create_subscription(DiagnosticArray, '/diagnostics', note, 5)
    assert user.spin_until(lambda: 'robot/front: rgb' in topics)
    assert topics['robot/front: rgb'] == TOPIC
    assert topics['robot/front: depth'] == '/robot/depth/image_rect'


@pytest.mark.launch(fixture=launched)
def test_palette_reaches_who_comes_late(user):
    latched = QoSProfile(
        depth=1,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
        reliability=ReliabilityPolicy.RELIABLE,
    )
    palettes = []
    user.node.create_subscription(String, f'{NODE}/palette', palettes.append, latched)
    assert user.spin_until(lambda: bool(palettes))
    entries = json.loads(palettes[0].data)
    assert [entry['name'] for entry in entries] == list(DELIVER.classes)


@pytest.mark.launch(fixture=launched)
def test_node_runs_on_the_image_transport():
    environ = Path(f'/proc/{started[0].pid}/environ')
    if not environ.exists():
        pytest.skip('no /proc on this system')
    assert b'fastdds.xml' in environ.read_bytes()


@pytest.mark.launch(fixture=launched, shutdown=True)
def test_node_ends_cleanly():
    assert exit_codes == [0]
