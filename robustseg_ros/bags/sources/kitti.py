"""KITTI raw: the left colour camera and the Velodyne of a drive, synchronised and rectified.

Two layouts are read: KITTI's own (a ``..._sync`` folder with ``image_02/data`` and
``velodyne_points/data``, its calibration files in the folder above), and a plain one (``rgb``,
``velodyne`` and one ``calib.json``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.reading import MissingFiles, read_picture, read_points
from robustseg_core.documents import read_json
from robustseg_core.errors import DataError, RobustSegError
from robustseg_core.sensors import CameraModel
from robustseg_ros.bags import channels, messages
from robustseg_ros.bags.channels import Record
from robustseg_ros.bags.sources import EPOCH_NS, SourceOptions


class Layout(NamedTuple):
    """Where the files of a drive lie."""

    pictures: Path
    scans: Path
    plain: bool


class Calibration(NamedTuple):
    """Camera matrix (3, 3) of the rectified images, and (4, 4) LiDAR to camera coordinates."""

    matrix: NDArray[np.float64]
    camera_from_lidar: NDArray[np.float64]
    rate_hz: float


def find_layout(root: Path) -> Layout | None:
    """Return how the drive ``root`` is laid out, or None where it is no KITTI drive."""
    plain = Layout(root / 'rgb', root / 'velodyne', plain=True)
    own = Layout(root / 'image_02' / 'data', root / 'velodyne_points' / 'data', plain=False)
    for layout in (plain, own):
        if layout.pictures.is_dir() or layout.scans.is_dir():
            return layout
    return None


class KittiSource:
    """A KITTI drive; see ``Source``.

    Raises:
        DataError: ``root`` is no drive, is empty, or its calibration is missing or incomplete.
    """

    def __init__(self, root: Path, options: SourceOptions) -> None:
        layout = find_layout(root)
        if layout is None:
            msg = (
                f'{str(root)!r} is no KITTI drive: found neither rgb/ and velodyne/ nor '
                f'image_02/data/ and velodyne_points/data/.'
            )
            raise DataError(msg)
        self._layout = layout
        self._calibration = read_calibration(root, layout)
        pictures = {path.stem for path in layout.pictures.glob('*.png')}
        scans = {path.stem for path in layout.scans.glob('*.bin')}
        names = sorted(pictures | scans)
        if not names:
            msg = f'{str(root)!r} holds neither {layout.pictures}/*.png nor {layout.scans}/*.bin.'
            raise DataError(msg)
        rate_hz = options.rate_hz or self._calibration.rate_hz
        stamps = None if options.rate_hz else _recorded_stamps(layout)
        self._names = names[: options.limit]
        self._stamps_ns = [
            stamps[index] if stamps else EPOCH_NS + round(index * 10**9 / rate_hz)
            for index in range(len(self._names))
        ]
        missing = MissingFiles()
        for name in self._names:
            picture, scan = self._picture(name), self._scan(name)
            missing.look(
                [
                    ('camera', picture if name in pictures else None, picture),
                    ('lidar', scan if name in scans else None, scan),
                ]
            )
        self.notes = missing.lines()
        times = 'recorded times' if stamps else f'{rate_hz:g} Hz'
        self.summary = f'KITTI drive {root.name!r}: {len(self)} frames at {times}'

    def __len__(self) -> int:
        return len(self._names)

    def records(self, index: int) -> Iterator[Record]:
        name, stamp_ns = self._names[index], self._stamps_ns[index]
        if index == 0:
            yield self._transforms(stamp_ns)
        picture, scan = self._picture(name), self._scan(name)
        if picture.is_file():
            yield from self._camera(read_picture(picture), stamp_ns)
        if scan.is_file():
            x, y, z, intensity = read_points(scan, np.float32, 4).T
            fields = {'x': x, 'y': y, 'z': z, 'intensity': intensity}
            cloud = messages.points(fields, stamp_ns, channels.LIDAR_FRAME)
            yield Record(channels.POINTS, stamp_ns, cloud)

    def _camera(self, picture: NDArray[np.uint8], stamp_ns: int) -> Iterator[Record]:
        height, width = picture.shape[:2]
        camera = CameraModel(width, height, self._calibration.matrix)
        info = messages.camera_info(camera, stamp_ns, channels.CAMERA_FRAME)
        yield Record(channels.CAMERA_INFO, stamp_ns, info)
        image = messages.image(picture, stamp_ns, channels.CAMERA_FRAME)
        yield Record(channels.CAMERA, stamp_ns, image)

    def _transforms(self, stamp_ns: int) -> Record:
        # KITTI's LiDAR frame (x forward, y left, z up) is taken as the vehicle's.
        frames = {
            channels.LIDAR_FRAME: np.eye(4),
            channels.CAMERA_FRAME: np.linalg.inv(self._calibration.camera_from_lidar),
        }
        message = messages.static_transforms(channels.BASE_FRAME, frames, stamp_ns)
        return Record(channels.TF_STATIC, stamp_ns, message)

    def _picture(self, name: str) -> Path:
        return self._layout.pictures / f'{name}.png'

    def _scan(self, name: str) -> Path:
        return self._layout.scans / f'{name}.bin'


# What a file that is none raises; of linear algebra: a matrix without inverse.
_NO_CALIBRATION = (
    RobustSegError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    np.linalg.LinAlgError,
)


def read_calibration(root: Path, layout: Layout) -> Calibration:
    """Read the calibration of a drive: pixel = P_rect R_rect T_velodyne_to_camera point.

    Raises:
        DataError: A file or an entry is missing, or is no matrix of the wanted size.
    """
    try:
        if layout.plain:
            values = read_json(root / 'calib.json')
            rate_hz = float(values.get('rate_hz', 10.0))
            lidar = np.array(values['T_velodyne_to_camera'], np.float64).reshape(4, 4)
        else:
            values = _read_entries(root.parent / 'calib_cam_to_cam.txt')
            values = {'P_rect': values['P_rect_02'], 'R_rect': values['R_rect_00']}
            velodyne = _read_entries(root.parent / 'calib_velo_to_cam.txt')
            rate_hz, lidar = 10.0, np.eye(4)
            lidar[:3, :3] = velodyne['R'].reshape(3, 3)
            lidar[:3, 3] = velodyne['T']
        projection = np.array(values['P_rect'], np.float64).reshape(3, 4)
        rectify = np.eye(4)
        rectify[:3, :3] = np.array(values['R_rect'], np.float64).reshape(3, 3)
        matrix = projection[:, :3]
        # The last column shifts from camera 0, which R_rect leads to, to the pictures' camera.
        shift = np.eye(4)
        shift[:3, 3] = np.linalg.solve(matrix, projection[:, 3])
        if not (rate_hz > 0 and np.isfinite([rate_hz, *shift.flat, *lidar.flat]).all()):
            msg = f'rate_hz is {rate_hz}, or a matrix is not finite'
            raise ValueError(msg)
    except _NO_CALIBRATION as error:
        wanted = (
            'calib.json with P_rect (3x4), R_rect (3x3), T_velodyne_to_camera (4x4)'
            if layout.plain
            else 'calib_cam_to_cam.txt (P_rect_02, R_rect_00) and calib_velo_to_cam.txt (R, T) '
            'in the folder above'
        )
        msg = f'KITTI drive {str(root)!r} has no usable calibration: {error!r}; wanted {wanted}.'
        raise DataError(msg) from error
    return Calibration(matrix, shift @ rectify @ lidar, rate_hz)


def _read_entries(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read lines ``name: number number ...``; others (dates) are left out."""
    entries = {}
    for line in path.read_text().splitlines():
        name, _, numbers = line.partition(':')
        try:
            entries[name] = np.array([float(number) for number in numbers.split()])
        except ValueError:
            continue
    return entries


def _recorded_stamps(layout: Layout) -> list[int] | None:
    """Return the times of the frames (ns since 1970), or None where they are not recorded."""
    path = layout.pictures.parent / 'timestamps.txt'
    if layout.plain or not path.is_file():
        return None
    stamps = []
    try:
        for line in filter(None, path.read_text().splitlines()):
            seconds, _, fraction = line.strip().partition('.')
            moment = datetime.strptime(seconds, '%Y-%m-%d %H:%M:%S').replace(tzinfo=timezone.utc)
            stamps.append(int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, '0')[:9] or 0))
    except (OSError, ValueError) as error:
        msg = f'{str(path)!r} does not hold a time per line, as KITTI writes them: {error}.'
        raise DataError(msg) from error
    return stamps
