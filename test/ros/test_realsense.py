"""The indoor student with the parameters for an RGB-D camera, in the running node."""

from typing import ClassVar

import cv2
from node_driver import Driver, NodeProcess, own_domain
from node_scene import image_message
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header
import torch

from robustseg_core import load_model
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.sensors.network_input import network_tensor

HEIGHT, WIDTH = 480, 640
NETWORK = (256, 320)  # of about as many pixels as the student was trained with


def room():
    """A room seen along its length: colours, and depth in millimetres with unknown corners."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    across = np.abs(columns / WIDTH - 0.5) * 2
    down = np.abs(rows / HEIGHT - 0.4) * 2
    depth = np.clip(900 / np.maximum(np.maximum(across, down), 0.2), 500, 4500)
    depth[:40, :60] = 0
    rgb = np.stack([170 + 60 * down, 160 + 40 * across, 150 - 60 * down], axis=-1)
    rgb[rows > 0.7 * HEIGHT] = (110, 80, 50)
    rgb = cv2.GaussianBlur(np.clip(rgb, 0, 255).astype(np.uint8), (9, 9), 3)
    return rgb, depth.astype(np.uint16)


class Room:
    def __init__(self) -> None:
        self.model = load_model(checkpoint_path('nyuv2_student'))
        self.rgb, self.millimetres = room()

    def message(self, name, stamp):
        header = Header(stamp=stamp, frame_id='camera_color_optical_frame')
        if name == 'rgb':
            return image_message(self.rgb, 'rgb8', header)
        return image_message(self.millimetres, '16UC1', header)

    def images(self):
        z = self.millimetres / 1000
        known = z > 0
        beyond = np.maximum(z, 1)
        planes = [known / beyond, np.log(beyond) / np.log(256), known]
        return {'rgb': self.rgb, 'depth': np.stack(planes, axis=-1).astype(np.float32)}

    def mask(self, names):
        images = self.images()
        modalities = self.model.config.modalities
        with torch.inference_mode():
            features = [
                self.model.encode(network_tensor(images[name], modalities[name], NETWORK)[None])
                for name in names
            ]
            subset = torch.tensor([self.model.config.modalities.subset_index(names)])
            logits = self.model.decode(self.model.fuse(features), (HEIGHT, WIDTH), subset)
            return logits.argmax(dim=1)[0].numpy()


def is_mask(message, wanted):
    assert (message.height, message.width) == (HEIGHT, WIDTH)
    pixels = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH)
    return (pixels == wanted).mean() > 0.98


class CameraDriver(Driver):
    TYPES: ClassVar = {'rgb': Image, 'depth': Image}
    TOPICS: ClassVar = {
        'rgb': '/camera/camera/color/image_raw',
        'depth': '/camera/camera/aligned_depth_to_color/image_raw',
    }


@pytest.mark.ros
def test_an_indoor_robot_runs_with_the_shipped_file_and_survives_losing_either_image(tmp_path):
    domain = own_domain()
    process = NodeProcess(
        tmp_path, domain, {'device': 'cpu', 'diagnostics.period': 0.2}, 'realsense.yaml'
    )
    room = Room()
    driver = CameraDriver(domain, room, process)
    try:
        for letters in ('RD', 'D', 'RD', 'R'):
            names = room.model.config.modalities.from_letters(letters)
            wanted = room.mask(names)
            driver.forget_masks()
            # Not the first mask: on a busy machine an image may come too late for its frame.
            driver.drive_until(
                names, lambda wanted=wanted: any(is_mask(m, wanted) for m in driver.masks), 60
            )
            driver.drive_until(names, lambda letters=letters: driver.value('subset') == letters)
        assert 'is not known' not in process.log()
    finally:
        code = process.stop()
        driver.close()
    assert code == 0, process.log()
