"""The data section of a configuration."""

from pathlib import Path
from typing import Any

import pytest

from robustseg_core.data.config import DataConfig
from robustseg_core.errors import ConfigError


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'kind': 'deliver'}, "data.root must name the folder of 'deliver'"),
        (
            {'kind': 'folders', 'root': Path('x')},
            "data.description belongs to data.kind 'folders'",
        ),
        ({'kind': 'streets', 'description': Path('x')}, 'data.description belongs to'),
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
