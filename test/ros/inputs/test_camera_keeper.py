"""The camera: what is kept of what comes, and that it comes, over DDS."""

from collections.abc import Callable, Iterator
import random
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from node_driver import DOMAINS
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_ros.inputs.camera_keeper import CameraKeeper
from robustseg_ros.inputs.picture_limits import PictureLimits
from robustseg_ros.node.qos import LATCHED, STREAM

TOPIC = '/camera/camera_info'


def info(focal: float = 500.0) -> CameraInfo:
    k = [focal, 0.0, 320, 0, focal, 240, 0, 0, 1]
    return CameraInfo(header=Header(frame_id='front'), width=640, height=480, k=k)


def keeper() -> CameraKeeper:
    limits = PictureLimits(max_pixels=2_000_000, max_side=32767, max_aspect=64)
    return CameraKeeper(TOPIC, rectified=False, limits=limits)


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node, Callable[[Callable[[], bool]], bool]]]:
    """Return a driver, the node, and what spins both until something holds, or not for long."""
    domain = random.choice(sorted(DOMAINS))
    DOMAINS.remove(domain)
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    executor = SingleThreadedExecutor(context=context)
    made = [Node(name, context=context) for name in ('driver', 'segment')]
    for node in made:
        executor.add_node(node)

    def until(condition: Callable[[], bool]) -> bool:
        end = time.monotonic() + 10
        while not condition() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
        return condition()

    yield made[0], made[1], until
    executor.shutdown()
    for node in made:
        node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.ros
def test_a_camera_that_was_told_once_before_the_node_came_is_known(nodes) -> None:
    driver, node, until = nodes
    driver.create_publisher(CameraInfo, TOPIC, LATCHED).publish(info(focal=400.0))
    camera = keeper()
    camera.connect(node)

    def is_known() -> bool:
        camera.watch(node)
        return camera.info is not None

    assert until(is_known)
    assert camera.model()[0].matrix[0, 0] == 400


@pytest.mark.ros
@pytest.mark.parametrize('qos', [qos_profile_sensor_data, STREAM, LATCHED])
def test_a_camera_that_is_told_again_and_again_is_known_and_its_newest_state(
    nodes, qos: QoSProfile, capfd: pytest.CaptureFixture[str]
) -> None:
    driver, node, until = nodes
    camera = keeper()
    camera.connect(node)
    publisher = driver.create_publisher(CameraInfo, TOPIC, qos)
    for focal in (400.0, 500.0):

        def is_known(focal: float = focal) -> bool:
            camera.watch(node)
            publisher.publish(info(focal))
            return camera.info is not None and camera.info.k[0] == focal

        assert until(is_known)
    # Neither the driver nor the node is to worry about a subscription that does not fit.
    assert 'incompatible' not in capfd.readouterr().err


@pytest.mark.ros
def test_what_is_known_is_kept_while_nobody_listens(nodes) -> None:
    driver, node, until = nodes
    camera = keeper()
    camera.connect(node)
    publisher = driver.create_publisher(CameraInfo, TOPIC, STREAM)
    assert until(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(info())
    assert until(lambda: camera.info is not None)

    camera.disconnect(node)

    assert until(lambda: publisher.get_subscription_count() == 0)
    assert camera.model()[0].matrix[0, 0] == 500
    camera.connect(node)
    assert until(lambda: publisher.get_subscription_count() > 0)
    assert camera.problem == ''


def test_a_bad_camera_after_a_good_one_is_kept_out_but_told() -> None:
    camera = keeper()
    with pytest.raises(SensorError, match=f'no CameraInfo on {TOPIC}'):
        camera.model()
    camera.receive(info())
    assert camera.problem == ''
    bad = info()
    bad.d, bad.distortion_model = np.full(5, np.nan), 'plumb_bob'
    camera.receive(bad)
    assert camera.problem.startswith(f'CameraInfo on {TOPIC}: Distortion coefficients are')
    assert camera.model()[0].distortion_model == 'none'
    camera.receive(info(focal=300.0))
    assert camera.problem == ''
    assert camera.model()[0].matrix[0, 0] == 300


@pytest.mark.parametrize('size', [(40_000, 40_000), (1, 1_000_000), (640, 4)])
def test_a_camera_beyond_the_limits_on_images_is_kept_out(size: tuple[int, int]) -> None:
    camera = keeper()
    huge = info()
    huge.width, huge.height = size
    camera.receive(huge)
    words = rf'CameraInfo on {TOPIC}: Image is {size[0]}x{size[1]} pixels; wanted .*\(input.max_'
    with pytest.raises(SensorError, match=words):
        camera.model()


def test_a_bug_of_ours_costs_one_message_and_is_told_in_few_words() -> None:
    camera = keeper()
    camera.receive(object())
    assert camera.problem.startswith(f'CameraInfo on {TOPIC}: cannot use: AttributeError: ')
