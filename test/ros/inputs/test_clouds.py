"""PointCloud2 to numpy, with the real message classes."""

from array import array

import numpy as np
import pytest

pytest.importorskip('sensor_msgs')

from sensor_msgs.msg import PointCloud2, PointField

from robustseg_core.errors import SensorError
from robustseg_ros.inputs.clouds import cloud_to_points

DATATYPES = {
    'i1': PointField.INT8,
    'u1': PointField.UINT8,
    'i2': PointField.INT16,
    'u2': PointField.UINT16,
    'i4': PointField.INT32,
    'u4': PointField.UINT32,
    'f4': PointField.FLOAT32,
    'f8': PointField.FLOAT64,
}
XYZ = np.array([[1, 2, 3], [4, 5, 6], [-7, 8, 9], [10, -11, 12]], np.float32)


def cloud(
    *columns: tuple[str, str, object],
    height: int = 1,
    gap: int = 0,
    row_padding: int = 0,
    bigendian: bool = False,
) -> PointCloud2:
    """Build a cloud of columns (name, type, values) with ``gap`` unused bytes before each."""
    order = '>' if bigendian else '<'
    fields, offset = [], 0
    for name, kind, _ in columns:
        offset += gap
        fields.append(PointField(name=name, offset=offset, datatype=DATATYPES[kind], count=1))
        offset += np.dtype(kind).itemsize
    step = offset + gap
    count = len(np.asarray(columns[0][2]))
    raw = np.full((count, step), 0xEE, np.uint8)
    for (_, kind, values), field in zip(columns, fields, strict=True):
        column = np.ascontiguousarray(np.asarray(values), order + kind)
        width = column.dtype.itemsize
        raw[:, field.offset : field.offset + width] = column.view(np.uint8).reshape(count, width)
    row = count // height * step
    padded = np.full((height, row + row_padding), 0xEE, np.uint8)
    padded[:, :row] = raw.reshape(height, row)
    return PointCloud2(
        height=height,
        width=count // height,
        fields=fields,
        is_bigendian=bigendian,
        point_step=step,
        row_step=row + row_padding,
        data=array('B', padded.tobytes()),
        is_dense=True,
    )


def xyz(points: np.ndarray = XYZ, kind: str = 'f4') -> list[tuple[str, str, object]]:
    return [(name, kind, points[:, axis]) for axis, name in enumerate('xyz')]


@pytest.mark.parametrize('kind', ['f4', 'f8'])
@pytest.mark.parametrize('bigendian', [False, True])
@pytest.mark.parametrize(('height', 'gap', 'row_padding'), [(1, 0, 0), (1, 3, 0), (2, 4, 5)])
def test_reads_points_in_any_layout(
    *, kind: str, bigendian: bool, height: int, gap: int, row_padding: int
) -> None:
    msg = cloud(
        *xyz(kind=kind), ('intensity', 'f4', [0.1, 0.2, 0.3, 0.4]), ('ring', 'u2', range(4)),
        height=height, gap=gap, row_padding=row_padding, bigendian=bigendian,
    )  # fmt: skip
    before = msg.data.tobytes()

    points, intensity = cloud_to_points(msg)

    np.testing.assert_array_equal(points, XYZ)
    assert intensity is not None
    np.testing.assert_allclose(intensity, [0.1, 0.2, 0.3, 0.4], rtol=1e-6)
    assert points.dtype == intensity.dtype == np.float32
    assert msg.data.tobytes() == before


def test_fields_may_be_in_any_order() -> None:
    x, y, z = xyz()
    points, intensity = cloud_to_points(
        cloud(('ring', 'u1', range(4)), z, x, ('t', 'u4', range(4)), y)
    )
    np.testing.assert_array_equal(points, XYZ)
    assert intensity is None


@pytest.mark.parametrize(
    ('kind', 'values', 'wanted'),
    [
        ('u1', [0, 51, 255], [0, 0.2, 1]),
        ('u2', [0, 13107, 65535], [0, 0.2, 1]),
        ('i4', [0, 2**30, 2**31 - 1], [0, 0.5, 1]),
        ('f4', [0, 0.2, 1], [0, 0.2, 1]),
        ('f8', [0, 0.2, 100], [0, 0.2, 100]),
    ],
)
@pytest.mark.parametrize('name', ['intensity', 'reflectivity', 'i'])
def test_integer_intensity_is_a_share_of_its_range(
    name: str, kind: str, values: list[float], wanted: list[float]
) -> None:
    intensity = cloud_to_points(cloud(*xyz(XYZ[:3]), (name, kind, values)))[1]
    assert intensity is not None
    assert intensity.dtype == np.float32
    np.testing.assert_allclose(intensity, wanted, rtol=1e-6)


def test_intensity_is_preferred_to_reflectivity() -> None:
    msg = cloud(*xyz(), ('reflectivity', 'f4', [9] * 4), ('intensity', 'f4', [0.5] * 4))
    assert cloud_to_points(msg)[1].tolist() == [0.5] * 4  # type: ignore[union-attr]


