"""What file-based data sets share, on a set of two sensors."""

from pathlib import Path
import re
from typing import Any, NamedTuple

import cv2
from hostile_pictures import PNG_OF_2_GB, png_that_claims, slow_jpeg
import numpy as np
import pytest

from robustseg_core.data.frames import FrameFiles, wanted_of
from robustseg_core.data.reading import read_array, read_class_ids, read_picture
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.labels import MCUBES
from robustseg_core.modalities import UNIT, Modality, ModalitySet

SENSORS = ModalitySet(
    (Modality('rgb', 'R', 'rgb', UNIT), Modality('depth', 'D', 'linear_depth', UNIT))
)


class Numbered(NamedTuple):
    id: str
    description: str


class Arrays(FrameFiles[Numbered]):
    """``<kind>/<id>.npy``, the labels as grey pictures."""

    labels = MCUBES

    def __init__(self, root: Path, count: int) -> None:
        self.root = root
        frames = [Numbered(str(number), 'fog') for number in range(count)]
        super().__init__(frames, SENSORS, f'Arrays {root}')

    def gap(self, frame: Numbered, kind: str) -> Path | None:
        path = self.root / kind / f'{frame.id}.npy'
        return None if path.is_file() else path

    def image(self, frame: Numbered, name: str) -> np.ndarray:
        return read_array(self.root / name / f'{frame.id}.npy')

    def class_ids(self, frame: Numbered) -> np.ndarray:
        ids = read_array(self.root / 'labels' / f'{frame.id}.npy')
        if ids.max() > 19:
            msg = f'{frame.id} is bad.'
            raise DataError(msg)
        return ids


def write(root: Path, kind: str, number: int, values: Any = None) -> None:
    path = root / kind / f'{number}.npy'
    path.parent.mkdir(exist_ok=True)
    shape = (4, 6) if kind == 'labels' else (4, 6, 3)
    np.save(path, np.zeros(shape, np.uint8) if values is None else values)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(6):
        for kind in ('labels', 'rgb', 'depth'):
            write(tmp_path, kind, number)
    return tmp_path


def test_frame_has_images_labels_id_and_condition(root: Path) -> None:
    write(root, 'labels', 2, np.full((4, 6), 7, np.uint8))
    frame = Arrays(root, 6)[2]
    assert frame['id'] == '2'
    assert frame['condition'] == 'fog'
    assert list(frame['images']) == ['rgb', 'depth']
    assert (frame['labels'] == 7).all()


def test_frames_can_be_iterated_and_end(root: Path) -> None:
    assert [frame['id'] for frame in Arrays(root, 3)] == ['0', '1', '2']


def test_missing_sensor_is_an_absent_key_and_no_fault(root: Path) -> None:
    gone = root / 'depth/1.npy'
    gone.unlink()
    data = Arrays(root, 6)
    assert list(data[1]['images']) == ['rgb']
    assert list(data[2]['images']) == ['rgb', 'depth']
    assert data.missing.lines() == [f'depth: 1 of 6 files are missing, e.g. {gone}']
    data.check()


def test_frame_without_any_sensor_is_left_out_and_counted(root: Path) -> None:
    for name in ('rgb', 'depth'):
        (root / name / '1.npy').unlink()
    (root / 'depth/2.npy').unlink()
    data = Arrays(root, 4)
    assert [frame['id'] for frame in data] == ['0', '2', '3']
    assert data.missing.counts == {'rgb': 1, 'depth': 2}
    data.check()


def test_set_without_any_sensor_is_refused(root: Path) -> None:
    for number in range(2):
        (root / f'rgb/{number}.npy').unlink()
        (root / f'depth/{number}.npy').unlink()
    data = Arrays(root, 2)
    assert len(data) == 0
    with pytest.raises(DataError, match=r'rgb: 2 of 2 .*; depth: 2 of 2 .*'):
        data.check()


