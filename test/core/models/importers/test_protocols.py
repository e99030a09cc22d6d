import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.labels import LABEL_SETS
from robustseg_core.modalities import BYTE, IMAGENET, UNIT
from robustseg_core.models.importers.protocols import PROTOCOLS, published_modalities


def test_deliver_normalises_frames_as_imagenet_and_all_else_by_255():
    modalities = published_modalities('deliver')
    assert modalities.letters == 'RDEL'
    assert [each.normalisation for each in modalities] == [IMAGENET, BYTE, BYTE, BYTE]


def test_muses_normalises_nothing():
    modalities = published_modalities('muses')
    assert modalities.letters == 'FEL'
    assert {each.normalisation for each in modalities} == {UNIT}


def test_letters_choose_modalities_in_the_published_order():
    assert published_modalities('deliver', 'LR').names == ('rgb', 'lidar')
    assert published_modalities('mcubes', 'AN').names == ('aolp', 'nir')


def test_unknown_letters_and_data_sets_are_refused():
    with pytest.raises(ConfigError, match=r"\['X'\] in 'RX'; known are RDEL"):
        published_modalities('deliver', 'RX')
    with pytest.raises(ConfigError, match="'ade20k'; known are"):
        published_modalities('ade20k')


def test_every_protocol_has_its_label_set():
    assert PROTOCOLS.keys() <= LABEL_SETS.keys()
