"""The node as a process of its own, and the sensors and the user it serves."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, ClassVar

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from node_scene import CAMERA_FROM_LIDAR, FRAMES, MODALITIES, Scene
import pytest
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParametersAtomically
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, '-m', 'robustseg_ros.segment_node')
PERIOD_S = 0.05
DOMAINS = set(range(1, 101))
_LOCKS: list[IO[str]] = []


class NodeProcess:
    """``python -m robustseg_ros.segment_node`` in a domain of its own."""

    def __init__(
        self,
        folder: Path,
        domain: int,
        parameters: dict[str, Any],
        file: str = 'segment.yaml',
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.log_path = folder / 'log.txt'
        # A file that is shipped, so that it is known to load.
        arguments = ['--ros-args', '--params-file', str(ROOT / 'config' / file)]
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
            [*command, *arguments], stdout=self._log, stderr=subprocess.STDOUT, env=environment
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


def _ns(stamp: Time) -> int:
    return stamp.sec * 1_000_000_000 + stamp.nanosec


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
        self.diagnosed_s = 0.0  # when they came last
        self.publishers = {name: self.publisher(name) for name in self.TYPES}
        self.camera_info = self.node.create_publisher(CameraInfo, '/camera/camera_info', 5)
        self.clock = self.node.create_publisher(Clock, '/clock', 5)
        self.node.create_subscription(Image, '/segment/mask', self._on_mask, 50)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)
        self._since_ns = 0
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

    def forget_masks(self) -> None:
        """Drop the masks so far, and those of measurements so far that are still to come."""
        self._since_ns = _ns(self.stamp())
        self.masks.clear()

    def _on_mask(self, mask: Image) -> None:
        if _ns(mask.header.stamp) > self._since_ns:
            self.masks.append(mask)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics[status.name.removeprefix('segment: ')] = status
        self.diagnosed_s = time.monotonic()

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
        self.forget_masks()
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


def own_domain() -> int:
    """Return a domain that nobody else has, in no process of the tests, as long as this one lives.

    Nodes that live at the same time must not meet.
    """
    for domain in random.sample(sorted(DOMAINS), len(DOMAINS)):
        lock = (Path(tempfile.gettempdir()) / f'robustseg_test_domain_{domain}').open('w')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        DOMAINS.remove(domain)
        _LOCKS.append(lock)
        return domain
    pytest.fail(f'none of the domains 1 to 100 is free; {len(DOMAINS)} of them were tried')


@contextmanager
def starting(
    checkpoint: Path, scene: Scene, folders: pytest.TempPathFactory
) -> Iterator[Callable[..., Driver]]:
    """Give a function that starts nodes; every one must end well on SIGINT."""
    drivers: list[Driver] = []

    def start(**parameters: Any) -> Driver:
        domain = own_domain()
        everything = {
            'checkpoint': checkpoint,
            'device': 'cpu',
            # Ready at once; converting the model for another one takes seconds.
            'backend': 'torch',
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
