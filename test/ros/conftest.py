"""The node as a process of its own, a model whose masks tell what they rest on, and a driver."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import time
from typing import Any, ClassVar

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2')

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParametersAtomically
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header
import torch

from robustseg_core.labels import DELIVER
from robustseg_core.modalities import (
    IMAGENET,
    UNIT,
    Modality,
    ModalitySet,
    Normalisation,
)
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.sensors import CameraModel, depth_from_raw, encode_depth, lidar_image
from robustseg_core.sensors.network_input import network_tensor

ROOT = Path(__file__).resolve().parents[2]
SIDE = 64
PERIOD_S = 0.05
DOMAINS = set(range(1, 101))
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a node: it needs DDS, and is not meant to take milliseconds."""
    for item in items:
        if 'driver' in getattr(item, 'fixturenames', ()):
            item.add_marker(pytest.mark.ros)


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


class NodeProcess:
    """``python -m robustseg_ros.segment_node`` in a domain of its own."""

    def __init__(self, folder: Path, domain: int, parameters: dict[str, Any]) -> None:
        self.log_path = folder / 'log.txt'
        # The file that is shipped, so that it is known to load.
        arguments = ['--ros-args', '--params-file', str(ROOT / 'config' / 'segment.yaml')]
        for name, value in parameters.items():
            arguments += ['-p', f'{name}:={_yaml(value)}']
        environment = {
            **os.environ,
            'ROS_DOMAIN_ID': str(domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'ROS_LOG_DIR': str(folder),
            'AMENT_PREFIX_PATH': os.environ.get('AMENT_PREFIX_PATH', sys.prefix),
            'PYTHONUNBUFFERED': '1',
            'OMP_NUM_THREADS': '1',
        }
        self._log = self.log_path.open('w')
        self.process = subprocess.Popen(
            [*_command(), *arguments], stdout=self._log, stderr=subprocess.STDOUT, env=environment
        )

    def log(self) -> str:
        return self.log_path.read_text()

    def stop(self, sig: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._log.close()


def _command() -> list[str]:
    return [sys.executable, '-m', 'robustseg_ros.segment_node']


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f'[{", ".join(_yaml(item) for item in value)}]'
    return str(value) if value != '' else "''"


class Driver:
    """The sensors and the user of the node, in the test's process."""

    TYPES: ClassVar = {'rgb': Image, 'depth': Image, 'event': Image, 'lidar': PointCloud2}
    TOPICS: ClassVar = {
        'rgb': '/camera/image_raw',
        'depth': '/depth/image_rect',
        'event': '/event_camera/image',
        'lidar': '/lidar/points',
    }

    def __init__(self, domain: int, scene: Scene, process: NodeProcess) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node('driver', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.scene = scene
        self.process = process
        self.masks: list[Image] = []
        self.diagnostics: dict[str, Any] = {}
        self.publishers = {name: self.publisher(name) for name in self.TYPES}
        self.camera_info = self.node.create_publisher(CameraInfo, '/camera/camera_info', 5)
        self.clock = self.node.create_publisher(Clock, '/clock', 5)
        self.node.create_subscription(Image, '/segment/mask', self.masks.append, 50)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)
        # Of simulated time; None means the wall clock.
        self.time_ns: int | None = None
        # Added to every stamp.
        self.shift_s = 0.0

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def publisher(self, name: str, qos: QoSProfile | int = 5) -> Any:
        return self.node.create_publisher(self.TYPES[name], self.TOPICS[name], qos)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics[status.name.removeprefix('segment: ')] = status

    def stamp(self, offset_s: float = 0.0) -> Time:
        now_ns = self.node.get_clock().now().nanoseconds if self.time_ns is None else self.time_ns
        seconds, nanoseconds = divmod(now_ns + int((offset_s + self.shift_s) * 1e9), 1_000_000_000)
        return Time(sec=seconds, nanosec=nanoseconds)

    def publish(self, names: Iterable[str], stamp: Time | None = None) -> Time:
        """Publish one message of each sensor in ``names``, all with one stamp."""
        stamp = self.stamp() if stamp is None else stamp
        if 'lidar' in names:
            self.camera_info.publish(self.scene.camera_info(stamp))
        for name in names:
            self.publishers[name].publish(self.scene.message(name, stamp))
        return stamp

    def tick(self) -> None:
        """Let simulated time go on by one period."""
        if self.time_ns is not None:
            self.time_ns += int(PERIOD_S * 1e9)
            seconds, nanoseconds = divmod(self.time_ns, 1_000_000_000)
            self.clock.publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def drive_until(
        self,
        names: Iterable[str],
        condition: Callable[[], bool],
        timeout_s: float = 20.0,
        publish: Callable[[], None] | None = None,
    ) -> None:
        """Publish ``names`` (and what ``publish`` publishes) until the condition holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                state = {name: status.message for name, status in self.diagnostics.items()}
                pytest.fail(f'waited {timeout_s} s for nothing; diagnostics: {state}')
            if self.process.process.poll() is not None:
                pytest.fail(f'the node has ended:\n{self.process.log()}')
            self.tick()
            self.publish(names)
            if publish is not None:
                publish()
            self.spin(PERIOD_S)

    def value(self, key: str, status: str = 'segmentation') -> str:
        """Return a value of the latest diagnostics, empty if there is none."""
        if status not in self.diagnostics:
            return ''
        return next((v.value for v in self.diagnostics[status].values if v.key == key), '')

    def message(self, status: str = 'segmentation') -> str:
        return self.diagnostics[status].message if status in self.diagnostics else ''

    def settle(self, letters: str, timeout_s: float = 20.0) -> None:
        """Publish the sensors of ``letters`` until exactly they are alive and in the mask."""
        names = MODALITIES.from_letters(letters)
        self.drive_until(
            names,
            lambda: self.value('alive') == letters and self.value('subset') == letters,
            timeout_s,
        )

    def next_masks(self, names: Iterable[str], count: int = 3) -> list[Image]:
        """Publish ``names`` until ``count`` masks have come, and return these."""
        self.spin(PERIOD_S)
        self.masks.clear()
        self.drive_until(names, lambda: len(self.masks) >= count)
        return self.masks[:count]

    def call(self, service: Any, name: str, request: Any, timeout_s: float = 30.0) -> Any:
        client = self.node.create_client(service, name)
        try:
            assert client.wait_for_service(timeout_s), f'no service {name}'
            future = client.call_async(request)
            self.executor.spin_until_future_complete(future, timeout_s)
            assert future.done(), f'service {name} gave no answer'
            return future.result()
        finally:
            self.node.destroy_client(client)

    def set_parameters(self, **values: Any) -> Any:
        """Set parameters (``__`` stands for a dot); return the result."""
        parameters: list[ParameterMsg] = [
            Parameter(name.replace('__', '.'), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        request = SetParametersAtomically.Request(parameters=parameters)
        return self.call(
            SetParametersAtomically, '/segment/set_parameters_atomically', request
        ).result

    def get_parameter(self, name: str) -> Any:
        request = GetParameters.Request(names=[name])
        return self.call(GetParameters, '/segment/get_parameters', request).values[0]

    def describe(self, name: str) -> Any:
        request = DescribeParameters.Request(names=[name])
        return self.call(DescribeParameters, '/segment/describe_parameters', request).descriptors[
            0
        ]

    def change_state(self, transition: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition
        return self.call(ChangeState, '/segment/change_state', request).success

    def state(self) -> str:
        return self.call(GetState, '/segment/get_state', GetState.Request()).current_state.label


@pytest.fixture(scope='session')
def model() -> MultimodalSegmenter:
    """A tiny network whose masks differ much from subset to subset."""
    config = SegmenterConfig(
        labels=DELIVER,
        modalities=MODALITIES,
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


@pytest.fixture(scope='session')
def checkpoint(model: MultimodalSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('checkpoint') / 'tiny.safetensors'
    save_model(model, path)
    return path


@pytest.fixture(scope='session')
def scene(model: MultimodalSegmenter) -> Scene:
    return Scene(model, seed=1)


@contextmanager
def starting(
    checkpoint: Path, scene: Scene, folders: pytest.TempPathFactory
) -> Iterator[Callable[..., Driver]]:
    """Give a function that starts nodes; every one must end well on SIGINT."""
    drivers: list[Driver] = []

    def start(**parameters: Any) -> Driver:
        domain = random.choice(sorted(DOMAINS))
        DOMAINS.remove(domain)  # nodes that live at the same time must not meet
        everything = {
            'checkpoint': checkpoint,
            'device': 'cpu',
            'diagnostics.period': 0.2,
            'sync.max_wait': 0.1,
            'lidar.camera_from_sensor': [float(v) for v in CAMERA_FROM_LIDAR.ravel()],
            **{f'{name}.timeout': 0.4 for name in FRAMES},
            **{name.replace('__', '.'): value for name, value in parameters.items()},
        }
        process = NodeProcess(folders.mktemp('node'), domain, everything)
        drivers.append(Driver(domain, scene, process))
        return drivers[-1]

    yield start
    codes = [driver.process.stop() for driver in drivers]
    for driver in drivers:
        driver.close()
    assert codes == [0] * len(codes), [driver.process.log() for driver in drivers]


@pytest.fixture(scope='module')
def start(
    checkpoint: Path, scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Driver]]:
    """Start a node with parameters (``__`` stands for a dot); return the driver for it."""
    with starting(checkpoint, scene, tmp_path_factory) as start_node:
        yield start_node


@pytest.fixture(scope='session')
def driver(
    checkpoint: Path, scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    """The driver of a node with all four inputs, shared by all who leave it as they found it."""
    with starting(checkpoint, scene, tmp_path_factory) as start_node:
        yield start_node()
