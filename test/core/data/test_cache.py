"""InMemory."""

import numpy as np

from robustseg_core.data.cache import InMemory


def test_items_are_kept_and_small_numbers_halved() -> None:
    images = {
        'rgb': np.full((2, 2, 3), 200, np.uint8),
        'lidar': np.full((2, 2, 3), 80.1, np.float32),
        'thermal': np.full((2, 2, 3), 295.07, np.float32),
    }
    cached = InMemory([{'images': images, 'id': 'a'}])
    kept = cached[0]['images']
    assert len(cached) == 1
    assert cached[0]['id'] == 'a'
    assert kept['rgb'].dtype == np.uint8
    assert kept['lidar'].dtype == np.float16
    np.testing.assert_allclose(kept['lidar'], 80.1, atol=0.04)
    np.testing.assert_array_equal(kept['thermal'], images['thermal'])
