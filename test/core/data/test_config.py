"""The data section of a configuration."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from robustseg_core.data.config import DataConfig
from robustseg_core.errors import ConfigError
from robustseg_core.models.importers.protocols import published_modalities


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'kind': 'deliver'}, "data.root must name the folder of 'deliver'"),
        (
            {'kind': 'folders', 'root': Path('x')},
            "data.description belongs to data.kind 'folders'",
        ),
        ({'kind': 'streets', 'description': Path('x')}, 'data.description belongs to'),
        (
            {'kind': 'nyuv2', 'root': Path('x'), 'inputs': 'published'},
            r"'published' belongs to \['deliver', 'mcubes', 'muses'\], got 'nyuv2'",
        ),
        ({'val_count': 0}, r'data\.val_count must be at least 1, got 0'),
        ({'crop': (16, 64)}, r'data\.crop must be at least 32 x 32, got \(16, 64\)'),
        ({'scales': (2.0, 0.5)}, r'data\.scales must be 0 < lowest <= highest, got \(2.0, 0.5\)'),
        ({'scales': (0.0, 1.0)}, r'data\.scales must be'),
        ({'photometric': 1.5}, r'data\.photometric must be in \[0, 1\], got 1.5'),
        ({'depth_holes': -0.1}, r'data\.depth_holes must be in \[0, 1\], got -0.1'),
    ],
)
def test_values_that_make_no_sense_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(**values)


def test_the_run_that_claims_so_is_fed_as_the_published_networks() -> None:
    path = Path(__file__).parents[3] / 'config/train/deliver.yaml'
    data = yaml.safe_load(path.read_text())['data']
    assert data['inputs'] == 'published'
    assert data['modalities'] == list(published_modalities('deliver').names)
