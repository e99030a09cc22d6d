"""The YAML that describes a data set of loose folders; an example is config/data/thermal.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
import re

from robustseg_core.data.folders_labels import LabelFiles, labels_of
from robustseg_core.data.folders_pattern import FilePattern, condition_pattern, id_pattern
from robustseg_core.data.yaml_section import Section
from robustseg_core.errors import ConfigError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.sensors.encodings import Measurement, encoding_of

CHANNELS = 3
_SPLIT_KEYS = ('prefix', 'glob', 'ids', 'list')


@dataclass(frozen=True, kw_only=True)
class ModalityFiles:
    """Where the images of a modality lie.

    Attributes:
        modality: What the network sees; its scale is that of the files.
        patterns: One; or three, of files with one channel each.
    """

    modality: Modality
    patterns: tuple[FilePattern, ...]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which frames belong to a split.

    Attributes:
        matching: What their ids match; empty where they are listed.
        ids: The ids themselves.
        list_file: The file that lists them, one a line; empty where there is none.
    """

    matching: tuple[re.Pattern[str], ...] = ()
    ids: tuple[str, ...] = ()
    list_file: str = ''


@dataclass(frozen=True, kw_only=True)
class Description:
    """A data set of loose folders.

    Attributes:
        path: The YAML file.
        root: Folder below which everything lies, if the file names one.
        labels: The classes.
        label_files: Their files.
        files: Modality name to its files.
        modalities: In the order of the file.
        condition: Finds weather, light and faults in an id, or None.
        splits: By name.
    """

    path: Path
    root: Path | None
    labels: LabelSet
    label_files: LabelFiles
    files: Mapping[str, ModalityFiles]
    modalities: ModalitySet
    condition: re.Pattern[str] | None
    splits: Mapping[str, Split]


def read_description(path: Path) -> Description:
    """Read a description.

    Raises:
        ConfigError: It cannot be read, or something in it is missing, unknown or contradictory;
            names file and key.
    """
    top = Section.of_file(path)
    # What lies beside the file can be named from there.
    root = path.parent / Path(top.text('root')).expanduser() if 'root' in top else None
    labels, label_files = labels_of(top.section('labels'))
    sensors = top.section('modalities')
    files = {name: _modality_files(name, sensors.section(name)) for name in sensors}
    with top.at('modalities'):
        modalities = ModalitySet(tuple(each.modality for each in files.values()))
    condition = None
    if 'condition' in top:
        text = top.text('condition')
        with top.at('condition'):
            condition = condition_pattern(text)
    splits = top.section('splits')
    description = Description(
        path=path,
        root=root,
        labels=labels,
        label_files=label_files,
        files=files,
        modalities=modalities,
        condition=condition,
        splits={name: _split(splits.section(name)) for name in splits},
    )
    top.close()
    return description


def _modality_files(name: str, section: Section) -> ModalityFiles:
    encoding = section.text('encoding')
    with section.at('encoding'):
        kind = encoding_of(encoding).measurement
    if encoding == 'rgb' and 'normalisation' not in section:
        normalisation = IMAGENET
    else:
        numbers = section.section('normalisation')
        mean, std = numbers.three('mean'), numbers.three('std')
        numbers.close()
        with section.at('normalisation'):
            normalisation = Normalisation(mean, std)
    letter = section.text('letter')
    scale: float | None = None
    if kind is Measurement.DEPTH:
        scale = _positive(section, 'metres_per_unit')
    elif kind is Measurement.GREY:
        scale = _positive(section, 'scale') if 'scale' in section else 1.0
    unit = section.text('unit') if 'unit' in section else ''
    with section.at(''):
        modality = Modality(name, letter, encoding, normalisation, unit=unit, scale=scale)
    texts = section.texts('pattern')
    if len(texts) not in {1, CHANNELS} or (len(texts) == CHANNELS and encoding != 'image'):
        msg = (
            f"{section.place('pattern')}: wanted one pattern, or three with encoding 'image', "
            f'got {len(texts)} with {encoding!r}.'
        )
        raise ConfigError(msg)
    with section.at('pattern'):
        patterns = tuple(FilePattern(text) for text in texts)
    section.close()
    return ModalityFiles(modality=modality, patterns=patterns)


def _positive(section: Section, name: str) -> float:
    if (number := section.number(name)) <= 0:
        msg = f'{section.place(name)}: wanted a number > 0, got {number!r}.'
        raise ConfigError(msg)
    return number


def _split(section: Section) -> Split:
    given = [key for key in _SPLIT_KEYS if key in section]
    section.close()
    if len(given) != 1:
        msg = f'{section.place()}: wanted one of {list(_SPLIT_KEYS)}, got {given}.'
        raise ConfigError(msg)
    if given == ['list']:
        return Split(list_file=section.text('list'))
    texts = section.texts(given[0])
    if given == ['ids']:
        return Split(ids=texts)
    if given == ['prefix']:
        return Split(matching=tuple(re.compile(re.escape(text) + '.*') for text in texts))
    with section.at('glob'):
        return Split(matching=tuple(id_pattern(text) for text in texts))
