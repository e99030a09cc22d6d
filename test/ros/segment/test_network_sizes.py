"""Frames never wait for a size that the network is not ready for."""

from threading import Event
from types import SimpleNamespace

import pytest

from robustseg_core.errors import SensorError
from robustseg_core.runtime.preparation import SIZES_KEPT, Preparation
from robustseg_ros.segment.network_sizes import KEPT, PAUSE_S, WANTED, NetworkSizes

READY = (64, 64)


class Network:
    """An engine whose preparations end when they are told to; it sees masks as they are."""

    def __init__(self, preparation=Preparation.BESIDE):
        self.backend = SimpleNamespace(preparation=preparation, name='slow')
        self.prepared = []
        self.began, self.go = Event(), Event()
        self.fails = False

    def network_size(self, height, width):
        if height > 1000:
            msg = 'no sensor has such a size'
            raise SensorError(msg)
        return height, width

    def prepare(self, size):
        self.began.set()
        assert self.go.wait(5)
        if self.fails:
            msg = 'no memory'
            raise RuntimeError(msg)
        self.prepared.append(size)


@pytest.fixture
def made():
    """Make the sizes of a network, what they say, and a clock that is set by hand."""
    sizes = []

    def make(preparation=Preparation.BESIDE, ready=READY):
        network, said, clock = Network(preparation), [], SimpleNamespace(now_s=0.0)
        sizes.append(NetworkSizes(network, said.append, ready, lambda: clock.now_s))
        return sizes[-1], network, said, clock

    yield make
    for each in sizes:
        each.close()


def until_ready(sizes, size):
    """Ask for ``size`` until it is there; return how many frames that took."""
    for count in range(1, 5000):
        if sizes.choose(size) == size:
            return count
        Event().wait(0.001)
    raise AssertionError(size)


def test_until_the_new_size_is_ready_the_old_one_goes_on(made):
    sizes, network, said, clock = made()
    for _ in range(50):
        assert sizes.choose((64, 128)) == sizes.now((64, 128)) == READY
    assert network.began.wait(5)
    assert sizes.preparing == (64, 128)
    clock.now_s = 9.1
    network.go.set()
    until_ready(sizes, (64, 128))
    assert network.prepared == [(64, 128)]
    assert sizes.preparing is None
    assert sizes.choose(READY) == READY
    assert said == [
        'The network prepares for masks of 64x128, which it is to see at 64x128; until then it '
        'sees them at 64x64.',
        'The network is ready for masks of 64x128, which it sees at 64x128, after 9.1 s.',
    ]


def test_of_several_sizes_the_one_of_most_similar_shape_serves_meanwhile(made):
    sizes, network, _, _ = made()
    network.go.set()
    until_ready(sizes, (32, 128))
    until_ready(sizes, (128, 32))
    assert sizes.now((96, 256)) == (32, 128)
    assert sizes.now((256, 96)) == (128, 32)
    assert sizes.now((96, 96)) == READY


def test_another_size_every_frame_is_never_worth_preparing_for(made):
    sizes, network, said, _ = made()
    for step in range(200):
        assert sizes.choose((64 + 32 * (step % 25), 96)) == READY
    assert not said
    assert not network.began.is_set()


def test_sizes_that_alternate_are_both_prepared(made):
    sizes, network, said, _ = made()
    network.go.set()
    for _ in range(2000):
        found = sizes.choose((64, 128)), sizes.choose((128, 64))
        if found == ((64, 128), (128, 64)):
            break
        Event().wait(0.001)
    assert found == ((64, 128), (128, 64))
    assert len(said) == 4


def test_ever_new_sizes_that_last_a_while_are_bounded_in_number_and_in_rate(made):
    sizes, network, _, clock = made()
    network.go.set()
    for step in range(1, KEPT):
        until_ready(sizes, (64, 64 + 32 * step))
    for step in range(KEPT, KEPT + 20):
        for _ in range(WANTED + 1):
            assert sizes.choose((64, 64 + 32 * step)) != (64, 64 + 32 * step)
    assert len(network.prepared) == KEPT - 1 < SIZES_KEPT
    clock.now_s += PAUSE_S
    until_ready(sizes, (64, 512))
    assert len(network.prepared) == KEPT
    # What was used longest ago has gone for it: a frame must not wait for that, either.
    assert sizes.choose(READY) != READY


def test_a_size_that_cannot_be_prepared_is_told_once_and_not_tried_again(made):
    sizes, network, said, _ = made()
    network.fails = True
    network.go.set()
    for _ in range(200):
        assert sizes.choose((64, 128)) == READY
        Event().wait(0.001)
    assert len(said) == 2
    assert said[1] == (
        'The network cannot be made ready for masks of 64x128, which it sees at 64x128: '
        "RuntimeError: 'no memory'; it goes on with another size."
    )


def test_what_can_be_prepared_before_the_work_only_goes_on_and_says_what_to_do(made):
    sizes, network, said, _ = made(Preparation.BEFORE)
    assert {sizes.choose((64, 128)) for _ in range(20)} == {READY}
    assert not network.began.is_set()
    assert len(said) == 1
    assert "'slow' cannot be made ready for them at work" in said[0]
    assert 'Set expected_size to [64, 128] and configure again.' in said[0]


def test_what_computes_any_size_at_once_does_so_without_a_word(made):
    sizes, _, said, _ = made(Preparation.NEVER)
    assert sizes.choose((64, 128)) == sizes.now((64, 128)) == (64, 128)
    assert not said


def test_with_no_size_ready_the_first_one_is_as_it_comes(made):
    sizes, _, said, _ = made(ready=None)
    assert sizes.choose((64, 128)) == (64, 128)
    assert sizes.choose((64, 96)) == (64, 128)
    assert not said


def test_a_size_that_no_sensor_has_is_its_sensors_fault(made):
    sizes, *_ = made()
    with pytest.raises(SensorError, match='no sensor'):
        sizes.choose((40000, 1))
