"""What the node does, and says, before the network is ready for the masks that are wanted."""

import logging
import random
from threading import Event
from time import monotonic
from types import SimpleNamespace

from node_scene import image_message
import numpy as np
from pipeline_parts import frame, measurements
import pytest
import rclpy

from robustseg_core.runtime import opening
from robustseg_core.runtime.graph_description import GraphDescription
from robustseg_core.runtime.preparation import SIZES_KEPT
from robustseg_ros.segment.node import SegmentNode

PREPARES = 'The network prepares for masks of'


@pytest.fixture
def make_node(checkpoint, monkeypatch):
    """Make a node in this process, to look inside."""
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    nodes = []

    def make(**parameters):
        chosen = {'checkpoint': checkpoint, 'device': 'cpu', 'autostart': 'false', **parameters}
        args = [word for name, value in chosen.items() for word in ('-p', f'{name}:={value}')]
        rclpy.init(args=['--ros-args', *args], domain_id=random.randint(1, 100))
        nodes.append(SegmentNode())
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.mark.ros
def test_diagnostics_say_why_auto_lacked_its_first_choice(make_node, monkeypatch):
    monkeypatch.setattr(opening, 'find_spec', lambda name: None)
    node = make_node()
    assert node.trigger_configure() == rclpy.lifecycle.TransitionCallbackReturn.SUCCESS
    values = node._values()
    assert values['backend'] == 'torch'
    for library in ('openvino', 'onnxruntime'):
        assert f'{library} passed over' in values['backend_notes']
        assert f'`pip install {library}' in values['backend_notes']


@pytest.mark.ros
def test_the_core_is_heard_as_long_as_there_is_a_network(make_node, capfd):
    core = logging.getLogger('robustseg_core.runtime.somewhere')
    node = make_node(backend='torch')
    core.info('too early')
    node.trigger_configure()
    core.info('Building for a new size.')
    node.trigger_cleanup()
    core.info('too late')
    said = capfd.readouterr().err
    assert 'Building for a new size.' in said
    assert 'too' not in said


@pytest.mark.ros
def test_the_core_is_not_heard_after_a_failed_configure(make_node, capfd, tmp_path):
    handlers = list(logging.getLogger('robustseg_core').handlers)
    node = make_node(backend='torch', checkpoint=tmp_path / 'none.safetensors')
    node.trigger_configure()
    assert 'none.safetensors' in capfd.readouterr().err
    assert logging.getLogger('robustseg_core').handlers == handlers


def test_a_size_that_is_expected_is_made_ready_before_and_others_beside_the_work(start, scene):
    pytest.importorskip('openvino')
    driver = start(expected_size=[32, 128], backend='openvino')
    driver.settle('RD')
    # The log is written by another process, a moment later.
    driver.drive_until(['rgb'], lambda: 'The network is ready for' in driver.process.log())
    log = driver.process.log()
    assert log.count(PREPARES) == 1
    assert f'{PREPARES} 64x64, which it is to see at 64x64; until then it sees' in log
    assert scene.rests_on(driver.next_masks(['rgb', 'depth'])[-1]) == 'RD'
    assert driver.value('mask_size') == driver.value('network_size') == '64x64'
    assert driver.set_parameters(expected_size=[64, 64]).successful


@pytest.mark.ros
def test_diagnostics_say_that_the_network_is_being_prepared(make_node, monkeypatch):
    node = make_node(backend='torch')
    node.trigger_configure()
    assert not node._notes()
    monkeypatch.setattr(type(node._pipeline), 'preparing', (720, 1280))
    assert node._notes() == ['preparing for masks of 720x1280']


def test_another_size_every_frame_costs_no_mask(start, scene):
    """Each would take OpenVINO most of a second, in which no frame waits for it."""
    pytest.importorskip('openvino')
    driver = start(backend='openvino')
    driver.settle('R', timeout_s=60.0)
    driver.forget_masks()
    sent = []

    def publish():
        height, width = 40 + 24 * (len(sent) % 7), 64 + 40 * (len(sent) % 9)
        header = scene.message('rgb', driver.stamp()).header
        pixels = np.full((height, width, 3), len(sent), np.uint8)
        driver.publishers['rgb'].publish(image_message(pixels, 'rgb8', header))
        sent.append((header.stamp, (height, width)))

    driver.drive_until([], lambda: len(sent) >= 63, publish=publish)
    driver.spin(0.5)
    found = [(mask.header.stamp, (mask.height, mask.width)) for mask in driver.masks]
    assert all(each in sent for each in found)
    # On a busy machine the newest wins; that masks end for a second, or for good, is the fault.
    assert len(found) >= len(sent) / 2
    # So small, several have one size to the network: some seem to stay, and these are bounded.
    assert driver.process.log().count(PREPARES) < SIZES_KEPT


@pytest.mark.ros
def test_one_whose_images_never_end_costs_the_others_nothing(make_node, scene):
    """Stuck in the real node: it is refused by name, and not waited for at the end."""
    node = make_node(backend='torch', **{'drawing.max_time': 0.2})
    node.trigger_configure()
    go, parts = Event(), measurements(scene, 1)
    stuck = SimpleNamespace(network_image=lambda size: go.wait(20), size=lambda: (64, 64))
    began_s = monotonic()
    node._segment(frame(1, parts | {'depth': stuck}))
    assert monotonic() - began_s < 5
    report = node._reports.get_nowait()
    assert report.present == ('rgb', 'event', 'lidar')
    assert 'too slow: its image is not drawn within 0.2 s' in report.refused['depth']
    assert 'too slow' in node._pipeline.vet('depth', parts['depth'])
    began_s = monotonic()
    node.trigger_cleanup()
    assert monotonic() - began_s < 5
    go.set()


def test_an_expected_size_that_is_none_is_named(start):
    driver = start(expected_size=[32.5, 128.0])
    driver.drive_until([], lambda: "'expected_size' is [32.5, 128.0]" in driver.message())


def test_a_network_exported_for_one_size_serves_masks_of_another(start, model, tmp_path):
    pytest.importorskip('onnxruntime')
    onnx = pytest.importorskip('onnx')
    from robustseg_core.runtime.onnx_graphs import onnx_graphs, save_onnx

    size = (64, 96)
    graphs = map(onnx.load_model_from_string, onnx_graphs(model, channels_at_a_time=64))
    save_onnx(*graphs, GraphDescription.of(model, 'onnx', 'fp32', size), tmp_path)
    driver = start(checkpoint=tmp_path, backend='auto')
    driver.settle('RD')
    mask = driver.next_masks(['rgb', 'depth'])[-1]
    assert (mask.height, mask.width) == (64, 64)
    driver.drive_until(['rgb'], lambda: driver.value('network_size') == '64x96')
    assert driver.value('backend') == 'onnxruntime'
    # There is no other size to prepare for.
    assert PREPARES not in driver.process.log()
