"""A clock that tests turn by hand, and a network that runs in milliseconds."""

from functools import partial

import pytest
import torch

from robustseg_core.labels import LabelSet
from robustseg_core.modalities import BYTE, IMAGENET, UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.runtime.synchronizer import FrameSynchronizer, SyncConfig

MS = 1_000_000
ORDER = ('rgb', 'depth', 'lidar')


class FakeClock:
    """Returns ``now_ns``."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000_000_000_000)


class Bench:
    """A synchronizer with everything in milliseconds after the start."""

    def __init__(self, clock, **changes):
        self.clock = clock
        self.start_ns = clock.now_ns
        values = {
            'order': ORDER,
            'tolerance_ns': dict.fromkeys(ORDER, 40 * MS),
            'max_wait_ns': 30 * MS,
        }
        self.sync = FrameSynchronizer(SyncConfig(**(values | changes)), clock)

    def at(self, ms):
        self.clock.now_ns = self.start_ns + ms * MS
        return self

    def add(self, name, stamp_ms, item=None):
        return self.sync.add(name, self.start_ns + stamp_ms * MS, item or f'{name}@{stamp_ms}')

    def poll(self, *alive):
        """Return the frame as (leader, stamp in ms, items), or None."""
        frame = self.sync.poll(alive or ORDER)
        if frame is None:
            return None
        items = {name: stamped.item for name, stamped in frame.items.items()}
        return frame.leader, (frame.stamp_ns - self.start_ns) // MS, items

    def deadline(self):
        deadline_ns = self.sync.next_deadline_ns()
        return None if deadline_ns is None else (deadline_ns - self.start_ns) // MS


@pytest.fixture
def make_bench(clock):
    return partial(Bench, clock)


@pytest.fixture
def bench(make_bench):
    return make_bench()


def tiny_config(missing: str = 'drop') -> SegmenterConfig:
    return SegmenterConfig(
        backbone='mit_nano',
        head_width=16,
        labels=LabelSet('five', ('road', 'sky', 'car', 'tree', 'wall'), ((0, 0, 0),) * 5),
        modalities=ModalitySet(
            (
                Modality('rgb', 'R', 'rgb', IMAGENET),
                Modality('depth', 'D', 'inverse_log_depth', UNIT),
                Modality('event', 'E', 'event_counts', BYTE),
                Modality('lidar', 'L', 'range_intensity_height', UNIT),
            )
        ),
        resolution=(64, 64),
        missing=missing,
    )


@pytest.fixture(scope='module', params=['drop', 'zero'])
def model(request: pytest.FixtureRequest) -> MultimodalSegmenter:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MultimodalSegmenter(tiny_config(request.param)).eval()
        # Batch norm that has seen something, and classes that win here and there.
        model.head.norm.running_mean.normal_(std=0.1)
        model.head.norm.running_var.uniform_(0.5, 2.0)
        model.head.classifier.weight.data.normal_(std=1.0)
    return model