def test_set_that_is_half_there_is_refused_in_one_message(root: Path) -> None:
    for number in range(6):
        (root / f'depth/{number}.npy').unlink()
    for number in (0, 1, 3, 4):
        (root / f'labels/{number}.npy').unlink()
    write(root, 'labels', 5, np.full((4, 6), 20, np.uint8))
    (root / 'rgb/0.npy').unlink()
    with pytest.raises(DataError) as raised:
        Arrays(root, 6).check()
    labels = ', '.join(str(root / f'labels/{number}.npy') for number in (0, 1, 3))
    depth = ', '.join(str(root / f'depth/{number}.npy') for number in (0, 1, 2))
    assert str(raised.value) == (
        f'Arrays {root} is incomplete or damaged. '
        f'labels: 4 of 6 files are missing, e.g. {labels}; '
        f'rgb: 1 of 6 files are missing, e.g. {root}/rgb/0.npy; '
        f'depth: 6 of 6 files are missing, e.g. {depth}; '
        'labels: 1 of 2 looked at are unusable: 5 is bad. '
        "To do without, leave ['depth'] out of the modalities asked for."
    )


def test_labels_are_looked_at_from_the_first_to_the_last(root: Path) -> None:
    write(root, 'labels', 5, np.full((4, 6), 20, np.uint8))
    with pytest.raises(DataError, match='labels: 1 of 2 looked at are unusable: 5 is bad'):
        Arrays(root, 6).check(looks=2)
    write(root, 'labels', 5)
    write(root, 'labels', 3, np.full((4, 6), 20, np.uint8))
    Arrays(root, 6).check(looks=2)
    with pytest.raises(DataError, match='labels: 1 of 6 looked at are unusable: 3 is bad'):
        Arrays(root, 6).check()


def test_three_examples_of_bad_labels_are_enough(root: Path) -> None:
    for number in range(6):
        write(root, 'labels', number, np.full((4, 6), 20, np.uint8))
    with pytest.raises(DataError, match=r'6 of 6 .*: 0 is bad, 1 is bad, 2 is bad\.$'):
        Arrays(root, 6).check()


def test_image_of_another_size_than_the_first_is_refused(root: Path) -> None:
    write(root, 'depth', 1, np.zeros((4, 5, 3)))
    with pytest.raises(DataError, match="depth image '1' is 5x4; wanted 6x4"):
        Arrays(root, 6).images(Numbered('1', ''))


def test_image_of_another_size_than_the_labels_is_refused(root: Path) -> None:
    write(root, 'labels', 1, np.zeros((4, 5), np.uint8))
    with pytest.raises(DataError, match="rgb image '1' is 6x4; wanted 5x4"):
        Arrays(root, 6)[1]


def test_sensors_wanted_are_all_or_those_named_in_the_sets_order() -> None:
    assert wanted_of(SENSORS, ()) == SENSORS
    assert wanted_of(SENSORS, ['depth', 'rgb']) == SENSORS
    assert wanted_of(SENSORS, ['depth']).names == ('depth',)
    with pytest.raises(ConfigError, match="Unknown modality 'event'"):
        wanted_of(SENSORS, ['event'])


def test_array_that_would_have_to_be_unpickled_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r'Cannot read the array .*a.npy'):
        read_array(tmp_path / 'a.npy')


def test_file_that_is_no_label_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    with pytest.raises(
        DataError, match=r'a.png. is not a picture that can be read: it is a PNG without'
    ):
        read_class_ids(tmp_path / 'a.png', 3)


@pytest.mark.parametrize(
    'shape', [(2**40,), (2**62, 2**62), (-1,), (1 << 16, 1 << 16, 4)], ids=str
)
def test_an_array_that_claims_more_than_there_may_be_is_one_line(tmp_path, shape):
    path = tmp_path / 'a.npy'
    with path.open('wb') as file:
        header = {'descr': '<f4', 'fortran_order': False, 'shape': shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64))
    with pytest.raises(DataError, match='its header claims') as caught:
        read_array(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (png_that_claims(60_000, 60_000), 'claims 60000x60000 pixels; at most'),
        (PNG_OF_2_GB + bytes(4), "is a PNG whose part b'IDAT' claims 2147483647 bytes"),
        (png_that_claims(40, 40)[:-6], 'is a PNG that ends in the middle'),
        (slow_jpeg(16_000, 16_000, 1), 'claims 16000x16000 pixels; at most'),
    ],
    ids=['pixels', 'length', 'truncated', 'jpeg'],
)
def test_what_a_picture_claims_is_judged_before_it_is_decoded(
    data: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'a.png'
    path.write_bytes(data)
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        read_picture(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_picture_that_opencv_refuses_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    path.write_bytes(png_that_claims(0, 4))
    with pytest.raises(DataError, match='is not a picture') as caught:
        read_picture(path)
    assert len(str(caught.value).splitlines()) == 1
