"""Who trains together."""

import pytest

from robustseg_core.training.processes import Processes, gathered, place

TORCHRUN = {'RANK': '5', 'LOCAL_RANK': '1', 'WORLD_SIZE': '8', 'LOCAL_WORLD_SIZE': '4'}


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({}, Processes(rank=0, devices=2, nodes=3)),
        (TORCHRUN, Processes(rank=5, devices=4, nodes=2)),
        ({'LOCAL_RANK': '1'}, Processes(rank=1, devices=2, nodes=3)),
        ({'LOCAL_RANK': '1', 'NODE_RANK': '2'}, Processes(rank=5, devices=2, nodes=3)),
        # The first process of another machine, before Lightning has started the rest there.
        ({'NODE_RANK': '2'}, Processes(rank=4, devices=2, nodes=3)),
        ({'SLURM_PROCID': '3'}, Processes(rank=3, devices=2, nodes=3)),
    ],
)
def test_launchers_are_understood(environment: dict[str, str], expected: Processes) -> None:
    assert Processes.of(environment, devices=2, nodes=3) == expected


def test_their_number_is_that_of_all_machines() -> None:
    assert Processes(devices=4, nodes=2).count == 8


def test_one_process_is_alone() -> None:
    assert place() == (0, 1)
    assert gathered('x') == ['x']
