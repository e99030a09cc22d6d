"""What an input says, in a node: units far from training and images without content."""

from dataclasses import replace

from node_driver import starting
from node_scene import MODALITIES, Scene, tiny_model
import numpy as np
import pytest
from value_ranges import seen

from robustseg_core.modalities import ModalitySet
from robustseg_core.models.checkpoint import save_model

# Of the scenes' LiDAR: ranges, intensities and heights as they are drawn.
SEEN = {'lidar': seen((14, 0.9, 2.5), (18, 1.0, 3.0))}


@pytest.fixture(scope='module')
def driver(tmp_path_factory):
    modalities = ModalitySet(
        tuple(replace(each, seen=SEEN.get(each.name)) for each in MODALITIES.members)
    )
    model = tiny_model(modalities)
    checkpoint = tmp_path_factory.mktemp('checkpoint') / 'ranged.safetensors'
    save_model(model, checkpoint)
    with starting(checkpoint, Scene(model, seed=1), tmp_path_factory) as start:
        yield start(rgb__leave_out_degraded=True)


@pytest.fixture
def moving(driver):
    """Another scene for each message, changed by ``change``; as it was afterwards."""
    before, seeds = driver.scene, iter(range(10_000))

    def drive(names, condition, change=lambda scene: None):
        def renew():
            driver.scene = Scene(before.model, next(seeds))
            change(driver.scene)

        renew()
        driver.drive_until(names, condition, publish=renew)

    yield drive
    driver.scene = before


def in_driver_units(scene):
    scene.intensity = scene.intensity * np.float32(255)


def under_a_cap(scene):
    scene.rgb = np.zeros_like(scene.rgb)


def test_intensity_of_0_to_255_is_a_warning_with_the_parameter_that_helps(driver, moving):
    moving(['rgb', 'lidar'], lambda: driver.message('lidar') == 'alive')
    moving(
        ['rgb', 'lidar'],
        lambda: 'likely 0..255 for 0..1' in driver.message('lidar'),
        in_driver_units,
    )
    assert driver.diagnostics['lidar'].level == b'\x01'
    assert 'multiply by 1/255 (parameter lidar.intensity_scale)' in driver.message('lidar')
    moving(
        ['rgb', 'lidar'],
        lambda: 'lidar: not as in training: intensity reaches' in driver.process.log(),
        in_driver_units,
    )
    moving(['rgb', 'lidar'], lambda: driver.message('lidar') == 'alive')


def test_a_black_image_is_left_out_where_that_is_asked_for_and_comes_back(driver, moving):
    moving(['rgb', 'event'], lambda: driver.value('subset') == 'RE')
    moving(['rgb', 'event'], lambda: driver.value('subset') == 'E', under_a_cap)
    moving(
        ['rgb', 'event'],
        lambda: 'degraded: all black, left out of the fusion' in driver.message('rgb'),
        under_a_cap,
    )
    assert driver.diagnostics['rgb'].level == b'\x01'
    assert driver.value('alive') == 'RE'
    moving(['rgb', 'event'], lambda: driver.value('subset') == 'RE')
    moving(['rgb', 'event'], lambda: driver.message('rgb') == 'alive')


def test_the_same_image_again_and_again_is_told_and_fused(driver):
    driver.drive_until(['depth', 'event'], lambda: 'degraded: frozen' in driver.message('depth'))
    assert driver.value('subset') == 'DE'


def test_sensors_that_cannot_be_compared_are_told_once(driver):
    text = 'does not say which values training saw of rgb, depth, event'
    assert driver.process.log().count(text) == 1
