"""What compressed pictures cost: hostile ones with and without the decoder process, good ones too.

``PYTHONPATH=.:test python test/picture_costs.py``
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import struct
import subprocess
import sys
from threading import Event
from time import monotonic, perf_counter, process_time
from types import SimpleNamespace

import cv2
from hostile_pictures import PNG_OF_2_GB, png_that_claims, real_png, rvl_encoded, slow_jpeg
import numpy as np

from robustseg_core.errors import SensorError
from robustseg_ros.decoding.decoder import Decoder
from robustseg_ros.decoding.pixels import decoded
from robustseg_ros.inputs.compressed_images import job_of
from robustseg_ros.inputs.picture_limits import PictureLimits

LIMITS = PictureLimits(max_pixels=36_000_000, max_side=32_767, max_aspect=64)
PATIENCE_S = 60
_OPENCV = """
import json, resource, sys, time
import cv2, numpy as np
data = np.frombuffer(sys.stdin.buffer.read(), np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.monotonic()
try:
    cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
except cv2.error:
    pass
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([time.monotonic() - start, (after - before) / 1024]))
"""


class Pictures:
    """Has pictures decoded as the node has, one after another."""

    def __init__(self) -> None:
        self._done = Event()
        start_s = monotonic()
        self.decoder: Decoder[None] = Decoder('rgb', 1.0, self._done.set)
        self.read('jpeg', cv2.imencode('.jpg', np.zeros((8, 8), np.uint8))[1].tobytes())
        self.start_s = monotonic() - start_s

    def read(self, name: str, data: bytes) -> tuple[float, float, str]:
        """Return milliseconds in the node's thread, until the picture is there, and the error."""
        self._done.clear()
        start_s = perf_counter()
        try:
            job = job_of(SimpleNamespace(format=name, data=data), LIMITS)
        except SensorError as error:
            took_ms = (perf_counter() - start_s) * 1000
            return took_ms, took_ms, str(error)
        self.decoder.submit(None, job)
        asked_ms = (perf_counter() - start_s) * 1000
        self._done.wait()
        (done,) = self.decoder.finished()
        return asked_ms, (perf_counter() - start_s) * 1000, done.error


def by_opencv(data: bytes) -> str:
    """Return what OpenCV alone takes, in a process of its own."""
    command = [sys.executable, '-c', _OPENCV]
    try:
        result = subprocess.run(
            command, input=data, capture_output=True, timeout=PATIENCE_S, check=True
        )
    except subprocess.TimeoutExpired:
        return f'more than {PATIENCE_S} s'
    seconds, megabytes = json.loads(result.stdout)
    return f'{seconds:.2f} s, {megabytes:.0f} MB'


def good_pictures() -> dict[str, tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.integers(0, 256, (720, 1280, 3), np.uint8), (0, 0), 3)
    scene = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)
    depth = (1000 + 8 * scene[:480, :848, 0].astype(np.uint16)) * (scene[:480, :848, 1] > 60)
    depth = depth.astype(np.uint16)
    head = struct.pack('<iff', 0, 0, 0)
    rvl = head + struct.pack('<II', 848, 480) + rvl_encoded(depth)
    png = head + cv2.imencode('.png', depth)[1].tobytes()
    return {
        'JPEG 1280x720': ('jpeg', cv2.imencode('.jpg', scene)[1].tobytes()),
        'PNG 1280x720': ('png', cv2.imencode('.png', scene)[1].tobytes()),
        'PNG depth 848x480': ('16UC1; compressedDepth png', png),
        'RVL depth 848x480': ('16UC1; compressedDepth rvl', rvl),
    }


def cpu_costs(
    pictures: Pictures, name: str, data: bytes, times: int
) -> tuple[float, float, float]:
    """Return milliseconds of CPU for one picture: decoded here; by a decoder: here, and there."""
    job = job_of(SimpleNamespace(format=name, data=data), LIMITS)
    start_s = process_time()
    for _ in range(times):
        decoded(np.frombuffer(job.data, np.uint8), job.codec, job.width, job.height)
    alone_s = process_time() - start_s
    start_s, start_there_s = process_time(), cpu_s(pictures.decoder.pid)
    for _ in range(times):
        _, _, error = pictures.read(name, data)
        assert not error, error
    there_s = cpu_s(pictures.decoder.pid) - start_there_s
    here_s = process_time() - start_s
    return alone_s / times * 1000, here_s / times * 1000, there_s / times * 1000


def cpu_s(pid: int | None) -> float:
    """Return the CPU time that a process has had."""
    values = Path(f'/proc/{pid}/stat').read_text(encoding='ascii').rpartition(')')[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf('SC_CLK_TCK')


def main() -> int:
    """Measure, and tell as tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--times', type=int, default=50, help='of every good picture')
    args = parser.parse_args()
    pictures = Pictures()
    lines = ['| picture | bytes | OpenCV in the node | now: in the node | until refused |']
    for name, data in {
        'claims 60000x60000': png_that_claims(60_000, 60_000),
        'IDAT of 2^31-1 bytes': PNG_OF_2_GB,
        'real, 16000x16000': real_png(16_000, 16_000),
        'JPEG of 2000 scans': slow_jpeg(6000, 6000, 2000),
    }.items():
        before = by_opencv(data)
        asked_ms, took_ms, error = pictures.read('png', data)
        assert error
        lines.append(f'| {name} | {len(data)} | {before} | {asked_ms:.1f} ms | {took_ms:.0f} ms |')
        pictures.read(*good_pictures()['JPEG 1280x720'])
    lines += ['', '| picture | bytes | CPU in the node alone | in the node | in the decoder |']
    for name, (text, data) in good_pictures().items():
        costs = cpu_costs(pictures, text, data, args.times)
        texts = ' | '.join(f'{cost:.1f} ms' for cost in costs)
        lines.append(f'| {name} | {len(data)} | {texts} |')
    status = Path(f'/proc/{pictures.decoder.pid}/status').read_text(encoding='ascii')
    memory = next(line for line in status.splitlines() if line.startswith('VmRSS'))
    lines += ['', f'A decoder is there after {pictures.start_s:.2f} s; {memory}']
    pictures.decoder.close()
    sys.stdout.writelines(f'{line}\n' for line in lines)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
