"""Event images and the window of recent events."""

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.events import Events, EventWindow, event_image

MS = 1_000_000


def events(*rows: tuple[int, int, int, bool]) -> Events:
    """Events of (x, y, t in ms, on)."""
    x, y, t, on = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Events(
        np.array(x, np.uint16),
        np.array(y, np.uint16),
        np.array(t, np.int64) * MS,
        np.array(on, np.bool_),
    )


def test_counts_on_and_off_events_per_pixel() -> None:
    image = event_image(
        events((1, 0, 0, True), (1, 0, 1, True), (1, 0, 2, False), (4, 2, 3, False)), 5, 3
    )
    assert image.shape == (3, 5, 3)
    assert image.dtype == np.uint8
    assert image[0, 1].tolist() == [2, 1, 0]
    assert image[2, 4].tolist() == [0, 1, 0]
    assert image.sum() == 4


def test_counts_as_a_loop_would() -> None:
    rng = np.random.default_rng(1)
    many = Events(
        rng.integers(0, 40, 3000).astype(np.uint16),
        rng.integers(0, 30, 3000).astype(np.uint16),
        np.arange(3000),
        rng.random(3000) < 0.4,
    )
    wanted = np.zeros((30, 40, 3), np.uint8)
    for x, y, _, on in zip(*many, strict=True):
        wanted[y, x, 0 if on else 1] += 1
    np.testing.assert_array_equal(event_image(many, 40, 30), wanted)


def test_counts_saturate_instead_of_wrapping() -> None:
    image = event_image(events(*[(0, 0, 0, True)] * 300), 2, 2)
    assert image[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize('count', [255, 256, 511, 512])
def test_counts_saturate_wherever_eight_bits_begin_again(count: int) -> None:
    many = [(0, 0, 0, True)] * count + [(1, 1, 0, False)] * 3
    image = event_image(events(*many), 2, 2)
    assert image[0, 0].tolist() == [255, 0, 0]
    assert image[1, 1].tolist() == [0, 3, 0]


def test_events_outside_the_sensor_are_left_out() -> None:
    image = event_image(events((5, 0, 0, True), (0, 3, 0, True), (2047, 9, 0, False)), 5, 3)
    assert not image.any()


def test_no_events_make_an_empty_image() -> None:
    assert not event_image(events(), 5, 3).any()


def test_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    window = EventWindow(8, 1, window_ns=30 * MS)
    window.add(events((0, 0, 10, True), (1, 0, 11, True), (2, 0, 40, True), (3, 0, 41, True)))
    assert window.image(40 * MS)[0, :, 0].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]


def test_window_spans_packets_and_can_end_in_the_past() -> None:
    window = EventWindow(4, 1, window_ns=30 * MS)
    for step in range(10):
        window.add(events((step % 4, 0, 10 * step, True)))
    assert window.image(90 * MS)[..., 0].sum() == 3
    assert window.image(50 * MS)[0, :, 0].tolist() == [1, 1, 0, 1]


def test_unsorted_events_of_a_packet_are_counted_by_their_own_times() -> None:
    window = EventWindow(4, 1, window_ns=30 * MS)
    window.add(events((0, 0, 50, True), (1, 0, 20, True), (2, 0, 49, True)))
    assert window.image(50 * MS)[0, :, 0].tolist() == [1, 0, 1, 0]


def test_default_window_is_that_of_the_training_data() -> None:
    window = EventWindow(4, 1)
    window.add(events((0, 0, 0, True), (1, 0, 1, True), (2, 0, 30, True)))
    assert window.image(30 * MS)[0, :, 0].tolist() == [0, 1, 1, 0]


def test_memory_is_bounded_by_the_window_and_its_slack() -> None:
    window = EventWindow(4, 1, window_ns=30 * MS, slack_ns=20 * MS)
    for step in range(1000):
        window.add(events((0, 0, step, True)))
    assert len(window._packets) == 50
    assert window.image(999 * MS)[0, 0, 0] == 30
    assert window.image(979 * MS)[0, 0, 0] == 30


def test_memory_stays_bounded_behind_a_packet_from_the_future() -> None:
    window = EventWindow(4, 1, window_ns=30 * MS, slack_ns=20 * MS)
    window.add(events((0, 0, 9_000_000, True)))
    for step in range(1000):
        window.add(events((0, 0, step, True)))
    assert len(window._packets) == 51


def test_cleared_window_is_empty_and_takes_older_events() -> None:
    window = EventWindow(4, 1)
    window.add(events((0, 0, 5000, True)))
    window.clear()
    window.add(events((1, 0, 10, False)))
    assert window.image(5000 * MS).sum() == 0
    assert window.image(10 * MS)[0, 1].tolist() == [0, 1, 0]


def test_empty_packets_and_packets_of_noise_change_nothing() -> None:
    window = EventWindow(4, 1)
    window.add(events())
    window.add(events((9, 9, 5, True)))
    assert window.image(5 * MS).sum() == 0


def test_window_needs_a_size_and_a_time() -> None:
    with pytest.raises(SensorError, match='Event window is 0x4, 5 ns'):
        EventWindow(0, 4, 5)


@pytest.mark.parametrize('size', [(4096, 8), (8, 2049), (2**32 - 1, 2**32 - 1)])
def test_a_window_of_a_size_that_no_event_camera_has_is_refused(size: tuple[int, int]) -> None:
    words = f'has {size[0]}x{size[1]} pixels; wanted at most 2048 on a side'
    with pytest.raises(SensorError, match=words):
        EventWindow(*size)


def test_more_events_than_memory_is_for_push_out_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('robustseg_core.sensors.events.MOST_HELD', 10)
    window = EventWindow(8, 8, window_ns=1000, slack_ns=0)
    for column in range(4):
        four = np.full(4, column, np.uint16)
        window.add(Events(four, four, np.full(4, 100 + column), np.ones(4, np.bool_)))
    assert window.image(200)[..., 0].diagonal().tolist() == [0, 0, 4, 4, 0, 0, 0, 0]
