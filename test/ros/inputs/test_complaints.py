"""Sentences about inputs that are alive and yet of little use."""

import os
from pathlib import Path

from robustseg_ros.inputs import complaints
from robustseg_ros.inputs.shared_memory import foreign_users

MS = 1_000_000


def test_lateness_names_the_parameter_and_a_value_that_would_do():
    said = complaints.late('lidar', 'rgb', 110 * MS, 50 * MS)
    assert 'it comes 110 ms after rgb of the same moment, and frames wait 50 ms' in said
    assert 'set sync.max_wait to 0.14' in said


def test_one_publisher_is_no_reason_and_two_are_named():
    assert complaints.publishers('/x', ['/a']) == ''
    assert complaints.publishers('/x', ['/b', '/a']) == '2 publishers on /x: /a, /b'


def test_silence_of_a_matched_publisher_names_user_and_shared_memory():
    said = complaints.silent_although_matched(7.2, [])
    for words in ('matched', 'for 7 s', 'another user', '/dev/shm', 'UDPv4', 'fastdds.xml'):
        assert words in said
    assert 'shared memory of user root lies in /dev/shm' in complaints.silent_although_matched(
        7.2, ['user root']
    )


def test_users_of_shared_memory_are_read_from_its_owners(tmp_path: Path):
    (tmp_path / 'fastrtps_abc').touch()
    (tmp_path / 'another').touch()
    assert foreign_users(tmp_path, own_uid=os.geteuid() + 1) != []
    assert foreign_users(tmp_path, own_uid=os.geteuid()) == []
    assert foreign_users(tmp_path / 'none', own_uid=12345) == []
