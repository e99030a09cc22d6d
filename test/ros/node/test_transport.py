"""The DDS transport profile."""

import os
from pathlib import Path
import sys
from xml.etree import ElementTree as ET

import pytest

from robustseg_core.errors import ConfigError
from robustseg_ros.node import transport
from robustseg_ros.transport_benchmark import Arrivals, Stream, measure


def test_kilted_and_the_wheels_get_the_variable_of_fast_dds_3() -> None:
    for ros in ({}, {'ROS_DISTRO': 'kilted'}):
        assert list(transport.environment(ros)) == ['FASTDDS_DEFAULT_PROFILES_FILE']


def test_jazzy_gets_the_variable_of_fast_dds_2() -> None:
    variables = transport.environment({'ROS_DISTRO': 'jazzy'})
    assert list(variables) == ['FASTRTPS_DEFAULT_PROFILES_FILE']


@pytest.mark.parametrize(
    'chosen',
    [
        {'FASTDDS_DEFAULT_PROFILES_FILE': 'mine.xml'},
        {'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine.xml'},
        {'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA'},
        {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'},
    ],
)
def test_what_the_user_chose_is_left_alone(chosen: dict[str, str]) -> None:
    assert transport.environment(chosen) == {}


def test_fast_dds_named_as_the_middleware_gets_the_profile() -> None:
    assert transport.environment({'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'})


def test_apply_sets_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*transport.CHOICE_VARIABLES, transport.RMW_VARIABLE, 'ROS_DISTRO'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, 'environ', dict(os.environ))
    assert transport.apply()
    assert Path(os.environ['FASTDDS_DEFAULT_PROFILES_FILE']).is_file()
    assert not transport.apply()  # now it is chosen


def test_profile_has_room_for_a_dozen_images_and_keeps_udp() -> None:
    root = ET.parse(transport.profile_path()).getroot()
    text = {element.tag.rpartition('}')[2]: element.text for element in root.iter()}
    assert int(text['segment_size']) >= 12 * 1280 * 720 * 3 - 2**20
    assert text['useBuiltinTransports'] == 'false'
    types = {e.text for e in root.iter() if e.tag.rpartition('}')[2] == 'type'}
    assert types == {'SHM', 'UDPv4'}


def test_profile_is_found_in_an_installed_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, '__file__', str(tmp_path / 'lib' / 'package' / 'transport.py'))
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'nothing'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(ConfigError, match=r"'fastdds.xml' is not installed: looked for .*share"):
        transport.profile_path()
    installed = tmp_path / 'share' / 'robustseg_ros' / 'config' / 'fastdds.xml'
    installed.parent.mkdir(parents=True)
    installed.touch()
    assert transport.profile_path() == installed


def test_arrivals_have_a_fraction_and_a_median() -> None:
    arrivals = Arrivals(4, (3.0, 1.0, 2.0))
    assert arrivals.fraction == 0.75
    assert arrivals.median_ms == 2.0


@pytest.mark.ros
def test_large_best_effort_images_pass_between_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('rclpy')
    monkeypatch.setenv('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.environ.get('AMENT_PREFIX_PATH', sys.prefix))
    profile = {transport.profile_variable(os.environ): str(transport.profile_path())}
    arrivals = measure(Stream(messages=30), profile)
    # Without the profile none to four of 30 arrive.
    assert arrivals.fraction > 0.8
