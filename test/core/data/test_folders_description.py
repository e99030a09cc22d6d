"""The YAML of loose folders."""

from copy import deepcopy
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

from robustseg_core.data.folders_description import Description, read_description
from robustseg_core.errors import ConfigError
from robustseg_core.labels import MUSES
from robustseg_core.modalities import IMAGENET, Modality, Normalisation

EXAMPLES = sorted((Path(__file__).parents[3] / 'config/data').glob('*.yaml'))
GOOD: dict[str, Any] = {
    'root': 'data',
    'labels': {'name': 'streets', 'classes': ['road', 'car'], 'pattern': 'gt/{id}.png'},
    'modalities': {
        'rgb': {'letter': 'R', 'pattern': 'rgb/{id}.jpg', 'encoding': 'rgb'},
        'thermal': {
            'letter': 'T',
            'pattern': 'thermal/{id}.png',
            'encoding': 'grey',
            'scale': 0.01,
            'normalisation': {'mean': 295, 'std': [10, 11, 12]},
        },
        'depth': {
            'letter': 'D',
            'pattern': 'depth/{id}.png',
            'encoding': 'linear_depth',
            'metres_per_unit': 0.001,
            'normalisation': {'mean': 5, 'std': 3},
        },
    },
    'splits': {'train': {'prefix': 'train/'}},
}
REMOVED = object()
LONG = 'x' * 20_000


def described(folder: Path, **changes: Any) -> Description:
    """Read the good description with values changed, e.g. ``thermal__scale=1``."""
    tree = deepcopy(GOOD)
    for name, value in changes.items():
        *above, key = name.split('__')
        place = tree['modalities'] if above and above[0] in tree['modalities'] else tree
        for each in above:
            place = place[each]
        if value is REMOVED:
            del place[key]
        else:
            place[key] = value
    path = folder / 'set.yaml'
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return read_description(path)


def test_modalities_have_the_order_and_the_values_of_the_file(tmp_path: Path) -> None:
    description = described(tmp_path)
    assert description.modalities.names == ('rgb', 'thermal', 'depth')
    assert description.modalities['rgb'].normalisation == IMAGENET
    assert description.modalities['thermal'] == Modality(
        'thermal', 'T', 'grey', Normalisation((295, 295, 295), (10, 11, 12))
    )
    scales = {name: files.modality.scale for name, files in description.files.items()}
    assert scales == {'rgb': None, 'thermal': 0.01, 'depth': 0.001}


def test_unit_and_scale_are_those_of_the_modality(tmp_path: Path) -> None:
    tree = deepcopy(GOOD)
    tree['modalities']['thermal']['unit'] = 'kelvin'
    path = tmp_path / 'set.yaml'
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    thermal = read_description(path).modalities['thermal']
    assert (thermal.unit, thermal.scale) == ('kelvin', 0.01)
    del tree['modalities']['thermal']['scale']
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    assert read_description(path).modalities['thermal'].scale == 1.0


def test_root_is_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    assert described(tmp_path).root == tmp_path / 'data'
    assert described(tmp_path, root='/elsewhere').root == Path('/elsewhere')
    assert described(tmp_path, root=REMOVED).root is None


def test_classes_without_a_palette_get_different_colours(tmp_path: Path) -> None:
    names = [f'class {number}' for number in range(255)]
    labels = described(tmp_path, labels__classes=names).labels
    assert labels.classes == tuple(names)
    assert len(set(labels.palette)) == 255


def test_labels_may_be_a_known_set_or_bring_their_palette(tmp_path: Path) -> None:
    known = {'set': 'muses', 'pattern': 'gt/{id}.png'}
    assert described(tmp_path, labels=known).labels == MUSES
    own = described(tmp_path, labels__palette=[[1, 2, 3], [4, 5, 6]]).labels
    assert own.palette == ((1, 2, 3), (4, 5, 6))


def test_number_may_be_written_as_engineers_do(tmp_path: Path) -> None:
    path = tmp_path / 'set.yaml'
    path.write_text(yaml.safe_dump(GOOD, sort_keys=False).replace('0.01', '1e-2'))
    assert read_description(path).files['thermal'].modality.scale == 0.01


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.name)
def test_example_can_be_read(path: Path) -> None:
    assert read_description(path).splits


def test_there_is_an_example() -> None:
    assert EXAMPLES


