"""Whatever one input sends, a frame goes on with the others, and names who was left out."""

from threading import Event, active_count
from time import monotonic

import cv2
from node_scene import MODALITIES, SIDE
import numpy as np
from pipeline_parts import Outputs, frame, measurements, unheard
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.runtime.engine import Engine
from robustseg_core.runtime.preparation import Preparation
from robustseg_ros.segment.pipeline import Pipeline

MOST_S = 2.0  # more than a tiny network's frame takes, however busy the machine
OTHERS = {'rgb': ('depth', 'event', 'lidar'), 'event': ('rgb', 'depth', 'lidar')}


@pytest.fixture
def made(model):
    outputs = Outputs()
    pipeline = Pipeline(Engine(model), outputs, unheard, (SIDE, SIDE), most_s=MOST_S)
    yield pipeline, outputs
    pipeline.close()


class Bad:
    """A measurement of which one thing raises, or is no image."""

    is_final = True

    def __init__(self, good, **bad):
        self._good = good
        self._bad = bad

    def __getattr__(self, name):
        return getattr(self._good, name)

    def size(self):
        return self._call('size')

    def network_image(self, size):
        return self._call('network_image', size)

    def _call(self, name, *args):
        bad = self._bad.get(name)
        if isinstance(bad, BaseException):
            raise bad
        return getattr(self._good, name)(*args) if bad is None else bad


FOREIGN = (
    MemoryError(),
    ValueError('negative dimensions'),
    cv2.error('(-215:Assertion failed)'),
    ZeroDivisionError('division by zero'),
    OverflowError('Python integer 99999999999 out of bounds'),
    TypeError('unhashable'),
    RuntimeError('of a library'),
    SystemExit(3),
)


@pytest.mark.parametrize('error', FOREIGN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize('name', ['rgb', 'event'])
def test_whatever_comes_out_of_one_input_costs_that_input_alone(made, scene, name, error):
    pipeline, outputs = made
    for stamp, ahead in ((1, False), (2, True)):
        parts = measurements(scene, stamp)
        parts[name] = Bad(parts[name], network_image=error)
        if ahead:
            pipeline.encode_ahead(name, stamp, parts[name])
        report = pipeline.run(frame(stamp, parts))
        assert set(report.refused) == {name}
        assert type(error).__name__ in report.refused[name]
        assert report.present == OTHERS[name]
    assert len(outputs.masks) == 2


@pytest.mark.parametrize('error', [MemoryError(), SensorError('no size')])
def test_a_leader_without_a_size_leaves_the_lead_to_the_next(made, scene, error):
    pipeline, outputs = made
    parts = measurements(scene, 1)
    parts['rgb'] = Bad(parts['rgb'], size=error)
    report = pipeline.run(frame(1, parts))
    assert set(report.refused) == {'rgb'}
    assert report.present == OTHERS['rgb']
    assert outputs.masks[0].shape == parts['depth'].size()


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 3), complex),
        np.full((8, 8, 3), np.nan, np.float32),
        'a text',
    ],
    ids=['empty', 'flat', 'complex', 'nan', 'text'],
)
def test_an_image_that_the_network_cannot_take_costs_its_input_alone(made, scene, image):
    pipeline, _ = made
    parts = measurements(scene, 1)
    parts['event'] = Bad(parts['event'], network_image=image)
    report = pipeline.run(frame(1, parts))
    assert set(report.refused) == {'event'}
    assert report.present == OTHERS['event']


def test_an_image_on_which_the_network_itself_breaks_is_found_and_left_out(made, scene):
    pipeline, outputs = made
    encode = pipeline._engine.backend.encode

    def breaking(images):
        if (images.abs() > 1e30).any():
            msg = 'of a library'
            raise RuntimeError(msg)
        return encode(images)

    pipeline._engine.backend.encode = breaking
    parts = measurements(scene, 1)
    parts['event'] = Bad(parts['event'], network_image=np.full((8, 8, 3), 1e35, np.float32))
    report = pipeline.run(frame(1, parts))
    assert report.refused == {'event': 'cannot segment: of a library'}
    assert report.present == OTHERS['event']
    # Alone, it is the same; and there is no mask.
    parts['event'] = Bad(parts['event'], network_image=np.full((8, 8, 3), 3e38, np.float32))
    pipeline._engine.backend.encode = encode
    report = pipeline.run(frame(2, parts, ['event']))
    assert set(report.refused) == {'event'}
    assert 'too large' in report.refused['event']
    assert report.error == 'none of its measurements could be used'
    assert len(outputs.masks) == 1


