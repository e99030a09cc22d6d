"""What is wrong is told in the log and in the status of the whole, with cause and remedy."""

import re

import numpy as np
import pytest

ERROR = b'\x02'


@pytest.fixture(scope='module')
def driver(start):
    return start(event__topic='/nobody/sends/here', event__enabled=True)


def test_a_topic_without_a_publisher_and_loading_are_in_the_log(driver):
    driver.settle('RD')
    driver.drive_until(
        ['rgb', 'depth'],
        lambda: 'event: no publisher on /nobody/sends/here' in driver.process.log(),
    )
    assert re.search(r'Loading .*tiny\.safetensors', driver.process.log())


def test_every_death_and_return_is_one_line_in_order(driver):
    driver.settle('RD')
    before = len(driver.process.log())
    for _ in range(2):
        driver.settle('R')
        driver.settle('RD')
    found = lambda: re.findall(r'depth: (alive|lost)', driver.process.log()[before:])  # noqa: E731
    driver.drive_until(['rgb', 'depth'], lambda: found().count('alive') >= 2)
    # On a busy machine it may be lost once more.
    assert found() == ['lost', 'alive'] * found().count('alive')


def test_the_whole_never_says_with_and_without_one_at_once(driver):
    driver.settle('RD')
    seen = set()

    def look():
        seen.add(driver.message())
        return driver.value('alive') == 'D' and driver.value('subset') == 'D'

    driver.drive_until(['depth'], look)
    contradictions = [text for text in seen if 'with R' in text and 'without rgb' in text]
    assert contradictions == []


def test_a_lidar_that_comes_late_is_told_what_would_do_and_that_does(driver, scene):
    driver.settle('RD')
    late = []

    def publish_lidar_of_four_periods_ago():
        late.append(driver.publish(['rgb']))
        if len(late) > 4:
            driver.publish(['lidar'], late[-5])

    driver.drive_until(
        [],
        lambda: 'set sync.max_wait to' in driver.message('lidar'),
        publish=publish_lidar_of_four_periods_ago,
    )
    driver.drive_until(
        [],
        lambda: 'lidar: alive, but never fused: it comes' in driver.process.log(),
        publish=publish_lidar_of_four_periods_ago,
    )
    assert 'lidar: alive, but never fused' in driver.message()
    wanted_s = float(re.findall(r'set sync.max_wait to ([\d.]+)', driver.message('lidar'))[0])
    assert 0.2 <= wanted_s < 2.0
    assert driver.set_parameters(sync__max_wait=wanted_s).successful
    driver.forget_masks()
    driver.drive_until(
        [],
        lambda: 'RL' in {scene.rests_on(mask) for mask in driver.masks[-3:]},
        publish=publish_lidar_of_four_periods_ago,
    )
    assert driver.set_parameters(sync__max_wait=0.1).successful


def test_two_publishers_and_other_frames_are_told(driver):
    second = driver.publisher('depth')
    driver.drive_until(
        ['rgb', 'depth'],
        lambda: '2 publishers on /depth/image_rect: /driver, /driver' in driver.message('depth'),
    )
    driver.node.destroy_publisher(second)
    driver.drive_until(
        ['rgb', 'depth'],
        lambda: "its frame is 'depth_optical_frame', that of rgb" in driver.message('depth')
        and 'publishers' not in driver.message('depth'),
    )
    assert driver.diagnostics['depth'].level == b'\x01'


def test_a_bad_camera_info_after_a_good_one_and_one_of_another_size_are_told(driver):
    def with_camera(**changes):
        info = driver.scene.camera_info(driver.stamp())
        for name, value in changes.items():
            setattr(info, name, value)
        driver.camera_info.publish(info)

    driver.settle('RL')
    bad = lambda: with_camera(k=np.zeros(9))  # noqa: E731
    cloud = lambda: driver.publishers['lidar'].publish(  # noqa: E731
        driver.scene.message('lidar', driver.stamp())
    )
    driver.drive_until(
        ['rgb'],
        lambda: 'uncalibrated' in driver.message(),
        publish=lambda: (bad(), cloud()),
    )
    driver.drive_until(
        ['rgb'],
        lambda: 'uncalibrated' in driver.process.log(),
        publish=lambda: (bad(), cloud()),
    )
    large = lambda: with_camera(width=128, height=96)  # noqa: E731
    driver.drive_until(
        ['rgb'],
        lambda: 'its CameraInfo is for 96x128, its image is 64x64' in driver.message('rgb'),
        publish=lambda: (large(), cloud()),
    )
    driver.settle('RL')


def test_a_second_node_of_the_same_name_is_told(driver):
    from rclpy.node import Node

    second = Node('segment', context=driver.context)
    try:
        driver.drive_until(
            ['rgb'], lambda: '2 nodes are called /segment' in driver.message()
        )  # fmt: skip
    finally:
        second.destroy_node()


def test_without_a_living_clock_time_is_kept_and_that_is_an_error(start, scene):
    driver = start(use_sim_time=True)
    driver.settle('RD', timeout_s=30)
    words = 'time is kept by the steady clock'
    driver.drive_until(['rgb', 'depth'], lambda: words in driver.message())
    assert driver.diagnostics['segmentation'].level == ERROR
    driver.drive_until(['rgb', 'depth'], lambda: words in driver.process.log())
    driver.drive_until(['depth'], lambda: driver.value('alive') == 'D')
    assert scene.rests_on(driver.next_masks(['depth'], 20)[-1]) == 'D'
    driver.settle('RD')
    driver.drive_until([], lambda: 'no living input: no masks; clock stopped' in driver.message())


def test_an_unknown_modality_is_left_out_and_tai_and_a_lost_clock_are_fused_by_choice(
    start, scene
):
    driver = start(
        modalities=['rgb', 'depth', 'event', 'thermal'],
        strict_modalities=False,
        depth__offset=37.0,
        event__stamp='arrival',
    )
    offsets = {'rgb': 0.0, 'depth': 37.0, 'event': -7200.0}

    def publish_each_with_its_clock():
        for name, offset_s in offsets.items():
            driver.publish([name], driver.stamp(offset_s))

    driver.drive_until(
        [],
        lambda: driver.value('subset') == 'RDE',
        timeout_s=40,
        publish=publish_each_with_its_clock,
    )
    assert 'thermal is left out: the checkpoint knows' in driver.process.log()
    assert 'RDE' in {scene.rests_on(mask) for mask in driver.masks[-5:]}
