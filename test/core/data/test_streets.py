"""StreetDrive: what its sensors deliver, against each other and against plain geometry."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from robustseg_core.data.streets import StreetDrive, StreetFrame
from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.drive import CAMERA_AT
from robustseg_core.errors import ConfigError
from robustseg_core.labels import DELIVER

SEEDS = (0, 1, 2)
NEAR = 30  # rows below the horizon from which a wobble of the camera no longer matters


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
    """Small pictures are drawn faster without OpenCV's threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


@cache
def drive(seed: int, condition: str = 'sun', faults: frozenset[str] = frozenset()) -> StreetDrive:
    return StreetDrive(seed, condition=condition, faults=faults)


@cache
def frame(
    seed: int, condition: str = 'sun', faults: frozenset[str] = frozenset(), index: int = 4
) -> StreetFrame:
    return drive(seed, condition, faults).frame(index)


def assert_same(one: StreetFrame, other: StreetFrame) -> None:
    for name in ('rgb', 'depth_m', 'points', 'intensity', 'ring', 'labels'):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for ours, theirs in zip(one.events, other.events, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (one.stamp_ns, one.condition) == (other.stamp_ns, other.condition)


def landed(seed: int, condition: str = 'sun') -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows and columns where LiDAR points land in the picture, and which points land."""
    here, shot = drive(seed, condition), frame(seed, condition)
    turn, shift = here.camera_from_lidar[:3, :3], here.camera_from_lidar[:3, 3]
    x, y, z = (shot.points.astype(float) @ turn.T + shift).T
    (fx, _, cx), (_, fy, cy), _ = here.camera.matrix
    with np.errstate(divide='ignore', invalid='ignore'):
        column, row = np.rint(fx * x / z + cx), np.rint(fy * y / z + cy)
    inside = (z > 0.5) & (column >= 0) & (column < 256) & (row >= 0) & (row < 256)
    index = np.flatnonzero(inside)
    return row[index].astype(int), column[index].astype(int), index


def test_same_seed_gives_the_same_frames_in_any_order() -> None:
    first, second = StreetDrive(11, 96, 96, 'rain'), StreetDrive(11, 96, 96, 'rain')
    forwards = [first.frame(index) for index in (0, 1, 7)]
    backwards = [second.frame(index) for index in (7, 1, 0)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert_same(one, other)


def test_another_seed_gives_another_street() -> None:
    assert (frame(0).labels != frame(1).labels).mean() > 0.1


def test_shapes_types_and_ids() -> None:
    shot = StreetDrive(5, 160, 96, 'night').frame(2)
    assert (shot.rgb.shape, shot.rgb.dtype) == ((96, 160, 3), np.uint8)
    assert (shot.depth_m.shape, shot.depth_m.dtype) == ((96, 160), np.float32)
    assert (shot.labels.shape, shot.labels.dtype) == ((96, 160), np.uint8)
    assert shot.labels.max() < len(DELIVER)
    count = len(shot.points)
    assert count > 5000
    assert (shot.points.shape, shot.points.dtype) == ((count, 3), np.float32)
    assert (shot.intensity.shape, shot.intensity.dtype) == ((count,), np.float32)
    assert (shot.ring.shape, shot.ring.dtype) == ((count,), np.uint16)
    assert [part.dtype for part in shot.events] == [np.uint16, np.uint16, np.int64, np.bool_]
    assert shot.events.x.max() < 160
    assert shot.events.y.max() < 96


def test_class_ids_are_those_of_deliver() -> None:
    ours = [member.name.replace('_', '').lower() for member in Class]
    assert ours == [name.lower() for name in DELIVER.classes]


@pytest.mark.parametrize('seed', SEEDS)
def test_depth_of_road_and_lines_is_that_of_one_level_plane(seed: int) -> None:
    shot, camera = frame(seed), drive(seed).camera
    rows, columns = np.nonzero(np.isin(shot.labels, (Class.ROAD, Class.ROAD_LINE)))
    below = rows - camera.matrix[1, 2]
    close = below > NEAR
    expected = camera.matrix[1, 1] * CAMERA_AT[2] / below[close]
    ratio = shot.depth_m[rows[close], columns[close]] / expected
    assert close.sum() > 5000
    assert np.percentile(np.abs(ratio - 1), 99) < 0.06
    line = shot.labels[rows[close], columns[close]] == Class.ROAD_LINE
    assert line.sum() > 300
    assert abs(ratio[line].mean() - ratio[~line].mean()) < 0.01


@pytest.mark.parametrize('seed', SEEDS)
def test_depth_is_zero_in_the_sky_and_known_elsewhere(seed: int) -> None:
    shot = frame(seed)
    sky = shot.labels == Class.SKY
    assert (shot.depth_m[sky] == 0).all()
    assert (shot.depth_m[~sky] > 0).mean() > 0.97


@pytest.mark.parametrize('seed', SEEDS)
def test_depth_jumps_coincide_with_label_edges(seed: int) -> None:
    shot = frame(seed)
    depth = np.where(shot.depth_m > 0, shot.depth_m, 500)
    left, right = depth[:, :-1], depth[:, 1:]
    jump = np.maximum(left, right) > 1.6 * np.minimum(left, right)
    edge = shot.labels[:, :-1] != shot.labels[:, 1:]
    assert edge[jump].mean() > 0.7
    assert edge[~jump].mean() < 0.1


@pytest.mark.parametrize('seed', SEEDS)
def test_lidar_points_land_on_pixels_of_equal_depth(seed: int) -> None:
    shot = frame(seed)
    rows, columns, index = landed(seed)
    turn, shift = drive(seed).camera_from_lidar[:3, :3], drive(seed).camera_from_lidar[:3, 3]
    depth = (shot.points[index] @ turn.T + shift)[:, 2]
    agree = np.abs(depth - shot.depth_m[rows, columns]) < 0.25 + 0.03 * depth
    assert len(index) > 3000
    # The scanner sits higher than the camera, and sees some of what the camera does not.
    assert agree.mean() > 0.85
    assert agree[shot.labels[rows, columns] == Class.ROAD].mean() > 0.97


def test_lidar_turns_all_the_way_round_in_rings() -> None:
    shot = frame(0)
    x, y, z = shot.points.T
    elevation = np.degrees(np.arctan2(z, np.hypot(x, y)))
    far = np.hypot(x, y) > 3  # where the range noise does not tilt a beam
    middles = [np.median(elevation[far & (shot.ring == ring)]) for ring in range(32)]
    assert all(later - before > 0.8 for before, later in pairwise(middles))
    counts, _ = np.histogram(np.arctan2(y, x), bins=12, range=(-np.pi, np.pi))
    assert counts.min() > 500
    assert shot.intensity.min() >= 0
    assert shot.intensity.max() <= 1


def test_lidar_sees_road_lines_shine() -> None:
    shot = frame(1)
    rows, columns, index = landed(1)
    label, intensity = shot.labels[rows, columns], shot.intensity[index]
    line, road = intensity[label == Class.ROAD_LINE], intensity[label == Class.ROAD]
    assert line.mean() > 3 * road.mean()


@pytest.mark.parametrize('seed', SEEDS)
def test_events_gather_at_edges_and_are_sorted_within_the_window(seed: int) -> None:
    shot = frame(seed)
    counts = np.zeros((256, 256))
    np.add.at(counts, (shot.events.y, shot.events.x), 1)
    edges = cv2.dilate(cv2.Canny(shot.rgb, 60, 120), np.ones((5, 5))) > 0
    sky = shot.labels == Class.SKY
    assert counts[edges].mean() > 3 * counts[~edges].mean()
    assert counts[sky & ~edges].mean() < 0.1
    assert (np.diff(shot.events.t_ns) >= 0).all()
    assert shot.events.t_ns[0] > shot.stamp_ns - 30_000_000
    assert shot.events.t_ns[-1] <= shot.stamp_ns


@pytest.mark.parametrize('seed', [0, 10, 17])
def test_vehicle_ahead_that_keeps_its_distance_gives_few_events(seed: int) -> None:
    # Were it to stand still, it would come nearer like everything else.
    shot = frame(seed)
    vehicle = np.isin(shot.labels, (Class.CARS, Class.BUS, Class.TRUCK)) & (shot.depth_m < 30)
    ahead = vehicle[110:160, 108:148]
    counts = np.zeros((256, 256))
    np.add.at(counts, (shot.events.y, shot.events.x), 1)
    assert ahead.sum() > 500
    assert counts[110:160, 108:148][ahead].mean() < 0.1


def test_weather_changes_the_look_but_not_the_street() -> None:
    for condition in ('cloud', 'rain', 'fog', 'night'):
        np.testing.assert_array_equal(frame(0).labels, frame(0, condition).labels)
        assert np.abs(frame(0).rgb.astype(int) - frame(0, condition).rgb).mean() > 8


def test_night_is_darker_and_noisier_than_day() -> None:
    day, night = frame(0), frame(0, 'night')
    assert night.rgb.mean() < 0.6 * day.rgb.mean()
    sky = cv2.erode((day.labels == Class.SKY).astype(np.uint8), np.ones((9, 9))) > 0
    grain = [np.abs(np.diff(shot.rgb.astype(float), axis=1))[sky[:, 1:]] for shot in (day, night)]
    assert grain[1].mean() > 2 * grain[0].mean()


def test_events_still_come_at_night() -> None:
    assert len(frame(0, 'night').events.x) > 0.3 * len(frame(0).events.x)


def test_fog_takes_contrast_from_what_is_far_and_points_from_the_lidar() -> None:
    clear, fog = frame(0), frame(0, 'fog')
    far = (clear.depth_m > 45) & (clear.depth_m < 100)
    near = (clear.depth_m > 0) & (clear.depth_m < 8)
    spread = {
        name: [shot.rgb[place].astype(float).std() for shot in (clear, fog)]
        for name, place in (('far', far), ('near', near))
    }
    assert spread['far'][1] < 0.5 * spread['far'][0]
    assert spread['near'][1] > 0.25 * spread['near'][0]
    reach = [np.percentile(np.linalg.norm(shot.points, axis=1), 98) for shot in (clear, fog)]
    assert reach[1] < 0.8 * reach[0]


def test_faults_harm_their_own_sensor_only() -> None:
    good = frame(0)
    for fault in ('overexposure', 'underexposure', 'motionblur'):
        bad = frame(0, 'sun', frozenset({fault}))
        np.testing.assert_array_equal(bad.points, good.points)
        np.testing.assert_array_equal(bad.events.t_ns, good.events.t_ns)
    jitter = frame(0, 'sun', frozenset({'lidarjitter'}))
    np.testing.assert_array_equal(jitter.rgb, good.rgb)
    assert jitter.points.shape == good.points.shape
    assert 0.05 < np.abs(jitter.points - good.points).mean() < 2


def test_faults_do_what_they_are_called() -> None:
    good = frame(0).rgb.astype(float)
    over, under, blurred = (
        frame(0, 'sun', frozenset({fault})).rgb.astype(float)
        for fault in ('overexposure', 'underexposure', 'motionblur')
    )
    assert (over > 250).mean() > 0.4
    assert under.mean() < 0.4 * good.mean()
    detail = [np.abs(cv2.Laplacian(picture, cv2.CV_64F)).mean() for picture in (good, blurred)]
    assert detail[1] < 0.75 * detail[0]


def test_condition_names_weather_and_faults() -> None:
    faults = frozenset({'motionblur', 'lidarjitter'})
    assert StreetDrive(0, 32, 32, 'night', faults).condition == 'night+lidarjitter+motionblur'


def test_a_drive_is_a_video() -> None:
    here = drive(2)
    places = [here.ego_x(index) for index in range(4)]
    assert all(0.2 < later - before < 2 for before, later in pairwise(places))
    shots = [frame(2, index=index) for index in (4, 5, 40)]
    assert shots[1].stamp_ns - shots[0].stamp_ns == 100_000_000
    soon = (shots[0].labels == shots[1].labels).mean()
    late = (shots[0].labels == shots[2].labels).mean()
    assert 0.8 < soon < 1
    assert late < soon


def test_frames_can_come_faster() -> None:
    slow, fast = StreetDrive(2, 64, 64, rate_hz=10), StreetDrive(2, 64, 64, rate_hz=20)
    assert_same(slow.frame(0), fast.frame(0))
    assert fast.ego_x(2) == pytest.approx(slow.ego_x(1))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'condition': 'snow'}, "condition 'snow'"),
        ({'faults': frozenset({'dirt'})}, 'dirt'),
        ({'rate_hz': 0.0}, 'rate_hz must be > 0'),
        ({'seed': -1}, 'seed must be >= 0'),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        StreetDrive(**{'seed': 0, **arguments})  # type: ignore[arg-type]
