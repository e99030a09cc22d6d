"""AvailabilityMonitor and FrameSynchronizer under random faults; a million steps by command."""

from hypothesis import HealthCheck, given, settings
import pytest
from sensor_faults import Robot, Story, stories


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(stories())
def test_whatever_one_sensor_does_the_others_make_frames(story: Story) -> None:
    robot = Robot(story)
    robot.run()
    assert robot.frames.total() > 10
