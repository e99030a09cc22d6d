"""Configured, activated, deactivated and cleaned up again and again: nothing grows.

ROBUSTSEG_CYCLES=200 is the long run of docs/RELIABILITY.md.
"""

import os
from pathlib import Path
from typing import NamedTuple

from lifecycle_msgs.msg import Transition
import pytest

CYCLES = int(os.environ.get('ROBUSTSEG_CYCLES', '10'))
WARM_UP = 5
STEPS = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
)

pytestmark = pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='needs /proc')


class Held(NamedTuple):
    """What a process holds: memory in KiB, and numbers of things."""

    memory: int
    threads: int
    handles: int
    publishers: int
    subscriptions: int
    services: int


def held(driver) -> Held:
    proc = Path(f'/proc/{driver.process.process.pid}')
    status = dict(
        line.split(':', 1) for line in (proc / 'status').read_text().splitlines() if ':' in line
    )
    name = ('segment', '/')
    node = driver.node
    return Held(
        memory=int(status['VmRSS'].split()[0]),
        threads=int(status['Threads']),
        handles=len(list((proc / 'fd').iterdir())),
        publishers=len(node.get_publisher_names_and_types_by_node(*name)),
        subscriptions=len(node.get_subscriber_names_and_types_by_node(*name)),
        services=len(node.get_service_names_and_types_by_node(*name)),
    )


@pytest.mark.timeout(60 + 10 * CYCLES)
def test_nothing_grows_from_cycle_to_cycle(start, record_property):
    driver = start(autostart=False)

    def cycle() -> None:
        for step in STEPS:
            assert driver.change_state(step)

    for _ in range(WARM_UP):
        cycle()
    driver.spin(0.5)
    before = held(driver)
    for _ in range(CYCLES):
        cycle()
    driver.spin(0.5)
    after = held(driver)
    record_property('before', tuple(before))
    record_property('after', tuple(after))
    assert after[1:] == before[1:]
    # An allocator keeps some of what it is given back, but not more each time.
    assert after.memory < before.memory * 1.03 + 4096
