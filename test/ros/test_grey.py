"""Sensors of one channel, and others that a checkpoint may declare, from message to image."""

import cv2
from input_reading import WakingNode, input_config, outcome
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from robustseg_core.errors import ConfigError, SensorError
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.sensors import CameraModel
from robustseg_ros.inputs.image_encodings import to_grey
from robustseg_ros.inputs.image_readers import CompressedReader, ImageReader
from robustseg_ros.inputs.images import array_to_image
from robustseg_ros.inputs.measurements import Cloud
from robustseg_ros.inputs.pictures import Picture
from robustseg_ros.node.config import check_against_checkpoint, node_config
from robustseg_ros.node.parameters import idle_modality, parameter_table


def image_of(pixels, ros_encoding, encoding, scale=1.0):
    message = array_to_image(pixels, ros_encoding, Header())
    config = input_config(rgb__scale=scale)
    return ImageReader(config, encoding).read(message)[1].network_image((0, 0))


@pytest.mark.parametrize(
    ('ros_encoding', 'dtype', 'value'),
    [
        ('mono8', np.uint8, 77),
        ('8UC1', np.uint8, 77),
        ('mono16', np.uint16, 30123),
        ('16UC1', np.uint16, 30123),
        ('32FC1', np.float32, 293.25),
    ],
)
def test_number_of_every_one_channel_encoding_reaches_the_network(ros_encoding, dtype, value):
    image = image_of(np.full((4, 6), value, dtype), ros_encoding, 'grey')
    assert image.shape == (4, 6, 3)
    assert np.unique(image).tolist() == [value]


def test_scale_brings_the_sensors_unit_to_the_trained_one():
    image = image_of(np.full((4, 6), 29315, np.uint16), 'mono16', 'grey', 0.01)
    np.testing.assert_allclose(image, 293.15, rtol=1e-6)


def test_scale_of_depth_is_applied_to_metres():
    image = image_of(np.full((2, 2), 500, np.uint16), '16UC1', 'linear_depth', 10.0)
    np.testing.assert_allclose(image, 5.0, rtol=1e-6)


def test_grey_painted_as_colours_is_grey_again():
    pixels = np.full((4, 6, 3), 90, np.uint8)
    assert np.unique(image_of(pixels, 'bgr8', 'grey')).tolist() == [90]
    # Luminance of ITU-R BT.601.
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    np.testing.assert_allclose(to_grey(red, 'rgb8'), 0.299 * 200, atol=1)


def test_mosaic_is_not_taken_for_one_channel():
    mosaic = np.tile(np.array([[255, 0], [0, 0]], np.uint8), (8, 8))
    assert to_grey(mosaic, 'bayer_rggb8').std() < mosaic.std() / 2


def test_compressed_16_bit_image_keeps_its_numbers():
    pixels = np.full((4, 6), 30123, np.uint16)
    data = cv2.imencode('.png', pixels)[1].tobytes()
    message = CompressedImage(header=Header(), format='16UC1; png compressed', data=data)
    node = WakingNode()
    reader = CompressedReader(node, input_config(rgb__scale=0.5), 'grey')
    try:
        image = outcome(reader.read(message), node)[1].network_image((0, 0))
    finally:
        reader.close()
    assert np.unique(image).tolist() == [15061.5]


def test_ready_network_image_of_floats_is_taken_as_it_is():
    drawn = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    drawn[0, 0, 0] = np.nan
    image = image_of(drawn, '32FC3', 'image')
    drawn[0, 0, 0] = 0
    np.testing.assert_array_equal(image, drawn)


@pytest.mark.parametrize(('encoding', 'wanted'), [('grey', 'one channel'), ('rgb', 'colours')])
def test_floats_of_three_channels_are_neither_grey_nor_colours(encoding, wanted):
    with pytest.raises(SensorError, match=f"encoding '32FC3'; '{encoding}' wants {wanted}"):
        image_of(np.zeros((2, 4, 3), np.float32), '32FC3', encoding)
    floats = np.zeros((2, 4, 3), np.float32)
    picture = Picture(header=Header(), pixels=floats, ros_encoding='32FC3', encoding=encoding)
    with pytest.raises(SensorError, match=wanted):
        picture.network_image((2, 4))


def radar(intensity):
    points = np.array([[0, 0, 10], [0, 0, 20]], np.float32)
    camera = CameraModel.pinhole(33, 33, 90)
    return Cloud(Header(), points, intensity, np.eye(4), camera, 'range_intensity')


def test_radar_is_drawn_as_its_encoding_says():
    image = radar(np.array([0.25, 0.75], np.float32)).network_image((33, 33))
    # The strongest echo is seen, where a LiDAR's nearest would be.
    np.testing.assert_allclose(image[16, 16], [20, 0.75, 0])


def test_radar_without_intensity_is_refused():
    with pytest.raises(SensorError, match="no intensity, which 'range_intensity' is made from"):
        radar(None).network_image((33, 33))


MODALITIES = ModalitySet(
    (Modality('rgb', 'R', 'rgb', UNIT), Modality('thermal', 'T', 'grey', UNIT))
)


def config(**changes):
    values = {name: p.default for name, p in parameter_table(MODALITIES.names).items()}
    values['modalities'] = list(MODALITIES.names)
    return node_config(values | {name.replace('__', '.'): v for name, v in changes.items()})


def test_scale_is_for_one_channel_and_depth_only():
    made = config(thermal__scale=0.01)
    assert made.inputs['thermal'].scale == 0.01
    check_against_checkpoint(made, MODALITIES)
    with pytest.raises(ConfigError, match=r"'rgb.scale' is 2.0; wanted 0.0, since 'rgb' is"):
        check_against_checkpoint(config(rgb__scale=2.0), MODALITIES)


@pytest.mark.parametrize('kind', ['points', 'events'])
def test_grey_comes_as_images_only(kind):
    check_against_checkpoint(config(thermal__type='compressed_image'), MODALITIES)
    with pytest.raises(ConfigError, match=f"'thermal.type' is '{kind}', which cannot give 'grey'"):
        check_against_checkpoint(config(thermal__type=kind), MODALITIES)


def test_parameter_of_a_usual_modality_that_is_not_used_is_known_as_such():
    assert idle_modality('depth.timeout', ['rgb', 'thermal']) == 'depth'
    assert idle_modality('depth.tmeout', ['rgb', 'thermal']) == ''
    assert idle_modality('depth.timeout', ['rgb', 'depth']) == ''
    assert idle_modality('sync.max_wait', ['rgb']) == ''
