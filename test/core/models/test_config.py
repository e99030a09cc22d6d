import json

import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.labels import MUSES
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet
from robustseg_core.models.config import SegmenterConfig

RGB = ModalitySet((Modality('rgb', 'R', 'rgb', IMAGENET),))


def test_config_survives_json():
    config = SegmenterConfig(
        labels=MUSES,
        modalities=RGB,
        backbone='mit_b3',
        head_width=768,
        resolution=(384, 640),
        missing='zero',
        dropout=0.2,
        drop_path_rate=0.3,
    )
    assert SegmenterConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'head_width': 0}, 'head_width must be in 1..16384, got 0'),
        ({'resolution': (512, 16)}, r'each in 32..8192, got \(512, 16\)'),
        ({'missing': 'guess'}, "'drop' or 'zero', got 'guess'"),
        ({'dropout': 1.0}, r'dropout must be in \[0, 1\), got 1.0'),
        ({'drop_path_rate': -0.1}, r'drop_path_rate must be in \[0, 1\), got -0.1'),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        SegmenterConfig(labels=MUSES, modalities=RGB, **values)


def test_unknown_and_missing_keys_are_named():
    values = SegmenterConfig(labels=MUSES, modalities=RGB).to_dict()
    with pytest.raises(ConfigError, match=r"unknown keys \['depth'\]; known are \['backbone'"):
        SegmenterConfig.from_dict({**values, 'depth': 3})
    del values['labels']
    with pytest.raises(ConfigError, match='labels'):
        SegmenterConfig.from_dict(values)
