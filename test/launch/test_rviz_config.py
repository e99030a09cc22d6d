"""config/segment.rviz."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from robustseg_ros.node.parameters import MODALITIES, parameter_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def displays() -> list[dict[str, Any]]:
    return config()['Displays']


def config() -> dict[str, Any]:
    text = (ROOT / 'config' / 'segment.rviz').read_text()
    return yaml.safe_load(text)['Visualization Manager']


def topics(displays: list[dict[str, Any]]) -> set[str]:
    return {display['Topic']['Value'] for display in displays if 'Topic' in display}


def test_every_input_topic_is_one_the_node_listens_to(displays):
    table = parameter_table(MODALITIES)
    inputs = {f'/{table[f"{name}.topic"].default}' for name in MODALITIES}
    shown = {topic for topic in topics(displays) if not topic.startswith('/segment/')}
    assert {'/camera/image_raw', '/lidar/points'} <= shown <= inputs


def test_every_output_topic_is_one_the_node_publishes(displays):
    outputs = pytest.importorskip('robustseg_ros.segment.topics', reason='needs ROS 2').OUTPUTS
    published = {output.topic.replace('~', '/segment') for output in outputs}
    shown = {topic for topic in topics(displays) if topic.startswith('/segment/')}
    wanted = {'/segment/overlay', '/segment/mask', '/segment/color_mask', '/segment/points'}
    assert wanted <= shown <= published


def test_what_is_enabled_shows_the_classes_in_the_picture_and_in_space(displays):
    enabled = topics([display for display in displays if display['Enabled']])
    assert {'/segment/overlay', '/segment/color_mask', '/segment/points'} <= enabled
    points = next(each for each in displays if topics([each]) == {'/segment/points'})
    assert points['Color Transformer'] == 'RGB8'


def test_streams_are_asked_for_as_they_are_offered(displays):
    wanted = {'Reliability Policy': 'Best Effort', 'Durability Policy': 'Volatile'}
    for display in displays:
        if 'Topic' in display:
            assert display['Topic'].items() >= wanted.items(), display['Name']


def test_only_the_plugins_that_come_with_rviz_are_used(displays):
    manager = config()
    plugins = [*displays, *manager['Tools'], manager['Views']['Current']]
    assert {plugin['Class'].split('/')[0] for plugin in plugins} == {'rviz_default_plugins'}


def test_everything_is_seen_from_the_camera():
    assert config()['Global Options']['Fixed Frame'] == 'camera_optical_frame'
