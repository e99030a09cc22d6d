"""Images and compressed images to pictures; the latter without waiting for their decoder."""

import time

from builtin_interfaces.msg import Time
import cv2
from hostile_pictures import chunk, header, png_that_claims, slow_jpeg
from input_reading import WakingNode, input_config, outcome
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from robustseg_core.errors import ConfigError, SensorError
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet
from robustseg_ros.inputs.image_encodings import NATIVE
from robustseg_ros.inputs.image_readers import CompressedReader, ImageReader
from robustseg_ros.node.config import check_against_checkpoint, node_config
from robustseg_ros.node.parameters import parameter_table


@pytest.fixture
def node():
    return WakingNode()


@pytest.fixture
def reader(node):
    reader = CompressedReader(node, input_config(), 'rgb')
    yield reader
    reader.close()
    assert node.conditions == 0


RED = np.zeros((4, 5, 3), np.uint8)
RED[..., 2] = 200  # OpenCV writes BGR
GOOD = cv2.imencode('.png', RED)[1].tobytes()
DAMAGED = header(4, 5) + chunk(b'IDAT', b'no pixels') + chunk(b'IEND', b'')


def compressed(data: bytes, sec: int = 1, name: str = 'png') -> CompressedImage:
    return CompressedImage(header=Header(stamp=Time(sec=sec)), format=name, data=data)


def test_a_compressed_image_becomes_a_picture_once_it_is_decoded(reader, node):
    stamp_ns, picture = outcome(reader.read(compressed(GOOD)), node)
    assert stamp_ns == 1_000_000_000
    assert picture.size() == (4, 5)
    assert picture.network_image((4, 5))[0, 0].tolist() == [200, 0, 0]


def test_what_the_header_tells_is_refused_at_once(reader):
    with pytest.raises(SensorError, match=r'\(input.max_side\)'):
        reader.read(compressed(png_that_claims(60_000, 60_000)))


@pytest.mark.parametrize(
    ('msg', 'wanted'),
    [
        (compressed(DAMAGED), 'damaged'),
        (compressed(GOOD, name='mono8; png compressed '), "says 'mono8'; the picture holds 3"),
    ],
)
def test_what_only_decoding_tells_is_refused_then(reader, node, msg, wanted):
    with pytest.raises(SensorError, match=wanted):
        outcome(reader.read(msg), node)


def test_depth_where_colours_are_wanted_is_refused_before_a_frame(node):
    reader = CompressedReader(node, input_config(), 'inverse_log_depth')
    try:
        with pytest.raises(
            SensorError, match="encoding 'bgr8'; 'inverse_log_depth' wants raw depth"
        ):
            outcome(reader.read(compressed(GOOD)), node)
    finally:
        reader.close()


def test_reading_never_waits(reader, node):
    outcome(reader.read(compressed(GOOD)), node)
    large = cv2.imencode(
        '.png', np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), np.uint8)
    )
    data = large[1].tobytes()
    longest_s = 0.0
    for _ in range(5):
        msg = compressed(data)
        start_s = time.perf_counter()
        reader.read(msg)
        longest_s = max(longest_s, time.perf_counter() - start_s)
    assert longest_s < 0.05


def test_what_waits_behind_pictures_that_are_given_up_is_refused_with_them(node):
    reader = CompressedReader(node, input_config(input__decode_time=0.3), 'rgb')
    refused = []

    def send(data):
        pending = reader.read(compressed(data))
        pending.then = lambda read: refused.append(pytest.raises(SensorError, read))
        return pending

    try:
        outcome(reader.read(compressed(GOOD)), node)
        slow = slow_jpeg(5000, 5000, 1000)
        send(slow)
        while not refused:
            node.spin_once()
        send(slow)
        time.sleep(0.1)  # under way, though a new process may still be starting
        for _ in range(4):
            send(GOOD)
        assert len(refused) >= 4
        assert all('took longer than 0.3 s' in str(error.value) for error in refused)
    finally:
        reader.close()


def test_what_was_being_decoded_when_time_began_again_is_forgotten(reader, node):
    old = reader.read(compressed(GOOD))
    found = []
    old.then = found.append
    reader.reset()
    node.spin_once()
    assert not found
    assert outcome(reader.read(compressed(GOOD, sec=2)), node)[0] == 2_000_000_000


def image(encoding: str, pixels: np.ndarray) -> Image:
    data = pixels.tobytes()
    height, width = pixels.shape[:2]
    step = len(data) // height
    return Image(height=height, width=width, encoding=encoding, step=step, data=data)


def test_bits_scale_colours_and_grey():
    pixels = np.array([[0, 1024, 4095]], np.uint16)
    msg = image('mono16', pixels)
    dark = ImageReader(input_config(), 'rgb').read(msg)[1].network_image((1, 3))
    assert dark[0, :, 0].tolist() == [0, 4, 15]
    reader = ImageReader(input_config(rgb__bits=12), 'rgb')
    assert reader.read(msg)[1].network_image((1, 3))[0, :, 0].tolist() == [0, 64, 255]
    reader = ImageReader(input_config(rgb__bits=12, rgb__scale=0.5), 'grey')
    grey = reader.read(msg)[1].network_image((1, 3))
    assert grey[0, :, 0].tolist() == [0, 1024 * 8, 4095 * 8]


def test_a_planar_picture_has_the_size_of_its_message():
    msg = image('nv12', np.full((6, 4), 128, np.uint8))
    msg.height = 4
    picture = ImageReader(input_config(), 'rgb').read(msg)[1]
    assert picture.size() == (4, 4)
    assert picture.network_image((4, 4)).shape == (4, 4, 3)


@pytest.mark.parametrize('encoding', ['bayer_rggb8', 'bayer_grbg16', 'mono8', 'rgb16', '8UC4'])
@pytest.mark.parametrize('shape', [(1, 1), (1, 2), (2, 1), (3, 3)])
def test_tiny_pictures_are_drawn(encoding, shape):
    dtype, channels = NATIVE[encoding]
    msg = image(encoding, np.full((*shape, channels), 9, dtype))
    picture = ImageReader(input_config(), 'rgb').read(msg)[1]
    assert picture.network_image(shape).shape == (*shape, 3)


def test_foreign_errors_of_drawing_become_ours(monkeypatch):
    msg = image('mono8', np.zeros((2, 2), np.uint8))
    picture = ImageReader(input_config(), 'rgb').read(msg)[1]

    def fails(*_):
        raise cv2.error('x' * 10_000)

    monkeypatch.setattr(cv2, 'cvtColor', fails)
    with pytest.raises(SensorError, match="2x2 pixels of 'mono8' cannot be worked on") as error:
        picture.network_image((2, 2))
    assert len(str(error.value)) < 400


@pytest.mark.parametrize('bits', [1, 7, 12])
def test_bits_that_mean_nothing_are_refused(bits):
    values = {p.name: p.default for p in parameter_table(['rgb']).values()}
    values |= {'modalities': ['rgb'], 'rgb.bits': bits}
    depth = ModalitySet((Modality('rgb', 'R', 'inverse_log_depth', IMAGENET),))
    with pytest.raises(ConfigError, match=f"'rgb.bits' is {bits}; wanted 0"):
        check_against_checkpoint(node_config(values), depth)
