"""make_events, on light whose change is known."""

import numpy as np

from robustseg_core.data.streets.event_camera import DARK_LIGHT, THRESHOLD, make_events
from robustseg_core.sensors.events import Events

MS = 1_000_000


def events_of(before: np.ndarray, after: np.ndarray, *, noise: float = 0.0) -> Events:
    rng = np.random.default_rng(0)
    pictures = [before.astype(np.float32), after.astype(np.float32)]
    return make_events(pictures, [100 * MS, 130 * MS], rng, noise)


def test_brightening_gives_on_events_there_and_darkening_off_events() -> None:
    before = np.full((40, 60), 0.2)
    after = before.copy()
    after[5:15, 5:20] = 0.6
    after[25:35, 40:55] = 0.05
    events = events_of(before, after)
    up = (events.x >= 4) & (events.x <= 20) & (events.y >= 4) & (events.y <= 15)
    down = (events.x >= 39) & (events.x <= 55) & (events.y >= 24) & (events.y <= 35)
    assert (up | down).all()
    assert up.sum() > 300
    assert down.sum() > 300
    assert events.on[up].all()
    assert not events.on[down].any()


def test_number_of_events_is_the_change_of_the_logarithm_over_the_threshold() -> None:
    before, after = np.full((64, 64), 0.2), np.full((64, 64), 0.4)
    expected = np.log((0.4 + DARK_LIGHT) / (0.2 + DARK_LIGHT)) / THRESHOLD
    events = events_of(before, after)
    # The thresholds spread by a sixth; their inverse is on average a little larger.
    assert abs(len(events.x) / 64**2 - expected) < 0.15 * expected


def test_brightness_does_not_matter_only_its_ratio() -> None:
    bright = events_of(np.full((64, 64), 10.0), np.full((64, 64), 15.0))
    dim = events_of(np.full((64, 64), 1.0), np.full((64, 64), 1.5))
    assert abs(len(bright.x) - len(dim.x)) < 0.05 * len(dim.x)


def test_nothing_happens_where_nothing_changes() -> None:
    picture = np.random.default_rng(1).uniform(0.01, 1, (50, 50))
    assert len(events_of(picture, picture).x) == 0


def test_changes_in_the_dark_drown() -> None:
    assert len(events_of(np.full((50, 50), 1e-5), np.full((50, 50), 3e-5)).x) < 125


def test_times_are_sorted_and_fill_the_window() -> None:
    events = events_of(np.full((50, 50), 0.1), np.full((50, 50), 0.3))
    assert (np.diff(events.t_ns) >= 0).all()
    assert events.t_ns[0] > 100 * MS
    assert events.t_ns[-1] <= 130 * MS
    counts, _ = np.histogram(events.t_ns, bins=5)
    assert counts.min() > 0.5 * counts.max()


def test_noise_comes_at_its_rate_in_both_signs() -> None:
    picture = np.full((200, 200), 0.3)
    events = events_of(picture, picture, noise=10.0)
    # 40000 pixels for 30 ms at ten times 0.25 Hz.
    assert 2700 < len(events.x) < 3300
    assert 0.4 < events.on.mean() < 0.6
