"""A drive along a synthetic street, recorded by four sensors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.appearance import Illustrator, Picture
from robustseg_core.data.streets.event_camera import make_events
from robustseg_core.data.streets.imaging import measure_depth, photograph
from robustseg_core.data.streets.light import Pose
from robustseg_core.data.streets.plan import StreetPlan
from robustseg_core.data.streets.randomness import Stream, stream
from robustseg_core.data.streets.raster import Reach, View, look_from, order_objects, paint
from robustseg_core.data.streets.scanner import RANGE_LIMIT_M, Scanner
from robustseg_core.data.streets.scene import FAR_M, Happening, Scene, still_scene
from robustseg_core.data.streets.traffic import Ride
from robustseg_core.data.streets.weather import check_condition, draw_weather
from robustseg_core.errors import ConfigError
from robustseg_core.sensors.camera import CameraModel
from robustseg_core.sensors.events import DEFAULT_WINDOW_NS, Events

Float = NDArray[np.float32]
Matrix = NDArray[np.float64]

FIELD_OF_VIEW_DEG = 80.0
START_NS = 1_000_000_000_000
# Places on the vehicle, from the ground below its middle: x forward, y left, z up, in metres.
CAMERA_AT = (1.3, 0.0, 1.5)
CAMERA_DOWN_RAD = 0.0
LIDAR_AT = (0.4, 0.0, 2.0)


class StreetFrame(NamedTuple):
    """What the sensors deliver at a moment, and the truth.

    Attributes:
        stamp_ns: The moment.
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 metres along the optical axis, 0 where nothing was measured.
        events: Of the last 30 ms before the stamp, sorted by time; same optics as the camera.
        points: (N, 3) float32 metres in the LiDAR's frame: x forward, y left, z up.
        intensity: (N,) float32 in [0, 1].
        ring: (N,) uint16, 0 = lowest.
        labels: (H, W) uint8, ids of ``robustseg_core.labels.DELIVER``.
        condition: Weather and faults, e.g. ``night+motionblur``.
    """

    stamp_ns: int
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    events: Events
    points: NDArray[np.float32]
    intensity: NDArray[np.float32]
    ring: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    condition: str


class StreetDrive:
    """A drive without end; any frame can be drawn, in any order, and always looks the same.

    Args:
        seed: Of everything, 0 or more.
        width: Of the camera, in pixels.
        height: Of the camera, in pixels.
        condition: ``sun``, ``cloud``, ``rain``, ``fog`` or ``night``.
        faults: Any of ``overexposure``, ``underexposure``, ``motionblur``, ``lidarjitter``.
        rate_hz: Frames a second.

    Raises:
        ConfigError: An argument is not one of these.
    """

    def __init__(
        self,
        seed: int,
        width: int = 256,
        height: int = 256,
        condition: str = 'sun',
        faults: frozenset[str] = frozenset(),
        rate_hz: float = 10.0,
    ) -> None:
        check_condition(condition, faults)
        if seed < 0:
            msg = f'seed must be >= 0, got {seed!r}.'
            raise ConfigError(msg)
        if rate_hz <= 0:
            msg = f'rate_hz must be > 0, got {rate_hz!r}.'
            raise ConfigError(msg)
        self.seed = seed
        self.condition = '+'.join([condition, *sorted(faults)])
        self.camera = CameraModel.pinhole(width, height, FIELD_OF_VIEW_DEG)
        self.camera_from_lidar = np.linalg.inv(_mounted(CAMERA_AT, _camera_axes())) @ _mounted(
            LIDAR_AT, np.eye(3)
        )
        self._faults = faults
        self._period_ns = round(1e9 / rate_hz)
        self._plan = StreetPlan.from_seed(seed)
        self._ride = Ride.from_plan(self._plan)
        self._weather = draw_weather(seed, condition)
        self._lit = condition in {'night', 'rain', 'fog'}
        rows, columns = np.mgrid[:height, :width]
        (fx, _, cx), (_, fy, cy), _ = self.camera.matrix
        rays = np.stack([(columns - cx) / fx, (rows - cy) / fy, np.ones_like(columns)]).reshape(
            3, -1
        )
        self._focal, self._centre = (fx.item(), fy.item()), (cx.item(), cy.item())
        self._illustrator = Illustrator(self._plan, self._weather, rays.astype(np.float32))
        self._scanner = Scanner(self._weather)

    def frame(self, index: int) -> StreetFrame:
        """Return frame ``index``, 0 or more."""
        stamp_ns = START_NS + index * self._period_ns
        still = still_scene(
            self._plan, self._ride.x(self._seconds(stamp_ns)), lamps=self._weather.night
        )
        times = [stamp_ns - DEFAULT_WINDOW_NS, stamp_ns]
        happening = Happening(
            self._plan, still, self._ride, self._seconds(stamp_ns), lit=self._lit
        )
        pictures = []
        # Within a frame's few centimetres, what hides what stays the same.
        eye = self._sensor(stamp_ns, CAMERA_AT)[0].street
        turn = order_objects(happening.after(0), eye, Reach(2.0, FAR_M))
        for time_ns in times:
            scene = happening.after((time_ns - stamp_ns) * 1e-9)
            pictures.append(self._picture(scene, time_ns, turn, colour=time_ns == stamp_ns))
        picture = pictures[-1]
        radiance = np.ascontiguousarray(picture.radiance.transpose(1, 2, 0))
        dark = 3.0 if self._weather.night else 1.0 + (self._weather.drops > 0) * 4
        events = make_events(
            [p.luminance for p in pictures], times, self._rng(Stream.EVENTS, index), dark
        )
        scan = self._scan(scene, stamp_ns, index)
        return StreetFrame(
            stamp_ns=stamp_ns,
            rgb=photograph(radiance, self._weather, self._faults, self._rng(Stream.CAMERA, index)),
            depth_m=measure_depth(picture.depth_m, self._weather, self._rng(Stream.DEPTH, index)),
            events=events,
            points=scan[0],
            intensity=scan[1],
            ring=scan[2],
            labels=picture.labels,
            condition=self.condition,
        )

    def ego_x(self, index: int) -> float:
        """Return how far along the street the vehicle is at frame ``index``, in metres."""
        return self._ride.x(self._seconds(START_NS + index * self._period_ns))

    def _rng(self, purpose: Stream, index: int) -> np.random.Generator:
        return stream(self.seed, purpose, index)

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - START_NS) * 1e-9

    def _vehicle(self, time_ns: int) -> tuple[Matrix, Matrix, float]:
        """Return the vehicle's place on the street, its axes (as columns) and its heading."""
        time_s = self._seconds(time_ns)
        plan, ride = self._plan, self._ride
        sway = 0.12 * np.sin(0.7 * time_s + self.seed % 7)
        yaw = 0.012 * np.sin(0.7 * time_s + 1.5 + self.seed % 7)
        pitch = 0.006 * np.sin(5.1 * time_s)
        x, y = ride.x(time_s), plan.lane_y(ride.lane, 1) + sway
        heading = x * plan.bend + yaw
        c, s = np.cos(heading), np.sin(heading)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        c, s = np.cos(pitch), np.sin(pitch)
        nod = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        return np.array([x, y, 0.0]), turn @ nod, float(heading)

    def _sensor(self, time_ns: int, at: tuple[float, float, float]) -> tuple[Pose, Matrix]:
        """Return where a sensor mounted at ``at`` is, and the vehicle's axes."""
        street, axes, heading = self._vehicle(time_ns)
        origin = np.array(self._plan.bent(street), np.float64)
        world = origin + axes @ np.array(at)
        here = heading - street[0] * self._plan.bend
        c, s = np.cos(here), np.sin(here)
        offset = np.array([c * at[0] - s * at[1], s * at[0] + c * at[1], world[2]])
        return Pose(street + offset, world, heading), axes

    def _picture(
        self, scene: Scene, time_ns: int, turn: NDArray[np.int64], *, colour: bool
    ) -> Picture:
        pose, axes = self._sensor(time_ns, CAMERA_AT)
        view_axes = (axes @ _camera_axes()).T.astype(np.float32)
        view = View(view_axes, self._focal, self._centre, (self.camera.width, self.camera.height))
        sight = look_from(pose.world, pose.street, scene, turn)
        return self._illustrator.draw(scene, sight, paint(sight, view), view, pose, colour=colour)

    def _scan(
        self, scene: Scene, time_ns: int, index: int
    ) -> tuple[Float, Float, NDArray[np.uint16]]:
        rng = self._rng(Stream.LIDAR, index)
        pose, axes = self._sensor(time_ns, LIDAR_AT)
        turn = order_objects(scene, pose.street, Reach(RANGE_LIMIT_M, RANGE_LIMIT_M))
        sight = look_from(pose.world, pose.street, scene, turn)
        points, intensity, ring = self._scanner.scan(scene, sight, axes.T.astype(np.float32), rng)
        if 'lidarjitter' in self._faults:
            points = _jitter(points, rng)
        return points, intensity, ring


def _camera_axes() -> Matrix:
    """Return the camera's right, down and forward in the vehicle's frame, as columns."""
    c, s = np.cos(CAMERA_DOWN_RAD), np.sin(CAMERA_DOWN_RAD)
    return np.array([[0, -s, c], [-1, 0, 0], [0, -c, -s]])


def _mounted(at: tuple[float, float, float], axes: Matrix) -> Matrix:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes, at
    return pose


def _jitter(points: Float, rng: np.random.Generator) -> Float:
    """Shake the scanner: with a loose mount, all of a turn is rotated, and each beam is noisy."""
    roll, pitch, yaw = rng.normal(0, np.radians(1.5), 3)
    turn = np.array([[1, -yaw, pitch], [yaw, 1, -roll], [-pitch, roll, 1]])
    shaken = points @ turn.T + rng.normal(0, 0.05, points.shape) + rng.normal(0, 0.08, 3)
    out: Float = shaken.astype(np.float32)
    return out
