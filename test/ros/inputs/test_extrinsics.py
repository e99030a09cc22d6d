"""Where a sensor sits."""

from types import SimpleNamespace as Bag

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_ros.inputs import extrinsics
from robustseg_ros.inputs.extrinsics import Extrinsics, transform_matrix
from robustseg_ros.node import optional


def transform(w, x, y, z, at=(0.0, 0.0, 0.0)):
    return Bag(rotation=Bag(w=w, x=x, y=y, z=z), translation=Bag(x=at[0], y=at[1], z=at[2]))


@pytest.mark.parametrize(
    ('axis', 'before', 'after'),
    [
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
        ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    ],
)
def test_a_quarter_turn_about_each_axis(axis, before, after):
    half = np.sqrt(0.5)
    matrix = transform_matrix(transform(half, *(half * np.array(axis)), at=(1.0, 2.0, 3.0)))
    np.testing.assert_allclose(
        matrix @ (*before, 1), [after[0] + 1, after[1] + 2, after[2] + 3, 1], atol=1e-12
    )


def test_a_rotation_that_is_none_is_refused():
    with pytest.raises(SensorError, match='length 0; wanted'):
        transform_matrix(transform(0, 0, 0, 0))


def test_the_parameter_comes_first():
    matrix = np.eye(4)
    assert Extrinsics(None, 'lidar', matrix).camera_from('camera', Bag(frame_id='x')) is matrix


def test_without_parameter_and_tf2_both_are_named(monkeypatch):
    monkeypatch.setattr(optional, 'load', lambda package: None)
    with pytest.raises(SensorError, match=r'lidar.camera_from_sensor is empty and tf2_ros'):
        Extrinsics(None, 'lidar', None).camera_from('camera', Bag(frame_id='lidar'))


class TransformException(Exception):  # noqa: N818 tf2's name
    pass


class ExtrapolationException(TransformException):
    pass


class Buffer:
    """As much of tf2_ros.Buffer as is used: knows camera <- lidar, at no later time than 10 s."""

    def __init__(self, node):
        assert node == 'node'

    def lookup_transform(self, target, source, at):
        if (target, source) != ('camera', 'lidar'):
            msg = f'no frame {source}'
            raise TransformException(msg)
        if at.nanoseconds > 10_000_000_000:
            raise ExtrapolationException('into the future')
        return Bag(transform=transform(1, 0, 0, 0, at=(0.0, 0.0, 7.0)))


def header(frame, sec):
    from builtin_interfaces.msg import Time

    return Bag(frame_id=frame, stamp=Time(sec=sec))


@pytest.fixture
def from_tf2(monkeypatch):
    listener = Bag(unregister=lambda: None)
    tf2 = Bag(
        Buffer=Buffer,
        TransformListener=lambda buffer, node: listener,
        TransformException=TransformException,
        ExtrapolationException=ExtrapolationException,
    )
    monkeypatch.setattr(extrinsics.optional, 'load', lambda package: tf2)
    return Extrinsics('node', 'lidar', None)


@pytest.mark.parametrize('sec', [5, 20])
def test_tf2_is_asked_at_the_scan_and_else_for_the_latest(from_tf2, sec):
    assert from_tf2.camera_from('camera', header('lidar', sec))[2, 3] == 7.0


def test_what_tf2_does_not_know_is_a_reason(from_tf2):
    with pytest.raises(SensorError, match="no extrinsics: 'no frame radar'"):
        from_tf2.camera_from('camera', header('radar', 5))


def test_a_name_of_a_frame_is_quoted_and_cut(from_tf2):
    with pytest.raises(SensorError, match=r'\(100009 characters\)') as caught:
        from_tf2.camera_from('camera', header('x' * 100_000, 5))
    assert len(str(caught.value)) < 500


def test_a_scan_from_before_1970_is_refused_since_tf2_knows_no_such_time(from_tf2):
    with pytest.raises(SensorError, match='Stamp is -5 s; wanted'):
        from_tf2.camera_from('camera', header('lidar', -5))


@pytest.mark.parametrize('broken', [np.nan, np.inf])
def test_a_transform_to_nowhere_is_refused(broken):
    with pytest.raises(SensorError, match=r'translation of 1.0, .*; wanted metres'):
        transform_matrix(transform(1, 0, 0, 0, at=(1.0, broken, 0.0)))
    with pytest.raises(SensorError, match='length nan'):
        transform_matrix(transform(np.nan, 0, 0, 0))
