"""The decoder's process: what it gives, and how it is given up."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Event
import time

import cv2
from hostile_pictures import rvl_encoded, slow_jpeg
import numpy as np
import pytest

from robustseg_ros.decoding.decoder import Decoded, Decoder
from robustseg_ros.decoding.job import Job


def job(data: bytes, width: int = 8, height: int = 6, **more) -> Job:
    room = {'result_bytes': width * height * 8, 'work_bytes': width * height * 16}
    values = {'format': 'png', 'codec': 'picture', **room, **more}
    return Job(data=memoryview(data), width=width, height=height, **values)


class Client:
    """Waits for what a decoder has finished."""

    def __init__(self, limit_s: float) -> None:
        self._event = Event()
        self.decoder: Decoder[int] = Decoder('rgb', limit_s, self._event.set)

    def decode(self, work: Job, tag: int = 0) -> Decoded[int]:
        self.decoder.submit(tag, work)
        return self.next()

    def next(self) -> Decoded[int]:
        assert self._event.wait(40)
        self._event.clear()
        (done,) = self.decoder.finished()
        return done

    def pid(self) -> int:
        while self.decoder.pid is None:
            time.sleep(0.01)
        return self.decoder.pid


@pytest.fixture
def open_client() -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def open_one(limit_s: float = 20.0) -> Client:
        clients.append(Client(limit_s))
        return clients[-1]

    yield open_one
    for client in clients:
        client.decoder.close()


def ended(pid: int, within_s: float = 5.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
        except FileNotFoundError:
            return True
        if state == 'Z':
            return True
        time.sleep(0.02)
    return False


PIXELS = np.random.default_rng(0).integers(0, 250, (6, 8, 3), np.uint8)
GOOD = cv2.imencode('.png', PIXELS)[1].tobytes()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('channels', [1, 3, 4])
def test_pictures_come_back_as_they_were(open_client, dtype, channels):
    pixels = np.random.default_rng(0).integers(0, 250, (6, 8, channels)).astype(dtype)
    client = open_client()
    done = client.decode(job(cv2.imencode('.png', pixels)[1].tobytes()), 7)
    assert (done.tag, done.error) == (7, '')
    assert done.pixels.dtype == dtype
    np.testing.assert_array_equal(done.pixels.reshape(pixels.shape), pixels)
    kept = done.pixels.copy()
    client.decode(job(GOOD))  # whose memory is another
    np.testing.assert_array_equal(done.pixels, kept)


def test_rvl_and_quantised_depth_are_decoded_there(open_client):
    stored = np.array([[0, 2, 3, 4, 13]], np.uint16)
    rvl = job(rvl_encoded(stored), 5, 1, codec='rvl', format='32FC1; compressedDepth rvl')
    client = open_client()
    np.testing.assert_array_equal(client.decode(rvl).pixels, stored)
    png = job(cv2.imencode('.png', stored)[1].tobytes(), 5, 1, quantised=(5.0, 3.0))
    metres = client.decode(png).pixels
    assert metres.dtype == np.float32
    assert metres.tolist() == [[0, 0, 0, 5, 0.5]]


@pytest.mark.parametrize(
    ('data', 'size', 'wanted'),
    [
        (GOOD[:60] + bytes(100), (8, 6), "'png': Picture of 160 bytes is damaged"),
        (b'', (8, 6), 'error'),
        (GOOD, (6, 8), 'Picture is 8x6; its header says 6x8'),
        (GOOD, (1, 1), 'Picture is 8x6'),
    ],
    ids=['damaged', 'empty', 'turned', 'smaller'],
)
def test_what_cannot_be_decoded_is_told_and_the_next_is(open_client, data, size, wanted):
    client = open_client()
    first = client.pid()
    done = client.decode(job(data, *size))
    assert done.pixels is None
    assert wanted in done.error
    np.testing.assert_array_equal(client.decode(job(GOOD)).pixels, PIXELS)
    assert client.pid() == first


def test_a_picture_that_takes_too_long_is_given_up(open_client):
    client = open_client(limit_s=1.0)
    client.decode(job(GOOD))
    first = client.pid()
    start_s = time.monotonic()
    done = client.decode(job(slow_jpeg(6000, 6000, 5000), 6000, 6000, format='jpeg'))
    assert 1.0 <= time.monotonic() - start_s < 3.0
    assert done.error == "Compressed image 'jpeg': took longer than 1 s (input.decode_time)"
    assert ended(first)
    np.testing.assert_array_equal(client.decode(job(GOOD)).pixels, PIXELS)


def test_a_picture_that_needs_more_memory_than_its_header_says_is_refused(open_client):
    large = cv2.imencode('.png', np.zeros((8000, 8000, 3), np.uint8))[1].tobytes()
    client = open_client()
    done = client.decode(job(large))  # as if it were 8x6: 192 MB are not there
    assert done.pixels is None
    assert 'error' in done.error
    np.testing.assert_array_equal(client.decode(job(GOOD)).pixels, PIXELS)


@pytest.mark.parametrize('sig', [signal.SIGSEGV, signal.SIGKILL])
def test_a_process_that_dies_costs_one_picture(open_client, sig):
    client = open_client()
    client.decode(job(GOOD))
    first = client.pid()
    os.kill(first, sig)
    assert ended(first)
    assert f'ended its decoder ({sig.name})' in client.decode(job(GOOD)).error
    np.testing.assert_array_equal(client.decode(job(GOOD)).pixels, PIXELS)


def test_of_those_that_wait_only_the_newest_is_decoded(open_client):
    client = open_client()
    client.decode(job(GOOD))
    os.kill(client.pid(), signal.SIGSTOP)
    for tag in range(5):
        client.decoder.submit(tag, job(GOOD))
        time.sleep(0.05)
    os.kill(client.pid(), signal.SIGCONT)
    assert [client.next().tag, client.next().tag] == [0, 4]


def test_closing_waits_for_nothing(open_client):
    client = open_client()
    client.decode(job(GOOD))
    pid = client.pid()
    os.kill(pid, signal.SIGSTOP)  # as a picture that never ends
    client.decoder.submit(0, job(GOOD))
    time.sleep(0.1)
    start_s = time.monotonic()
    client.decoder.close()
    assert time.monotonic() - start_s < 0.5
    assert ended(pid)


def test_a_terminals_interrupt_is_not_for_the_decoder(open_client):
    client = open_client()
    client.decode(job(GOOD))
    pid = client.pid()
    assert os.getpgid(pid) != os.getpgid(0)
    os.kill(pid, signal.SIGINT)
    np.testing.assert_array_equal(client.decode(job(GOOD)).pixels, PIXELS)
    assert client.pid() == pid


def test_it_ends_with_its_owner_in_mid_picture(tmp_path):
    script = tmp_path / 'owner.py'
    script.write_text(
        'import sys, time\n'
        f'sys.path[:] = {sys.path!r}\n'
        'from hostile_pictures import slow_jpeg\n'
        'from robustseg_ros.decoding.decoder import Decoder\n'
        'from robustseg_ros.decoding.job import Job\n'
        "decoder = Decoder('rgb', 100.0, lambda: None)\n"
        'data = memoryview(slow_jpeg(6000, 6000, 20000))\n'
        "decoder.submit(0, Job(format='', data=data, codec='picture', width=6000, height=6000,"
        ' result_bytes=1 << 28, work_bytes=1 << 29))\n'
        'while decoder.pid is None:\n'
        '    time.sleep(0.01)\n'
        'print(decoder.pid, flush=True)\n'
        'time.sleep(60)\n'
    )
    owner = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(owner.stdout.readline())
        time.sleep(2.0)  # enough to be at work
        assert not ended(pid, 0.1)
    finally:
        owner.kill()
        owner.wait()
    assert ended(pid)


def test_it_has_neither_ros_nor_torch(open_client):
    client = open_client()
    client.decode(job(GOOD))
    maps = Path(f'/proc/{client.pid()}/maps').read_text()
    assert 'cv2' in maps
    assert 'torch' not in maps
    assert 'rclpy' not in maps
