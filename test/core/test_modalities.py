"""Modalities and ordered sets of them."""

import pytest

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.modalities import BYTE, IMAGENET, Modality, ModalitySet, Normalisation

RGB = Modality('rgb', 'R', 'rgb', IMAGENET)
DEPTH = Modality('depth', 'D', 'inverse_log_depth', BYTE)
EVENT = Modality('event', 'E', 'event_counts', BYTE)
LIDAR = Modality('lidar', 'L', 'range_intensity_height', BYTE)
ALL = ModalitySet((RGB, DEPTH, EVENT, LIDAR))


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
