"""Fixtures of the tests that need ROS; most of them drive the real node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from node_driver import Driver
    from node_scene import Scene

    from robustseg_core.models.segmenter import MultimodalSegmenter

try:
    import rclpy  # noqa: F401
except ImportError:
    # Without ROS, nothing here can even be imported.
    collect_ignore_glob = ['*']


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a node: it needs DDS, and is not meant to take milliseconds."""
    for item in items:
        if {'driver', 'start'} & set(getattr(item, 'fixturenames', ())):
            item.add_marker(pytest.mark.ros)


@pytest.fixture(scope='session')
def model() -> MultimodalSegmenter:
    from node_scene import tiny_model

    return tiny_model()


@pytest.fixture(scope='session')
def checkpoint(model: MultimodalSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from robustseg_core.models.checkpoint import save_model

    path = tmp_path_factory.mktemp('checkpoint') / 'tiny.safetensors'
    save_model(model, path)
    return path


@pytest.fixture(scope='session')
def scene(model: MultimodalSegmenter) -> Scene:
    from node_scene import Scene

    return Scene(model, seed=1)


@pytest.fixture(scope='module')
def start(
    checkpoint: Path, scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Driver]]:
    """Start a node with parameters (``__`` stands for a dot); return the driver for it."""
    from node_driver import starting

    with starting(checkpoint, scene, tmp_path_factory) as start_node:
        yield start_node


@pytest.fixture(scope='session')
def driver(
    checkpoint: Path, scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    """The driver of a node with all four inputs, shared by all who leave it as they found it."""
    from node_driver import starting

    with starting(checkpoint, scene, tmp_path_factory) as start_node:
        yield start_node()
