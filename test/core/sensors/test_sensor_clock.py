"""A camera's clock beside its host's."""

import numpy as np
import pytest

from robustseg_core.sensors.sensor_clock import SensorClock

US, MS, S = 1000, 1_000_000, 1_000_000_000


def test_the_clock_takes_the_least_delay() -> None:
    clock = SensorClock()
    delays_ms = [5, 2, 9, 2, 7]
    offsets = [clock.offset(i * MS, 50 * S + i * MS + d * MS) for i, d in enumerate(delays_ms)]
    assert offsets[0] == 50 * S + 5 * MS
    np.testing.assert_allclose(offsets[1:], 50 * S + 2 * MS, atol=2 * US, rtol=0)


@pytest.mark.parametrize('drift', [-100e-6, 100e-6])
def test_the_clock_follows_drift_for_an_hour(drift: float) -> None:
    clock = SensorClock()
    for second in range(3600):
        sensor = int(second * S * (1 + drift))
        error = sensor + clock.offset(sensor, second * S) - second * S
        assert abs(error) < MS


def test_the_clock_starts_over_after_a_jump() -> None:
    clock = SensorClock()
    clock.offset(5 * S, 100 * S)
    assert clock.offset(1 * S, 101 * S) == 100 * S
