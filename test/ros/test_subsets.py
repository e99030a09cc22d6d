"""The node goes on with whatever subset of its sensors is alive."""

import pytest

SUBSETS = ['R', 'D', 'E', 'L', 'RD', 'RE', 'RL', 'DE', 'DL', 'EL']
SUBSETS += ['RDE', 'RDL', 'REL', 'DEL', 'RDEL']
NAMES = {'R': 'rgb', 'D': 'depth', 'E': 'event', 'L': 'lidar'}


@pytest.mark.parametrize('letters', SUBSETS)
def test_every_subset_gives_its_own_masks_and_is_named(driver, scene, letters):
    driver.settle(letters)
    names = [NAMES[letter] for letter in letters]
    for mask in driver.next_masks(names):
        assert scene.rests_on(mask) == letters
    for letter, name in NAMES.items():
        assert (driver.value('state', name) == 'alive') == (letter in letters)
    dead = [name for letter, name in NAMES.items() if letter not in letters]
    assert all(name in driver.message() for name in dead)


def test_nothing_alive_gives_no_mask_and_an_error(driver):
    driver.settle('R')
    driver.drive_until([], lambda: driver.value('alive') == '')
    driver.forget_masks()
    driver.spin(0.5)
    assert not driver.masks
    assert driver.message().startswith('no living input: no masks')
    assert driver.diagnostics['segmentation'].level == b'\x02'
