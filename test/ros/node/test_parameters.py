"""The declarations of the parameters."""

import math
from pathlib import Path

import pytest

from robustseg_core.errors import ConfigError
from robustseg_ros.node.arguments import parameters_for
from robustseg_ros.node.parameter import Parameter
from robustseg_ros.node.parameters import MODALITIES, parameter_table, unknown_parameter

CONFIG = Path(__file__).resolve().parents[3] / 'config'


def parameter(default, **rest):
    return Parameter(name='p', default=default, description='', **rest)


def test_a_whole_number_will_do_for_a_double():
    value = parameter(0.5).check(1)
    assert value == 1.0
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ('default', 'value'),
    [
        (0.5, True),
        (0.5, '1'),
        (1, 1.0),
        (1, True),
        (True, 1),
        ('a', 1),
        (['a'], 'a'),
        (['a'], [1]),
    ],
)
def test_another_type_is_refused(default, value):
    with pytest.raises(ConfigError, match=r"'p' is .*; wanted a"):
        parameter(default).check(value)


@pytest.mark.parametrize('value', [-0.1, 1.1, math.nan, math.inf])
def test_out_of_range_is_refused(value):
    with pytest.raises(ConfigError, match='wanted a double from 0 to 1'):
        parameter(0.5, limits=(0.0, 1.0)).check(value)


def test_limits_themselves_are_allowed():
    assert [parameter(0.5, limits=(0.0, 1.0)).check(v) for v in (0.0, 1.0)] == [0.0, 1.0]


def test_list_of_another_length_is_refused():
    matrix = parameter([], lengths=(0, 16))
    assert matrix.check([]) == []
    assert matrix.check(range(16)) == [float(n) for n in range(16)]
    with pytest.raises(ConfigError, match='of 0 or 16 values'):
        matrix.check([1.0, 2.0])
    with pytest.raises(ConfigError):
        matrix.check([math.nan] * 16)


def test_every_default_is_one_of_the_values_allowed():
    for declared in parameter_table(['rgb', 'depth', 'event', 'lidar', 'thermal']).values():
        assert declared.check(declared.default) == declared.default
        assert declared.description


def test_a_modality_without_defaults_of_its_own_gets_a_topic():
    assert parameter_table(['thermal'])['thermal.topic'].default == 'thermal/image_raw'


def test_unknown_parameter_is_answered_with_the_nearest():
    known = parameter_table(['rgb'])
    assert "did you mean 'rgb.timeout'" in unknown_parameter('rgb.timout', known)
    assert 'did you mean' not in unknown_parameter('zzz', known)


@pytest.mark.parametrize(
    ('default', 'value'),
    [('a', 'x' * 5_000_000), (['a'], ['x' * 5_000_000]), ([], [1.0] * 1_000_000)],
)
def test_what_is_of_megabytes_is_refused_in_few_words(default, value):
    with pytest.raises(ConfigError) as told:
        parameter(default).check(value)
    assert len(str(told.value)) < 1000


@pytest.mark.parametrize('path', sorted(CONFIG.glob('*.yaml')), ids=lambda path: path.name)
def test_every_shipped_file_has_known_parameters_with_good_values(path):
    given = parameters_for('/segment', [str(path)])
    table = parameter_table([*MODALITIES, *given['modalities']])
    for name, value in given.items():
        table[name].check(value)
    assert given['checkpoint']
