"""A fixed sample of the fault matrix; ``python test/fault_matrix.py --all`` tries all of it."""

from fault_cells import Cell
from fault_matrix import try_cells
import pytest

SAMPLE = (
    Cell('RDEL', 'dies', 'rgb'),
    Cell('RD', 'stamps to and fro', 'rgb'),
    Cell('RL', 'camera info wrong', 'lidar'),
    Cell('DE', 'another frame_id', 'event'),
    Cell('DEL', 'all die and one returns', 'event'),
    Cell('RE', 'clock stands', 'rgb'),
)


@pytest.mark.slow
def test_the_claims_hold_in_a_sample_of_the_matrix(start, scene):
    told = []
    results = try_cells(start, scene, SAMPLE, told.append)
    assert told == []
    assert len(results) == len(SAMPLE)
    assert all(result.masks > 5 for result in results)
