"""With /clock: paused, slow, and starting over."""

import time

import pytest

ALL = ['rgb', 'depth', 'event', 'lidar']


@pytest.fixture(scope='module')
def driver(start):
    driver = start(use_sim_time=True)
    driver.time_ns = 1_000_000_000_000
    return driver


def test_masks_carry_simulated_stamps(driver, scene):
    driver.settle('RDEL')
    mask = driver.next_masks(ALL)[-1]
    assert 1000 <= mask.header.stamp.sec < 1100
    assert scene.rests_on(mask) == 'RDEL'


def test_nothing_dies_while_the_clock_is_paused(driver):
    driver.settle('RDEL')
    driver.spin(2.5)  # six timeouts long neither /clock nor messages
    assert driver.value('alive') == 'RDEL'
    assert 'clock stopped: no progress on /clock' in driver.message()
    driver.forget_masks()
    driver.drive_until(ALL, lambda: len(driver.masks) >= 3, timeout_s=5)
    assert driver.value('alive') == 'RDEL'


def test_nothing_dies_in_slow_motion(driver):
    driver.settle('RDEL')
    # One period of 50 ms lasts half a second: longer than the timeout on the wall clock.
    for _ in range(4):
        driver.tick()
        driver.publish(ALL)
        driver.spin(0.5)
        assert driver.value('alive') == 'RDEL'


def test_a_recording_that_starts_over_goes_on_at_once(driver, scene):
    driver.settle('RDEL')
    driver.time_ns = 1_000_000_000_000
    driver.tick()
    driver.spin(0.1)
    driver.forget_masks()
    begin = time.monotonic()
    driver.drive_until(ALL, lambda: len(driver.masks) >= 5)
    assert time.monotonic() - begin < 3
    driver.settle('RDEL')
    mask = driver.next_masks(ALL)[-1]
    assert scene.rests_on(mask) == 'RDEL'
    assert mask.header.stamp.sec < 1010


def test_a_sensor_that_is_gone_after_the_start_over_is_not_alive(driver, scene):
    driver.settle('RDEL')
    driver.time_ns = 1_000_000_000_000
    names = ['rgb', 'event']
    driver.drive_until(names, lambda: driver.value('alive') == 'RE')
    assert scene.rests_on(driver.next_masks(names)[-1]) == 'RE'
