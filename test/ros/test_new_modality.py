"""A modality that only the checkpoint and the parameters know of, in the running node."""

from typing import ClassVar

from node_driver import Driver, NodeProcess, own_domain
from node_scene import SIDE, image_message, tiny_model
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header
import torch

from robustseg_core.labels import DELIVER
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.models.checkpoint import save_model
from robustseg_core.sensors.network_input import network_tensor

KELVIN = Normalisation((295.0,) * 3, (12.0,) * 3)
MODALITIES = ModalitySet(
    (Modality('rgb', 'R', 'rgb', IMAGENET), Modality('thermal', 'T', 'grey', KELVIN))
)
TOPIC = '/lepton/image_raw'


class ThermalScene:
    """A colour camera, and a thermal one that sends hundredths of a kelvin."""

    def __init__(self, model) -> None:
        rng = np.random.default_rng(3)
        self.model = model
        self.rgb = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        self.hundredths = rng.integers(28000, 31500, (SIDE, SIDE), np.uint16)

    def message(self, name, stamp):
        header = Header(stamp=stamp, frame_id=f'{name}_optical_frame')
        if name == 'rgb':
            return image_message(self.rgb, 'rgb8', header)
        return image_message(self.hundredths, 'mono16', header)

    def mask(self, names):
        kelvin = self.hundredths.astype(np.float64) / 100
        images = {'rgb': self.rgb, 'thermal': np.stack([kelvin] * 3, axis=-1)}
        tensors = {
            name: network_tensor(images[name], MODALITIES[name], (SIDE, SIDE))[None]
            for name in names
        }
        with torch.inference_mode():
            return self.model(tensors).argmax(1)[0].numpy()

    def rests_on(self, mask):
        pixels = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width)
        shares = {
            MODALITIES.letters_of(names): (self.mask(names) == pixels).mean()
            for names in MODALITIES.subsets()
        }
        best = max(shares, key=shares.__getitem__)
        assert shares[best] > 0.98, f'no subset gives this mask: {shares}'
        return best


class ThermalDriver(Driver):
    TYPES: ClassVar = {'rgb': Image, 'thermal': Image}
    TOPICS: ClassVar = {'rgb': '/camera/image_raw', 'thermal': TOPIC}


@pytest.fixture
def thermal_driver(tmp_path):
    model = tiny_model(MODALITIES)
    save_model(model, tmp_path / 'thermal.safetensors')
    domain = own_domain()
    parameters = {
        'checkpoint': tmp_path / 'thermal.safetensors',
        'device': 'cpu',
        'diagnostics.period': 0.2,
        'sync.max_wait': 0.1,
        'modalities': ['rgb', 'thermal'],
        'thermal.topic': TOPIC,
        'thermal.scale': 0.01,
        'rgb.timeout': 0.4,
        'thermal.timeout': 0.4,
    }
    process = NodeProcess(tmp_path, domain, parameters)
    driver = ThermalDriver(domain, ThermalScene(model), process)
    yield driver
    code = process.stop()
    driver.close()
    assert code == 0, process.log()


@pytest.mark.ros
def test_thermal_camera_needs_a_checkpoint_and_parameters_only(thermal_driver):
    driver = thermal_driver
    for letters in ('RT', 'T', 'R', 'RT'):
        names = MODALITIES.from_letters(letters)
        driver.drive_until(names, lambda letters=letters: driver.value('subset') == letters, 60)
        mask = driver.next_masks(names)[-1]
        assert driver.scene.rests_on(mask) == letters
        assert mask.header.frame_id == f'{names[0]}_optical_frame'
        assert driver.value('state', 'thermal') == ('alive' if 'T' in letters else 'stale')
    assert (mask.height, mask.width) == (SIDE, SIDE)
    assert np.frombuffer(mask.data, np.uint8).max() < len(DELIVER)
    log = driver.process.log()
    # The shipped file sets those that this node does not have: no mistake of the user.
    assert 'parameters of depth, event, lidar have no effect' in log
    assert 'is not known' not in log


@pytest.mark.ros
def test_what_no_thermal_camera_sends_is_refused_by_name_and_rgb_goes_on(thermal_driver):
    driver = thermal_driver
    driver.drive_until(['rgb'], lambda: driver.value('subset') == 'R', 60)

    def send_drawn():
        header = Header(stamp=driver.stamp(), frame_id='thermal_optical_frame')
        drawn = np.zeros((SIDE, SIDE, 3), np.float32)
        driver.publishers['thermal'].publish(image_message(drawn, '32FC3', header))

    driver.drive_until(
        ['rgb'], lambda: driver.value('state', 'thermal') == 'refused', publish=send_drawn
    )
    assert "'grey' wants one channel, e.g. mono8, mono16 or 32FC1" in driver.message('thermal')
    assert driver.scene.rests_on(driver.next_masks(['rgb'])[-1]) == 'R'
