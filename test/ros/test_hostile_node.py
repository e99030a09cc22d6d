"""Damaged messages to a running node; ``test/hostile_messages.py --node`` sends more."""

from hostile_node import NodeRun
import pytest


@pytest.mark.ros
@pytest.mark.slow
def test_damaged_messages_to_three_inputs_cost_the_fourth_no_mask(tmp_path):
    run = NodeRun(tmp_path, seed=2)
    try:
        run.send(160)
    finally:
        code = run.stop()
    assert run.faults(code) == [], run.report()
    assert set(run.sent.values()) == {40}
