"""Data sets of loose folders, from files to frames."""

from collections.abc import Callable
from pathlib import Path
import re
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from robustseg_core.data.folders import Folders
from robustseg_core.data.nyuv2 import NYUV2_MODALITIES, Nyuv2
from robustseg_core.data.sample import Collate
from robustseg_core.data.transforms import ToSample
from robustseg_core.errors import ConfigError, DataError

IDS = ['train/fog_1/0001', 'train/fog_1/0002', 'train/sun_2/0001', 'val/sun_3/0007']
RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
THERMAL = np.arange(29000, 29024, dtype=np.uint16).reshape(4, 6)
LABELS = np.arange(24, dtype=np.uint8).reshape(4, 6) % 2


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def description() -> dict[str, Any]:
    number = {'mean': 0, 'std': 1}
    return {
        'root': 'data',
        'labels': {'name': 'two', 'classes': ['road', 'car'], 'pattern': 'gt/{id}.png'},
        'modalities': {
            'rgb': {'letter': 'R', 'pattern': 'rgb/{id}.png', 'encoding': 'rgb'},
            'thermal': {
                'letter': 'T',
                'pattern': 'ir/{id}_*.png',
                'encoding': 'grey',
                'scale': 0.01,
                'normalisation': number,
            },
        },
        'condition': '*/{condition}_*/*',
        'splits': {
            'train': {'prefix': 'train/'},
            'val': {'glob': 'val/**'},
            'listed': {'list': 'list.txt'},
            'chosen': {'ids': [IDS[2], IDS[0]]},
        },
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write four frames."""
    root = tmp_path / 'data'
    for each in IDS:
        write(root / f'rgb/{each}.png', RGB[..., ::-1])
        write(root / f'ir/{each}_170000.png', THERMAL)
        write(root / f'gt/{each}.png', LABELS)
    return root


@pytest.fixture
def opened(root: Path) -> Callable[..., Folders]:
    """Open the frames, after changes to the description."""

    def open_split(split: str = 'train', change: Any = None, **options: Any) -> Folders:
        tree = description()
        if change is not None:
            change(tree)
        path = root.parent / 'set.yaml'
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        return Folders(path, split, **options)

    return open_split


def modality(**values: Any) -> dict[str, Any]:
    return {'normalisation': {'mean': 0, 'std': 1}, **values}


def test_files_of_one_frame_are_joined_by_id(opened: Callable[..., Folders]) -> None:
    frame = opened('train')[1]
    assert frame['id'] == 'train/fog_1/0002'
    assert frame['condition'] == 'fog'
    np.testing.assert_array_equal(frame['images']['rgb'], RGB)
    thermal = frame['images']['thermal']
    assert thermal.shape == (4, 6, 3)
    for channel in range(3):
        np.testing.assert_allclose(thermal[..., channel], THERMAL / 100, rtol=1e-6)
    np.testing.assert_array_equal(frame['labels'], LABELS)
    assert frame['labels'].dtype == np.uint8


def test_splits_go_by_prefix_glob_list_or_ids(opened: Callable[..., Folders], root: Path) -> None:
    (root / 'list.txt').write_text(f'{IDS[3]}\n\n  {IDS[1]}  \n')

    def ids(split: str) -> list[str]:
        return [frame.id for frame in opened(split).frames]

    assert ids('train') == IDS[:3]
    assert ids('val') == IDS[3:]
    assert ids('listed') == [IDS[1], IDS[3]]
    assert ids('chosen') == [IDS[0], IDS[2]]
    (root.parent / 'list.txt').write_text(IDS[0])  # beside the description comes first
    assert ids('listed') == [IDS[0]]


def test_several_prefixes_make_a_split(opened: Callable[..., Folders]) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree['splits']['train'] = {'prefix': ['train/sun', 'val/']}

    assert [frame.id for frame in opened('train', change).frames] == IDS[2:]


def test_wanted_modalities_only_are_looked_for(opened: Callable[..., Folders], root: Path) -> None:
    for path in root.glob('ir/**/*.png'):
        path.unlink()
    frames = opened('train', modalities=['rgb'])
    assert frames.modalities.names == ('rgb',)
    assert list(frames[0]['images']) == ['rgb']
    with pytest.raises(ConfigError, match="Unknown modality 'radar'"):
        opened('train', modalities=['radar'])


def test_root_given_replaces_that_of_the_file(opened: Callable[..., Folders], root: Path) -> None:
    root.rename(root.parent / 'elsewhere')
    with pytest.raises(DataError, match=r"The root '.*data' of '.*set.yaml' is no folder"):
        opened()
    assert len(opened(root=root.parent / 'elsewhere')) == 3
    with pytest.raises(ConfigError, match="has no 'root', and none was given"):
        opened(change=lambda tree: tree.pop('root'))


def test_missing_sensor_is_an_absent_key_and_counted(
    opened: Callable[..., Folders], root: Path
) -> None:
    (root / f'ir/{IDS[0]}_170000.png').unlink()
    (root / f'ir/{IDS[2]}_170000.png').write_bytes(b'')  # a broken download
    frames = opened('train')
    assert [list(frame['images']) for frame in frames] == [['rgb'], ['rgb', 'thermal'], ['rgb']]
    first, second = (root / f'ir/{each}_*.png' for each in (IDS[0], IDS[2]))
    assert frames.missing.lines() == [f'thermal: 2 of 3 files are missing, e.g. {first}, {second}']
    frames.check()


def test_missing_labels_are_told_at_once_with_count_and_examples(
    opened: Callable[..., Folders], root: Path
) -> None:
    gone = root / f'gt/{IDS[1]}.png'
    gone.unlink()
    frames = opened('train')
    with pytest.raises(DataError, match=f'labels: 1 of 3 files are missing, e.g. {gone}'):
        frames.check()
    with pytest.raises(DataError, match=rf"frame '{IDS[1]}' are missing; wanted '{gone}'"):
        frames[1]


def test_frame_without_any_wanted_sensor_is_left_out_and_counted(
    opened: Callable[..., Folders], root: Path
) -> None:
    (root / f'ir/{IDS[1]}_170000.png').unlink()
    frames = opened('train', modalities=['thermal'])
    assert [frame.id for frame in frames.frames] == [IDS[0], IDS[2]]
    wanted = root / f'ir/{IDS[1]}_*.png'
    assert frames.missing.lines() == [f'every modality: 1 of 3 files are missing, e.g. {wanted}']
    (root / f'ir/{IDS[3]}_170000.png').unlink()
    with pytest.raises(DataError, match=r"\(val\): none of 1 frames has one of \['thermal'\]"):
        opened('val', modalities=['thermal'])


def test_sizes_are_brought_to_that_of_the_labels(
    opened: Callable[..., Folders], root: Path
) -> None:
    small = np.array([[29000, 29100, 29200], [29300, 29400, 29500]], np.uint16)
    write(root / f'ir/{IDS[3]}_170000.png', small)
    thermal = opened('val')[0]['images']['thermal']
    assert thermal.shape == (4, 6, 3)
    # Bilinear: the corners are those of the small picture.
    assert thermal[0, 0, 0] == pytest.approx(290, abs=0.01)
    assert thermal[-1, -1, 0] == pytest.approx(295, abs=0.01)
    write(root / f'ir/{IDS[3]}_170000.png', small[:, :2])
    with pytest.raises(DataError, match=r'is 2x2, which is not the aspect of 6x4'):
        opened('val')[0]


def test_sparse_images_are_enlarged_without_mixing(
    opened: Callable[..., Folders], root: Path
) -> None:
    def change(tree: dict[str, Any]) -> None:
        values = modality(letter='E', pattern='event/{id}.png', encoding='event_counts')
        tree['modalities']['event'] = values

    small = np.zeros((2, 3, 3), np.uint8)
    small[0, 0] = 9
    write(root / f'event/{IDS[3]}.png', small)
    assert set(np.unique(opened('val', change)[0]['images']['event'])) == {0, 9}


@pytest.mark.parametrize(
    ('dtype', 'unit', 'metres'), [(np.uint8, 1 / 25.5, 4.0), (np.uint16, 0.001, 0.102)]
)
def test_depth_is_brought_to_metres(
    opened: Callable[..., Folders], root: Path, dtype: type, unit: float, metres: float
) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree['modalities']['depth'] = modality(
            letter='D', pattern='depth/{id}.png', encoding='linear_depth', metres_per_unit=unit
        )

    write(root / f'depth/{IDS[3]}.png', np.full((4, 6), 102, dtype))
    depth = opened('val', change)[0]['images']['depth']
    np.testing.assert_allclose(depth, metres, rtol=1e-5)


def test_three_files_of_one_channel_make_an_image(
    opened: Callable[..., Folders], root: Path
) -> None:
    def change(tree: dict[str, Any]) -> None:
        patterns = ['sin/{id}.npy', 'cos/{id}.npy', 'dolp/{id}.png']
        tree['modalities']['polarisation'] = modality(
            letter='P', pattern=patterns, encoding='image'
        )

    angle = np.linspace(0, 3, 24, dtype=np.float32).reshape(4, 6)
    for name, values in (('sin', np.sin(angle)), ('cos', np.cos(angle))):
        path = root / f'{name}/{IDS[3]}.npy'
        path.parent.mkdir(parents=True)
        np.save(path, values)
    dolp = root / f'dolp/{IDS[3]}.png'
    write(dolp, np.full((4, 6), 51, np.uint8))
    write(root / f'dolp/{IDS[0]}.png', np.full((4, 6), 51, np.uint8))
    image = opened('val', change)[0]['images']['polarisation']
    np.testing.assert_allclose(image[..., 0] ** 2 + image[..., 1] ** 2, 1, rtol=1e-5)
    assert (image[..., 2] == 51).all()
    # Of the others there is one file, or none.
    assert 'polarisation' not in opened('train', change)[0]['images']
    write(dolp, np.full((4, 5), 51, np.uint8))
    with pytest.raises(DataError, match=r'polarisation image .*dolp.* is 5x4; wanted 6x4'):
        opened('val', change)[0]


@pytest.mark.parametrize('suffix', ['.npy', '.tiff'])
def test_thermal_floats_are_read_and_dead_pixels_are_zero(
    opened: Callable[..., Folders], root: Path, suffix: str
) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree['modalities']['thermal'] |= {'pattern': f'kelvin/{{id}}{suffix}', 'scale': 1}

    kelvin = np.full((4, 6), 291.5, np.float32)
    kelvin[0, 0] = np.nan
    path = root / f'kelvin/{IDS[3]}{suffix}'
    path.parent.mkdir(parents=True)
    if suffix == '.npy':
        np.save(path, kelvin)
    else:
        cv2.imwrite(str(path), kelvin)
    thermal = opened('val', change)[0]['images']['thermal']
    assert thermal[0, 0].tolist() == [0, 0, 0]
    assert (thermal[1:] == 291.5).all()


def test_thermal_painted_in_grey_colours_is_one_channel(
    opened: Callable[..., Folders], root: Path
) -> None:
    write(root / f'ir/{IDS[3]}_170000.png', np.full((4, 6, 3), 200, np.uint8))
    np.testing.assert_allclose(opened('val')[0]['images']['thermal'], 2.0, rtol=1e-6)


def test_array_of_several_channels_is_not_taken_for_one(
    opened: Callable[..., Folders], root: Path
) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree['modalities']['thermal']['pattern'] = 'ir/{id}.npy'

    np.save(root / f'ir/{IDS[3]}.npy', np.zeros((4, 6, 2)))
    with pytest.raises(DataError, match=r'has shape \(4, 6, 2\); wanted'):
        opened('val', change)[0]


def test_frames_become_batches_in_which_a_sensor_is_missing(
    opened: Callable[..., Folders], root: Path
) -> None:
    (root / f'ir/{IDS[0]}_170000.png').unlink()

    def change(tree: dict[str, Any]) -> None:
        tree['modalities']['thermal']['normalisation'] = {'mean': 290, 'std': 2}

    frames = opened('train', change)
    to_sample = ToSample(frames.modalities)
    batch = Collate(frames.modalities)([to_sample(frame) for frame in frames])
    assert batch['availability'].tolist() == [[True, False], [True, True], [True, True]]
    expected = torch.from_numpy((THERMAL / 100 - 290) / 2).float()
    torch.testing.assert_close(batch['images']['thermal'][1, 2], expected, atol=2e-5, rtol=1e-4)


def wrong(message: str, split: str = 'train', **changes: Any) -> Any:
    return pytest.param(split, changes, message, id=message[:50])


@pytest.mark.parametrize(
    ('split', 'changes', 'message'),
    [
        wrong("has no split 'test'; known are ['chosen', 'listed', 'train', 'val']", split='test'),
        wrong(
            "thermal.pattern 'thermo/{id}.png', labels.pattern 'semantic/{id}.png'; wanted at",
            thermal='thermo/{id}.png',
            labels='semantic/{id}.png',
        ),
        wrong("pattern: '{id}/*.png' finds 3 files too many, e.g. 'gt/tr", thermal='{id}/*.png'),
        wrong("splits.train matches none of 4 frames, e.g. 'train/", train={'glob': 'train/*'}),
        wrong(
            "names 2 of 3 frames that have no file, e.g. 'x', 'y'; found are 'train/fog_1/0001'",
            train={'ids': ['y', IDS[0], 'x']},
        ),
        wrong("names 1 frames twice, e.g. 'train/fog_1/0001'", train={'ids': [IDS[0], IDS[0]]}),
        wrong('There is no list', split='listed'),
        wrong(
            "condition finds none in 2 of 3 ids, e.g. 'train/fog_1/0001', 'train/fog_1/0002'.",
            condition='**/{condition}_2/*',
        ),
    ],
)
def test_what_does_not_fit_the_files_is_told(
    opened: Callable[..., Folders], split: str, changes: dict[str, Any], message: str
) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree['modalities']['thermal']['pattern'] = changes.get('thermal', 'ir/{id}_*.png')
        tree['labels']['pattern'] = changes.get('labels', 'gt/{id}.png')
        tree['splits']['train'] = changes.get('train', {'prefix': 'train/'})
        tree['condition'] = changes.get('condition', '*/{condition}_*/*')

    with pytest.raises((ConfigError, DataError), match=re.escape(message)):
        opened(split, change)


def test_list_that_is_no_text_is_refused(opened: Callable[..., Folders], root: Path) -> None:
    (root / 'list.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(DataError, match=r"List '.*list.txt' is no UTF-8 text"):
        opened('listed')


def test_empty_list_is_refused(opened: Callable[..., Folders], root: Path) -> None:
    (root / 'list.txt').write_text('\n')
    with pytest.raises(DataError, match=r"List '.*list.txt' is empty"):
        opened('listed')


def test_recorded_frames_are_those_of_the_reader_made_for_them(
    real_data: Path, tmp_path: Path
) -> None:
    depth = NYUV2_MODALITIES['depth']
    path = tmp_path / 'nyuv2.yaml'
    tree = {
        'labels': {'set': 'nyu40', 'pattern': 'label40/{id}.png'},
        'modalities': {
            'rgb': {'letter': 'R', 'pattern': 'rgb/{id}.jpg', 'encoding': 'rgb'},
            'depth': {
                'letter': 'D',
                'pattern': 'depth/{id}.png',
                'encoding': depth.encoding,
                'metres_per_unit': 1 / 25.5,
                'normalisation': {
                    'mean': list(depth.normalisation.mean),
                    'std': list(depth.normalisation.std),
                },
            },
        },
        'splits': {'all': {'glob': '*'}},
    }
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    ours = Folders(path, 'all', real_data / 'nyuv2')
    theirs = Nyuv2(real_data / 'nyuv2', 'all', 'nyu40')
    assert ours.modalities == theirs.modalities
    assert len(ours) == len(theirs)
    mine, wanted = ours[400], theirs[400]
    assert mine['id'] == wanted['id']
    np.testing.assert_array_equal(mine['labels'], wanted['labels'])
    for name in ('rgb', 'depth'):
        np.testing.assert_allclose(mine['images'][name], wanted['images'][name], rtol=1e-5)
