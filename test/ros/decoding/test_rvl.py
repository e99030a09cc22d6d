"""RVL, against an encoder written number by number."""

from hostile_pictures import rvl_encoded
import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_ros.decoding.rvl import MOST_BYTES_PER_PIXEL, decode_rvl


def depth(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    pixels = {
        'smooth': 1000 + np.add.outer(np.arange(24), 3 * np.arange(32)),
        'noise': rng.integers(0, 1 << 16, (24, 32)),
        'holes': rng.integers(900, 1100, (24, 32)) * (rng.random((24, 32)) > 0.4),
        'nothing': np.zeros((24, 32)),
        'steps': np.tile([1, 65535], (24, 16)),
        'alone': np.tile([65535, 0], (24, 16)),
        'zero last': np.arange(24 * 32)[::-1].reshape(24, 32),
    }
    return pixels[kind].astype(np.uint16)


KINDS = ['smooth', 'noise', 'holes', 'nothing', 'steps', 'alone', 'zero last']


@pytest.mark.parametrize('kind', KINDS)
def test_every_picture_comes_back(kind):
    pixels = depth(kind)
    data = rvl_encoded(pixels)
    assert len(data) <= MOST_BYTES_PER_PIXEL * pixels.size
    found = decode_rvl(np.frombuffer(data, np.uint8), 32, 24)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, pixels)


def test_the_numbers_of_the_paper_are_read_as_it_writes_them():
    # Two zeros, three others: 5, 5 + 3, 8 - 1; by hand: 2, 3, 10 = 8|2 1, 6, 1.
    words = [0x23A16100]
    data = np.array(words, '<u4').view(np.uint8)
    assert decode_rvl(data, 5, 1).tolist() == [[0, 0, 5, 8, 7]]


@pytest.mark.parametrize('kind', KINDS)
def test_whatever_is_mutated_only_our_errors_come_out(kind):
    rng = np.random.default_rng(1)
    whole = np.frombuffer(rvl_encoded(depth(kind)), np.uint8)
    for _ in range(200):
        data = whole.copy()
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            found = decode_rvl(data[: rng.integers(len(data) + 1)], 32, 24)
        except SensorError:
            continue
        assert found.shape == (24, 32)


@pytest.mark.parametrize(
    'data', [b'', b'\0\0', bytes(40_000), b'\xff' * 4000, b'\x77\x77\x77\x77', b'\0\0\0\x7f' * 9]
)
def test_data_of_another_size_is_refused(data):
    with pytest.raises(SensorError, match='RVL data'):
        decode_rvl(np.frombuffer(data, np.uint8), 32, 24)
