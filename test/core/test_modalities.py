"""Modalities and ordered sets of them."""

from dataclasses import replace
import json

import pytest

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.modalities import BYTE, IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.ranges import Seen

RGB = Modality('rgb', 'R', 'rgb', IMAGENET)
DEPTH = Modality('depth', 'D', 'inverse_log_depth', BYTE)
EVENT = Modality('event', 'E', 'event_counts', BYTE)
LIDAR = Modality('lidar', 'L', 'range_intensity_height', BYTE)
ALL = ModalitySet((RGB, DEPTH, EVENT, LIDAR))
SEEN = Seen(
    frames=3,
    low=(1, 2, 3),
    high=(10, 20, 30),
    minimum=(0, 0, 0),
    maximum=(11, 21, 31),
    mean=(5, 6, 7),
    std=(1, 1, 1),
    empty=0.25,
    smallest_magnitude=(9, 19, 29),
    largest_magnitude=(11, 21, 31),
    tint=(-3, 1),
)


def test_subsets_come_in_the_order_of_the_papers_tables() -> None:
    letters = [ALL.letters_of(subset) for subset in ALL.subsets()]
    paper = 'R D E L RD RE RL DE DL EL RDE RDL REL DEL RDEL'
    assert letters == paper.split()


def test_letters_and_names_are_inverses_whatever_the_order_given() -> None:
    assert ALL.letters_of(['lidar', 'rgb']) == 'RL'
    assert ALL.from_letters('LR') == ('rgb', 'lidar')


def test_a_subset_has_a_number_whatever_the_order_of_its_names() -> None:
    assert ALL.subset_index(['lidar', 'rgb']) == 6
    assert ALL.subset_index(ALL.names) == 14
    with pytest.raises(ConfigError, match="'radar'"):
        ALL.subset_index(['radar'])
    with pytest.raises(DataError, match='at least one'):
        ALL.subset_index([])


def test_a_set_survives_json() -> None:
    assert ModalitySet.from_list(ALL.to_list()) == ALL


def test_what_training_saw_survives_json_and_makes_no_other_sensor() -> None:
    told = replace(RGB, unit='kelvin', scale=0.01, seen=SEEN)
    assert told == RGB
    back = Modality.from_dict(json.loads(json.dumps(told.to_dict())))
    assert (back.unit, back.scale, back.seen) == ('kelvin', 0.01, SEEN)


def test_what_is_not_known_leaves_no_trace_in_the_file() -> None:
    assert RGB.to_dict().keys() == {'name', 'letter', 'encoding', 'normalisation'}
    back = Modality.from_dict(RGB.to_dict())
    assert (back.unit, back.scale, back.seen) == ('', None, None)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'unit': 3}, "unit of modality 'rgb' must be a text"),
        ({'scale': 0}, "scale of modality 'rgb' must be a number > 0, got '0'"),
        ({'scale': '0.01'}, 'must be a number > 0'),
        ({'scale': 10**400}, 'must be a number > 0'),
        ({'seen': [1]}, 'seen must have exactly'),
        ({'seen': {**SEEN.to_dict(), 'more': 1}}, 'seen must have exactly'),
        ({'seen': {**SEEN.to_dict(), 'frames': 0}}, "whole number > 0, got '0'"),
        ({'seen': {**SEEN.to_dict(), 'frames': True}}, 'whole number > 0'),
        ({'seen': {**SEEN.to_dict(), 'low': [1, 2]}}, 'seen.low must be 3 finite numbers'),
        ({'seen': {**SEEN.to_dict(), 'high': [1, 2, None]}}, 'seen.high must be 3 finite'),
        ({'seen': {**SEEN.to_dict(), 'mean': 'abc'}}, 'seen.mean must be 3 finite'),
        ({'seen': {**SEEN.to_dict(), 'std': [1, 2, 10**400]}}, 'seen.std must be 3 finite'),
        ({'seen': {**SEEN.to_dict(), 'empty': 1.5}}, r'seen.empty must be in \[0, 1\]'),
    ],
)
def test_a_damaged_range_is_named(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Modality.from_dict({**RGB.to_dict(), **change})


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Modality('RGB', 'R', 'rgb', BYTE), "lower-case identifier, got 'RGB'"),
        (lambda: Modality('rgb', 'r', 'rgb', BYTE), "one capital, got 'r'"),
        (lambda: ModalitySet(()), 'at least one'),
        (lambda: ModalitySet((RGB, RGB)), 'must differ in name'),
        (lambda: ModalitySet((RGB, Modality('radar', 'R', 'image', BYTE))), 'differ in letter'),
        (lambda: ALL['thermal'], r"Unknown modality 'thermal'; known are \['rgb'"),
        (lambda: ALL.from_letters('RX'), r"Unknown modality letters \['X'\]"),
        (lambda: Normalisation((0, 0, 0), (1, 0, 1)), 'std must be > 0'),
        (lambda: Normalisation((0, 0), (1, 1, 1)), 'mean must have 3 values, got 2'),
        (lambda: Modality.from_dict({'name': 'rgb'}), 'needs name, letter, encoding'),
    ],
)
def test_a_bad_value_is_named(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
