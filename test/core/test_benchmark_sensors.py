"""The command that times the sensors' arithmetic, and the inputs that it draws."""

import json

import numpy as np
import pytest

from robustseg_core import benchmark_sensors
from robustseg_core.benchmark_sensors import (
    decode,
    draw_events,
    draw_points,
    encode_evt2,
    encode_evt3,
    encode_evt21,
    encode_mono,
    encode_vectors,
    main,
    packets_of,
)
from robustseg_core.sensors import CameraModel, Events
from robustseg_core.sensors.lidar import transformed


def decoded(encoding: str, words: np.ndarray, length: int) -> Events:
    parts = decode(encoding, packets_of(words, length))
    return Events(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def assert_same(found: Events, wanted: Events) -> None:
    """Compare all but where time begins."""
    np.testing.assert_array_equal(found.x, wanted.x)
    np.testing.assert_array_equal(found.y, wanted.y)
    np.testing.assert_array_equal(found.on, wanted.on)
    np.testing.assert_array_equal(np.diff(found.t_ns), np.diff(wanted.t_ns))


def test_the_stream_of_single_events_is_the_drawn_events_at_the_recorded_density() -> None:
    events = draw_events(np.random.default_rng(1), 5000, 640, 480)
    words = encode_evt3(events)
    assert_same(decoded('evt3', words, len(words)), events)
    # The recorded camera: 1,125,154 words for 343,474 events.
    assert len(words) / len(events.x) == pytest.approx(3.28, abs=0.1)


def test_the_stream_of_vectors_is_the_drawn_events() -> None:
    words, events = encode_vectors(np.random.default_rng(1), 200)
    assert len(events.x) == pytest.approx(200 * 30, rel=0.05)
    assert_same(decoded('evt3', words, len(words)), events)


def test_the_streams_of_evt2_and_evt21_are_the_drawn_events() -> None:
    events = draw_events(np.random.default_rng(1), 5000, 640, 480)
    words = encode_evt2(events)
    assert_same(decoded('evt2', words, len(words)), events)
    words, events = encode_evt21(np.random.default_rng(1), 2000)
    assert len(events.x) == pytest.approx(2000 * 16, rel=0.05)
    assert_same(decoded('evt21', words, len(words)), events)


def test_the_mono_stream_is_the_drawn_events() -> None:
    events = draw_events(np.random.default_rng(1), 500, 640, 480)
    words = encode_mono(events)
    assert_same(decoded('mono', words, len(words)), events)


def test_packets_are_the_stream_cut_into_pieces() -> None:
    words = np.arange(10, dtype='<u2')
    packets = packets_of(words, 4)
    assert [len(packet) for packet in packets] == [8, 8, 4]
    assert b''.join(packets) == words.tobytes()


def test_a_narrow_scan_is_all_in_view_and_a_whole_one_a_quarter() -> None:
    camera = CameraModel.pinhole(1920, 1080, 90)
    for view_deg, share in ((80, 1.0), (360, 0.24)):
        points = draw_points(np.random.default_rng(1), 12_000, view_deg)
        assert points.shape == (12_000, 3)
        seen = camera.see(transformed(points, benchmark_sensors.CAMERA_FROM_LIDAR))
        assert len(seen.number) / 12_000 == pytest.approx(share, abs=0.02)


def test_it_prints_a_table_and_writes_the_figures(
    tmp_path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_sensors, 'EVENTS', 3000)
    monkeypatch.setattr(benchmark_sensors, 'POINTS', (1200, 2400))
    monkeypatch.setattr(benchmark_sensors, 'IMAGE_SIZES', ((64, 48),))
    path = tmp_path / 'sensors.json'
    assert main(['--repeats', '2', '--cpu-time', '--json', str(path)]) == 0
    printed = capsys.readouterr().out
    report = json.loads(path.read_text())
    assert f'numpy {np.__version__}' in printed
    assert 'processor time' in printed
    assert report['machine']['numpy'] == np.__version__
    parts = {figure['part']: figure for figure in report['figures']}
    for part, goal_ms in (
        ('decode evt3, large packets', 0.15),
        ('render 3000 events, 640x480', 10.0),
        ('project 1200 points, 64x48', None),
        ('project 2400 points, 64x48, distorted', 15.0),
    ):
        assert parts[part]['goal_ms'] == goal_ms
        timing = parts[part]['timing']
        assert timing['runs'] == 2
        assert f'| {part} | {timing["p50_ms"]:.2f} | {timing["p99_ms"]:.2f} |' in printed


def test_no_runs_at_all_are_refused_in_a_line(capsys: pytest.CaptureFixture) -> None:
    assert main(['--repeats', '0']) == 1
    printed = capsys.readouterr()
    assert 'repeats must be >= 1, got 0' in printed.err
    assert not printed.out
