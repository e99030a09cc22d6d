"""The registry of encodings."""

import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.sensors.encodings import ENCODINGS, Measurement, encoding_of


def test_knows_what_each_encoding_is_made_from() -> None:
    assert {name: encoding.measurement for name, encoding in ENCODINGS.items()} == {
        'rgb': Measurement.IMAGE,
        'image': Measurement.IMAGE,
        'grey': Measurement.GREY,
        'inverse_log_depth': Measurement.DEPTH,
        'linear_depth': Measurement.DEPTH,
        'event_counts': Measurement.EVENTS,
        'range_intensity_height': Measurement.POINTS,
        'range_intensity': Measurement.POINTS,
    }


def test_only_events_and_points_are_sparse() -> None:
    sparse = {name for name in ENCODINGS if encoding_of(name).sparse}
    assert sparse == {'event_counts', 'range_intensity_height', 'range_intensity'}


def test_unknown_encoding_is_answered_with_the_known() -> None:
    with pytest.raises(ConfigError, match=r"Unknown encoding 'hha'; known are \['event_counts',"):
        encoding_of('hha')
