"""Who is alive, in the log."""

import pytest
from rclpy.logging import get_logger

from robustseg_ros.node.alive_log import ONE_BY_ONE, PERIOD_S, AliveLog


class Logger:
    def __init__(self):
        self.lines = []

    def warning(self, line):
        self.lines.append(line)

    info = warning


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def logger():
    return Logger()


@pytest.fixture
def log(logger, now):
    return AliveLog(logger, lambda: now[0])


def test_thirteen_losses_of_four_sensors_are_thirteen_lines_in_order(log, logger, now):
    expected = []
    for turn in range(13):
        name = ('rgb', 'depth', 'event', 'lidar')[turn % 4]
        log.came(name)
        log.went(name, f'reason {turn}')
        expected += [f'{name}: alive', f'{name}: lost: reason {turn}']
        now[0] += 2
        log.sum_up()
    assert logger.lines == expected


def test_a_flapping_input_is_summed_up_once_a_period_and_never_dropped(log, logger, now):
    changes = 0
    for _ in range(300):  # 30 s
        now[0] += 0.1
        (log.came if changes % 2 else lambda name: log.went(name, 'silent'))('depth')
        changes += 1
        log.sum_up()
    log.came('rgb')
    assert logger.lines[:ONE_BY_ONE] == ['depth: lost: silent', 'depth: alive'] * 3
    sums = [line for line in logger.lines if 'flapping' in line]
    assert len(sums) == 30 // PERIOD_S - 1
    now[0] += PERIOD_S
    log.sum_up()
    sums = [line for line in logger.lines if 'flapping' in line]
    counted = sum(int(line.split('flapping: ')[1].split()[0]) for line in sums)
    assert counted + ONE_BY_ONE == changes
    assert sums[-1].endswith('now alive')
    assert 'rgb: alive' in logger.lines


def test_after_a_quiet_period_each_change_is_a_line_again(log, logger, now):
    for _ in range(20):
        log.came('depth')
    for _ in range(3):
        now[0] += PERIOD_S
        log.sum_up()
    log.went('depth', 'silent')
    assert logger.lines[-1] == 'depth: lost: silent'


def test_the_real_logger_takes_every_kind_of_line(now):
    log = AliveLog(get_logger('alive_log'), lambda: now[0])
    for _ in range(ONE_BY_ONE + 1):
        log.came('depth')
        log.went('depth', 'silent')
    now[0] += PERIOD_S
    log.sum_up()
