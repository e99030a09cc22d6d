"""The learning rate."""

import pytest

from robustseg_core.training.schedule import warmup_poly


def test_schedule_warms_up_from_a_tenth_and_decays_to_zero() -> None:
    factor = warmup_poly(total_steps=100, warmup_steps=10, power=0.9)
    assert factor(0) == pytest.approx(0.1)
    assert factor(5) == pytest.approx(0.55)
    assert factor(10) == 1
    assert factor(55) == pytest.approx(0.5**0.9)
    assert factor(100) == 0