def test_a_network_that_is_broken_is_nobodys_fault(made, scene):
    pipeline, _ = made

    def broken(maps, subset):
        msg = 'the device is gone'
        raise RuntimeError(msg)

    pipeline._engine.backend.head = broken
    with pytest.raises(RuntimeError, match='the device is gone'):
        pipeline.run(frame(1, measurements(scene, 1)))


class Stuck(Bad):
    """A measurement that takes as long to draw as it is told to."""

    def __init__(self, good, go, started):
        super().__init__(good)
        self._go = go
        self._started = started

    def network_image(self, size):
        self._started.append(self)
        assert self._go.wait(150)
        return super().network_image(size)


@pytest.mark.parametrize('name', ['rgb', 'event'])
def test_one_that_is_stuck_holds_up_one_frame_no_longer_than_its_time(made, scene, name):
    pipeline, outputs = made
    pipeline.run(frame(1, measurements(scene, 1)))
    go, started = Event(), []
    threads = active_count()
    took_s = []
    for stamp in range(2, 12):
        parts = measurements(scene, stamp)
        parts[name] = Stuck(parts[name], go, started)
        began_s = monotonic()
        pipeline.encode_ahead(name, stamp, parts[name])
        report = pipeline.run(frame(stamp, parts))
        took_s.append(monotonic() - began_s)
        assert report.present == OTHERS[name]
        assert report.refused[name].startswith('too slow: its image is not drawn within 2 s')
    assert len(outputs.masks) == 11
    assert took_s[0] >= MOST_S
    assert sorted(took_s[1:])[4] < MOST_S  # only the first one waited
    # Nothing has piled up behind it.
    assert len(started) == 1
    assert active_count() <= threads
    go.set()


def test_an_input_in_doubt_is_refused_on_arrival_until_one_was_good_again(made, scene):
    pipeline, _ = made
    parts = measurements(scene, 1)
    good = parts['depth']
    assert pipeline.vet('depth', good) == ''
    parts['depth'] = bad = Bad(good, network_image=MemoryError())
    pipeline.run(frame(1, parts))
    for _ in range(20):
        assert 'cannot use: MemoryError' in pipeline.vet('depth', bad)
    assert 'cannot use: MemoryError' in pipeline.vet('depth', good)  # drawn on trial
    for _ in range(1000):
        if not pipeline.vet('depth', good):
            break
        Event().wait(0.005)
    assert pipeline.vet('depth', good) == ''
    assert pipeline.vet('event', parts['event']) == ''
    assert pipeline.run(frame(2, measurements(scene, 2))).present == MODALITIES.names


def test_an_input_that_has_no_image_before_its_frame_is_taken_back_by_its_frames(made, scene):
    """As packets of events: nothing of them can be drawn on arrival, on trial."""
    pipeline, _ = made
    parts = measurements(scene, 1)
    parts['event'] = Bad(parts['event'], network_image=MemoryError())
    assert 'event' in pipeline.run(frame(1, parts)).refused
    for stamp in range(2, 1000):
        report = pipeline.run(frame(stamp, measurements(scene, 1)))
        if not report.refused:
            break
        assert 'cannot use: MemoryError' in report.refused['event']
        Event().wait(0.005)
    assert report.present == MODALITIES.names


def test_masks_keep_coming_while_the_network_prepares_for_their_size(model, scene):
    """As with a backend that compiles: in a thread of its own, for as long as it likes."""
    engine = Engine(model)
    engine.backend.preparation = Preparation.BESIDE
    go, prepare = Event(), engine.prepare
    engine.prepare = lambda size: (go.wait(20), prepare(size))
    said = []
    outputs = Outputs()
    pipeline = Pipeline(engine, outputs, said.append, (SIDE, SIDE))
    pixels = np.full((90, 360, 3), 7, np.uint8)

    def wide(stamp):
        parts = measurements(scene, stamp)
        parts['rgb'] = Bad(parts['rgb'], size=(90, 360), network_image=pixels)
        for name in ('rgb', 'lidar'):
            pipeline.encode_ahead(name, stamp, parts[name])
        return pipeline.run(frame(stamp, parts))

    for stamp in range(1, 11):
        assert wide(stamp).present == MODALITIES.names
        assert pipeline.sizes == ((90, 360), (SIDE, SIDE))
    assert [mask.shape for mask in outputs.masks] == [(90, 360)] * 10
    assert pipeline.preparing == (90, 360)
    assert len(said) == 1
    go.set()
    for stamp in range(11, 1000):
        wide(stamp)
        if pipeline.sizes == ((90, 360), (32, 128)):
            break
        Event().wait(0.01)
    assert pipeline.sizes == ((90, 360), (32, 128))
    assert pipeline.preparing is None
    assert len(said) == 2
    pipeline.close()