WRONG: list[tuple[dict[str, Any], str]] = [
    ({'modalities': REMOVED}, "'modalities' is missing; found ['labels', 'root', 'splits']"),
    ({'modalities': {}}, 'modalities: wanted keys with values, got {}'),
    ({'modalities': ['rgb']}, "modalities: wanted keys with values, got ['rgb']"),
    ({'rooot': 'x'}, "rooot: unknown key; did you mean 'root'?"),
    ({'depth__scale': 2}, 'modalities.depth.scale: unknown key'),
    ({'thermal__encoding': 'gray'}, "encoding: Unknown encoding 'gray'; known are"),
    ({'thermal__letter': 't'}, "modalities.thermal: The letter of modality 'thermal'"),
    ({'thermal__letter': 'R'}, "modalities: Modalities must differ in letter"),
    ({'modalities__Lidar': GOOD['modalities']['rgb']}, 'name must be a lower-case identifier'),
    ({'thermal__normalisation': REMOVED}, "thermal: 'normalisation' is missing"),
    ({'thermal__normalisation__std': 0}, 'normalisation: Normalisation std must be > 0'),
    ({'thermal__normalisation__std': [1, 2]}, 'wanted one number or three, got [1, 2]'),
    ({'thermal__normalisation__mean': 'x'}, "wanted a number, got 'x'"),
    ({'thermal__normalisation__mean': True}, 'wanted a number, got True'),
    ({'thermal__normalisation__men': 1}, "did you mean 'mean'?"),
    ({'thermal__scale': -1}, 'thermal.scale: wanted a number > 0, got -1.0'),
    ({'depth__metres_per_unit': REMOVED}, "depth: 'metres_per_unit' is missing"),
    ({'thermal__pattern': 'thermal/*.png'}, "thermal.pattern: Pattern 'thermal/*.png' has"),
    ({'thermal__pattern': 7}, 'thermal.pattern: wanted text, got 7; put it in quotes'),
    ({'thermal__pattern': []}, 'thermal.pattern: wanted at least one text, got []'),
    ({'rgb__pattern': ['a{id}', 'b{id}']}, "or three with encoding 'image', got 2 with"),
    ({'rgb__pattern': ['a{id}'] * 3}, "with encoding 'image', got 3 with 'rgb'"),
    ({'labels__pattern': 'gt.png'}, "labels.pattern: Pattern 'gt.png' has no '{id}'"),
    ({'labels__set': 'mars'}, "labels.set: Unknown label set 'mars'; known are"),
    ({'labels__set': 'muses'}, 'labels.name: unknown key'),
    ({'labels__classes': ['a', 'b', 'a']}, "labels.classes: ['a'] are there twice"),
    ({'labels__classes': ['on', False]}, 'labels.classes: wanted text, got False; put it'),
    ({'labels__palette': [[1, 2, 3]]}, 'labels.palette: Label set'),
    ({'labels__palette': 'red'}, 'labels.palette: A label set needs'),
    ({'labels__format': 'rgb'}, "labels.format: wanted one of ['ids', 'colours'], got 'rgb'"),
    ({'labels__unmapped': 'drop'}, "labels.unmapped: wanted one of ['refuse', 'ignore']"),
    ({'labels__map': ['road']}, "labels.map: Wanted value: class, with 'ignore' for none, got"),
    ({'labels__map': {1: 'roads'}}, "Wanted a class, its id 0..1, or 'ignore', got 'roads'"),
    ({'labels__map': {1: 2}}, "its id 0..1, or 'ignore', got 2"),
    ({'labels__map': {1: True}}, 'got True'),
    ({'labels__map': {'1': 0}}, "labels.map: Wanted an id, a whole number >= 0 (or"),
    ({'labels__map': {-1: 0}}, 'Wanted an id, a whole number >= 0'),
    ({'labels__map': {1: 0}, 'labels__format': 'colours'}, "a colour such as '128,64,128', got 1"),
    ({'labels__map': {'1,2,256': 0}, 'labels__format': 'colours'}, "got '1,2,256'"),
    (
        {'labels__palette': [[1, 2, 3]] * 2, 'labels__format': 'colours'},
        "labels.map: Classes ['road', 'car'] share the colour 1,2,3",
    ),
    ({'condition': '*/night'}, "condition: Pattern '*/night' has no '{condition}'"),
    ({'splits__train': {}}, 'splits.train: wanted keys with values, got {}'),
    ({'splits__train': {'glob': 'a', 'list': 'b'}}, "wanted one of ['prefix', 'glob', 'ids', 'li"),
    ({'splits__train': {'globs': 'a'}}, "splits.train.globs: unknown key; did you mean 'glob'?"),
    ({'splits__train': {'ids': [17]}}, 'splits.train.ids: wanted text, got 17; put it in quotes'),
    ({'splits__train': {'glob': '{id}'}}, "splits.train.glob: Pattern '{id}' has the placeholder"),
    ({'splits': {1: {'prefix': 'a'}}}, 'splits: keys must be texts, got [1]; put them in quotes'),
]  # fmt: skip


@pytest.mark.parametrize(('changes', 'message'), WRONG, ids=lambda value: str(value)[:60])
def test_mistake_is_told_with_file_and_key(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        described(tmp_path, **changes)
    assert str(error.value).startswith(repr(str(tmp_path / 'set.yaml')))
    assert str(error.value).count('set.yaml') == 1


def test_file_that_is_not_there_or_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'set.yaml'
    with pytest.raises(ConfigError, match=r"set.yaml' cannot be read: No such file"):
        read_description(path)
    path.write_text('a: [1')
    with pytest.raises(ConfigError, match=r"(?s)set.yaml' is no YAML: .*line 1"):
        read_description(path)


def test_yaml_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'set.yaml'
    path.write_text('root: !!python/object/apply:os.getcwd []')
    with pytest.raises(ConfigError, match='is no YAML: could not determine a constructor'):
        read_description(path)


@pytest.mark.parametrize(
    'change',
    [
        {'rgb__encoding': LONG},
        {'rgb__pattern': LONG},
        {'rgb__pattern': LONG + '{id}{other}'},
        {'rgb__letter': LONG},
        {'labels__pattern': LONG},
        {'labels__map': LONG},
        {'labels__map': {LONG: 'road'}},
        {'labels__map': {0: LONG}},
        {'labels__unmapped': LONG},
        {'labels__classes': [LONG, LONG]},
        {'labels__set': LONG},
        {'condition': LONG},
        {LONG: 1},
    ],
    ids=lambda change: next(iter(change))[:20],
)
def test_a_value_without_end_is_cut_where_it_is_complained_of(
    change: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        described(tmp_path, **change)
    assert len(str(caught.value)) < 1500
    assert len(str(caught.value).splitlines()) == 1
