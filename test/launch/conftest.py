"""A DDS domain of its own, a tiny model, and the user at the other end of the topics."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import random
import sys
import time
from typing import Any

import pytest


@pytest.fixture(scope='session')
def launch_folder() -> Path:
    return Path(__file__).resolve().parents[2] / 'launch'


@pytest.fixture(autouse=True, scope='module')
def environment() -> Iterator[None]:
    """Give back the environment: launch sets variables for all that follows in this process."""
    before = dict(os.environ)
    os.environ |= {
        'ROS_DOMAIN_ID': str(random.randint(1, 100)),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'OMP_NUM_THREADS': '1',
        'PYTHONUNBUFFERED': '1',
    }
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of the node's four modalities."""
    from robustseg_core.labels import DELIVER
    from robustseg_core.modalities import IMAGENET, UNIT, Modality, ModalitySet
    from robustseg_core.models.checkpoint import save_model
    from robustseg_core.models.config import SegmenterConfig
    from robustseg_core.models.segmenter import MultimodalSegmenter

    modalities = ModalitySet(
        (
            Modality('rgb', 'R', 'rgb', IMAGENET),
            Modality('depth', 'D', 'inverse_log_depth', UNIT),
            Modality('event', 'E', 'event_counts', UNIT),
            Modality('lidar', 'L', 'range_intensity_height', UNIT),
        )
    )
    config = SegmenterConfig(
        backbone='mit_nano',
        head_width=16,
        labels=DELIVER,
        modalities=modalities,
        resolution=(64, 64),
    )
    path = tmp_path_factory.mktemp('model') / 'tiny.safetensors'
    save_model(MultimodalSegmenter(config).eval(), path)
    return path


class User:
    """A ROS node that publishes, listens, and waits for what it heard."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.context import Context
        from rclpy.executors import SingleThreadedExecutor

        self._context = Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('user', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def spin_until(
        self,
        condition: Callable[[], bool],
        *,
        timeout_s: float = 40.0,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> bool:
        """Spin and do ``meanwhile``, about 20 times a second; return whether it came true."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            meanwhile()
            self._executor.spin_once(timeout_sec=0.05)
        return True

    def call(self, service_type: type, name: str, request: Any, timeout_s: float = 20.0) -> Any:
        client = self.node.create_client(service_type, name)
        assert self.spin_until(client.service_is_ready, timeout_s=timeout_s), f'no service {name}'
        future = client.call_async(request)
        assert self.spin_until(future.done, timeout_s=timeout_s), f'no answer from {name}'
        return future.result()


@pytest.fixture
def user() -> Iterator[User]:
    user = User()
    yield user
    user.close()


@pytest.fixture
def failure(launch_folder, capfd) -> Callable[..., str]:
    """Run a launch file that must fail; return what it said."""
    import launch
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    import launch.logging

    def run(name: str, **arguments: str) -> str:
        # launch's logger keeps the stream of whoever came first, which pytest has closed since.
        launch.logging.reset()
        source = PythonLaunchDescriptionSource(str(launch_folder / name))
        include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
        service = launch.LaunchService(noninteractive=True)
        service.include_launch_description(launch.LaunchDescription([include]))
        assert service.run() == 1
        return ''.join(capfd.readouterr())

    return run
