"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Folder of recorded sensor data, which is not part of the project."""
    default = Path(__file__).resolve().parents[2] / 'shared' / 'data'
    folder = Path(os.environ.get('ROBUSTSEG_TEST_DATA', default))
    if not folder.is_dir():
        pytest.skip(f'no recorded sensor data at {folder} (set ROBUSTSEG_TEST_DATA)')
    return folder
