"""One measurement of each sensor, and a model whose masks tell which of them they rest on."""

from collections.abc import Iterable
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header
import torch

from robustseg_core.labels import DELIVER
from robustseg_core.modalities import IMAGENET, UNIT, Modality, ModalitySet, Normalisation
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.sensors import CameraModel, depth_from_raw, encode_depth, lidar_image
from robustseg_core.sensors.network_input import network_tensor

SIDE = 64
FRAMES = {
    'rgb': 'camera_optical_frame',
    'depth': 'depth_optical_frame',
    'event': 'event_optical_frame',
    'lidar': 'lidar',
}
MODALITIES = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', IMAGENET),
        Modality(
            'depth', 'D', 'inverse_log_depth', Normalisation((0.2, 0.5, 0.8), (0.2, 0.3, 0.5))
        ),
        Modality('event', 'E', 'event_counts', UNIT),
        Modality('lidar', 'L', 'range_intensity_height', Normalisation((5, 0.2, 0), (10, 0.3, 2))),
    )
)
# LiDAR axes (x forward, y left, z up) to those of a camera (x right, y down, z forward).
CAMERA_FROM_LIDAR = np.array([[0.0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3], [0, 0, 0, 1]])


class Scene:
    """One measurement of each sensor, and the mask that a subset of them must give."""

    def __init__(self, model: MultimodalSegmenter, seed: int, side: int = SIDE) -> None:
        rng = np.random.default_rng(seed)
        self.model = model
        self.side = side
        self.rgb = rng.integers(0, 256, (side, side, 3), np.uint8)
        self.depth_m = rng.uniform(1, 50, (side, side)).astype(np.float32)
        self.events = rng.integers(0, 4, (side, side, 3), np.uint8)
        self.camera = CameraModel.pinhole(side, side, 90)
        self.points = rng.uniform((3, -6, -2), (15, 6, 3), (400, 3)).astype(np.float32)
        self.intensity = rng.uniform(0, 1, 400).astype(np.float32)

    def images(self) -> dict[str, np.ndarray]:
        camera = self.camera.resized(SIDE, SIDE)
        return {
            'rgb': self.rgb,
            'depth': encode_depth(depth_from_raw(self.depth_m, '32FC1'), 'inverse_log_depth'),
            'event': self.events,
            'lidar': lidar_image(self.points, self.intensity, CAMERA_FROM_LIDAR, camera),
        }

    def mask(self, names: Iterable[str]) -> np.ndarray:
        images = self.images()
        tensors = {
            name: network_tensor(images[name], MODALITIES[name], (SIDE, SIDE))[None]
            for name in names
        }
        with torch.inference_mode():
            logits = self.model(tensors)
            if self.side != SIDE:
                logits = torch.nn.functional.interpolate(
                    logits, (self.side, self.side), mode='bilinear', align_corners=False
                )
        return logits.argmax(1)[0].numpy().astype(np.uint8)

    def rests_on(self, mask: Image) -> str:
        """Return the letters of the subset that gives ``mask``.

        Rounding may turn a pixel whose best two classes are on a par, so the masks are compared
        by their share of equal pixels.
        """
        pixels = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width)
        shares = {
            MODALITIES.letters_of(names): float((self.mask(names) == pixels).mean())
            for names in MODALITIES.subsets()
        }
        letters = max(shares, key=shares.__getitem__)
        assert shares[letters] > 0.98, f'no subset gives this mask: {shares}'
        return letters

    def message(self, name: str, stamp: Time) -> Any:
        header = Header(stamp=stamp, frame_id=FRAMES[name])
        if name == 'rgb':
            return image_message(self.rgb, 'rgb8', header)
        if name == 'depth':
            return image_message(self.depth_m, '32FC1', header)
        if name == 'event':
            return image_message(self.events, 'rgb8', header)
        return cloud_message(self.points, self.intensity, header)

    def camera_info(self, stamp: Time) -> CameraInfo:
        matrix = self.camera.matrix
        return CameraInfo(
            header=Header(stamp=stamp, frame_id='camera_optical_frame'),
            width=self.side,
            height=self.side,
            distortion_model='plumb_bob',
            d=[0.0] * 5,
            k=matrix.ravel(),
            r=np.eye(3).ravel(),
            p=np.hstack([matrix, np.zeros((3, 1))]).ravel(),
        )


def image_message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    height, width = pixels.shape[:2]
    data = pixels.tobytes()
    return Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        step=len(data) // height,
        data=data,
    )


def cloud_message(points: np.ndarray, intensity: np.ndarray, header: Header) -> PointCloud2:
    data = np.column_stack([points, intensity]).astype('<f4')
    return PointCloud2(
        header=header,
        height=1,
        width=len(data),
        fields=[
            PointField(name=name, offset=4 * place, datatype=PointField.FLOAT32, count=1)
            for place, name in enumerate(('x', 'y', 'z', 'intensity'))
        ],
        point_step=16,
        row_step=16 * len(data),
        data=data.tobytes(),
        is_dense=True,
    )


def tiny_model(modalities: ModalitySet = MODALITIES) -> MultimodalSegmenter:
    """A tiny network whose masks differ much from subset to subset."""
    config = SegmenterConfig(
        labels=DELIVER,
        modalities=modalities,
        backbone='mit_nano',
        head_width=16,
        resolution=(SIDE, SIDE),
    )
    network = MultimodalSegmenter(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                weights = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(weights * 1.5 / parameter[0].numel() ** 0.5)
    return network