@pytest.mark.parametrize('broken', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('axis', [0, 1, 2])
def test_points_without_return_are_dropped_though_the_cloud_claims_to_be_dense(
    broken: float, axis: int
) -> None:
    points = XYZ.copy()
    points[2, axis] = broken
    found, intensity = cloud_to_points(cloud(*xyz(points), ('intensity', 'u1', [0, 255, 0, 255])))
    np.testing.assert_array_equal(found, XYZ[[0, 1, 3]])
    assert intensity is not None
    assert intensity.tolist() == [0, 1, 1]


def test_opposite_infinities_do_not_cancel() -> None:
    assert len(cloud_to_points(cloud(*xyz(np.array([[np.inf, -np.inf, 0]]))))[0]) == 0


@pytest.mark.parametrize('size', [(0, 0), (0, 1), (5, 0)])
def test_empty_cloud_has_no_points(size: tuple[int, int]) -> None:
    msg = cloud(*xyz(), ('intensity', 'f4', [0] * 4))
    msg.width, msg.height = size
    msg.row_step, msg.data = 0, array('B')
    if size == (5, 0):
        msg.row_step = 80
    points, intensity = cloud_to_points(msg)
    assert points.shape == (0, 3)
    assert intensity is not None
    assert intensity.shape == (0,)


def test_row_step_does_not_matter_with_one_row() -> None:
    msg = cloud(*xyz())
    msg.row_step = 0
    np.testing.assert_array_equal(cloud_to_points(msg)[0], XYZ)


def test_refuses_a_cloud_without_usable_coordinates() -> None:
    x, y, _ = xyz()
    with pytest.raises(
        SensorError, match=r"Cloud has fields \{'x': 'f4', 'y': 'f4'\}; wanted x, y, z"
    ):
        cloud_to_points(cloud(x, y))
    with pytest.raises(SensorError, match=r"'z': 'i2'.*; wanted x, y, z of f4 or f8"):
        cloud_to_points(cloud(x, y, ('z', 'i2', [1, 2, 3, 4])))


def test_refuses_sizes_that_do_not_fit() -> None:
    msg = cloud(*xyz(), height=2)
    msg.point_step = 11
    with pytest.raises(SensorError, match='point_step is 11 bytes; wanted at least 12'):
        cloud_to_points(msg)
    msg = cloud(*xyz(), height=2)
    msg.row_step = 23
    with pytest.raises(SensorError, match='row_step is 23 bytes; wanted at least 24 for 2 points'):
        cloud_to_points(msg)
    msg = cloud(*xyz(), height=2)
    msg.data = msg.data[:-1]
    with pytest.raises(SensorError, match='truncated: 47 bytes; wanted at least 48 for 2x2'):
        cloud_to_points(msg)


LARGEST = 2**32 - 1


@pytest.mark.parametrize(
    ('claims', 'complaint'),
    [
        ({'point_step': LARGEST}, f'wanted at least {LARGEST} for 1x1 points'),
        ({'width': LARGEST}, 'row_step is 48 bytes; wanted at least 51539607540'),
        ({'height': LARGEST, 'width': LARGEST, 'row_step': LARGEST}, 'Cloud row_step'),
        ({'height': LARGEST, 'row_step': LARGEST}, 'Cloud data is truncated: 48 bytes'),
        ({'point_step': 0}, 'point_step is 0 bytes; wanted at least 12'),
    ],
)
def test_refuses_sizes_that_no_data_fits(claims: dict[str, int], complaint: str) -> None:
    msg = cloud(*xyz())
    msg.width, msg.height = 1, 2 if 'width' in claims else 1
    for name, value in claims.items():
        setattr(msg, name, value)
    with pytest.raises(SensorError, match=complaint):
        cloud_to_points(msg)


@pytest.mark.parametrize('size', [(0, LARGEST), (LARGEST, 0)])
def test_claims_about_an_empty_cloud_do_not_matter(size: tuple[int, int]) -> None:
    msg = cloud(*xyz())
    msg.fields[1].offset = LARGEST - 8
    msg.width, msg.height = size
    msg.point_step = msg.row_step = LARGEST
    if size[0]:
        msg.point_step = LARGEST
        msg.height = 0
        msg.row_step = LARGEST
    assert cloud_to_points(msg)[0].shape == (0, 3)


def test_refuses_an_offset_beyond_the_point() -> None:
    msg = cloud(*xyz())
    msg.fields[0].offset = LARGEST
    with pytest.raises(
        SensorError, match=f'point_step is 12 bytes; wanted at least {LARGEST + 4}'
    ):
        cloud_to_points(msg)


def test_refuses_a_field_that_is_there_twice() -> None:
    msg = cloud(*xyz(), ('x', 'f4', [0] * 4))
    with pytest.raises(SensorError, match=r"4 fields for \['x', 'y', 'z'\]; wanted one for each"):
        cloud_to_points(msg)


def test_names_of_fields_are_quoted_and_cut() -> None:
    msg = cloud(('x' * 5000, 'f4', [1]), *[(f'f{n}', 'u1', [1]) for n in range(100)])
    with pytest.raises(SensorError) as caught:
        cloud_to_points(msg)
    assert '(5000 characters)' in str(caught.value)
    assert '... (101 fields)' in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_intensity_in_the_drivers_units_is_scaled() -> None:
    msg = cloud(*xyz(), ('intensity', 'f4', [0, 51, 255, np.inf]))
    intensity = cloud_to_points(msg, intensity_scale=1 / 255)[1]
    assert intensity is not None
    np.testing.assert_allclose(intensity, [0, 0.2, 1, 0], rtol=1e-6)
