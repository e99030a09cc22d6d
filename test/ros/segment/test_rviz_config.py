"""What RViz shows for a node's parameters."""

from pathlib import Path

import yaml

from robustseg_ros.segment.rviz_config import rviz_config

TEMPLATE = (Path(__file__).resolve().parents[3] / 'config' / 'segment.rviz').read_text()


def shown(given, node='/segment', frame='camera_optical_frame'):
    """Return name -> topic of what is shown."""
    manager = yaml.safe_load(rviz_config(TEMPLATE, given, node, frame))['Visualization Manager']
    displays = manager['Displays']
    return {d['Name']: d['Topic']['Value'] for d in displays if 'Topic' in d}


def test_with_the_defaults_it_is_the_file_itself():
    config = rviz_config(TEMPLATE, {}, '/segment', 'camera_optical_frame')
    assert yaml.safe_load(config) == yaml.safe_load(TEMPLATE)


def test_all_moves_with_the_namespace_but_what_has_a_slash_before_it():
    topics = shown({'lidar.topic': '/top/points'}, node='/robot/front')
    assert topics['Camera'] == '/robot/camera/image_raw'
    assert topics['LiDAR'] == '/top/points'
    assert topics['Overlay'] == '/robot/front/overlay'


def test_what_the_node_does_not_listen_to_is_not_shown():
    assert 'LiDAR' not in shown({'modalities': ['rgb', 'depth']})
    assert 'LiDAR' not in shown({'lidar.type': 'image', 'lidar.topic': '/lidar/image'})
    assert 'Camera' not in shown({'rgb.topic': ''})


def test_of_compressed_images_it_is_the_topic_that_image_transport_wants():
    topics = shown({'rgb.type': 'compressed_image', 'rgb.topic': '/front/image/compressed'})
    assert topics['Camera'] == '/front/image'


def test_a_modality_of_ones_own_does_no_harm():
    assert 'Camera' in shown({'modalities': ['thermal', 'rgb'], 'thermal.topic': 'lepton'})
