"""What RViz shows, as the node's parameters have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from robustseg_ros.node.parameters import MODALITIES, modality_parameters, parameter_table

# The node's name in config/segment.rviz.
NODE = '/segment/'
_POINTS = 'rviz_default_plugins/PointCloud2'


def rviz_config(template: str, given: Mapping[str, Any], node: str, frame: str) -> str:
    """Return config/segment.rviz for a node with these parameters.

    Args:
        template: config/segment.rviz, for the default topics.
        given: The parameters that the node is given.
        node: Its full name.
        frame: Of the leading camera.
    """
    config = yaml.safe_load(template)
    manager = config['Visualization Manager']
    manager['Global Options']['Fixed Frame'] = frame
    topics = _topics(given, node.rpartition('/')[0])
    displays = []
    for display in manager['Displays']:
        topic = display.get('Topic', {}).get('Value', '')
        if topic.startswith(NODE):
            display['Topic']['Value'] = f'{node}/{topic.removeprefix(NODE)}'
        elif topic:
            kind, actual = topics[topic]
            if not actual or (kind == 'points') != (display['Class'] == _POINTS):
                continue  # it has no such input
            display['Topic']['Value'] = actual
        displays.append(display)
    manager['Displays'] = displays
    return yaml.safe_dump(config, sort_keys=False)


def _topics(given: Mapping[str, Any], namespace: str) -> dict[str, tuple[str, str]]:
    """Return for each topic of the template its type, and what takes its place or ''."""
    names = given.get('modalities', list(MODALITIES))
    values = {name: p.default for name, p in parameter_table(names).items()} | dict(given)
    topics = {}
    for modality in MODALITIES:
        default = {p.name: p.default for p in modality_parameters(modality)}[f'{modality}.topic']
        topic = str(values.get(f'{modality}.topic', '')) if modality in names else ''
        kind = str(values.get(f'{modality}.type', ''))
        if topic and not topic.startswith('/'):
            topic = f'{namespace}/{topic}'
        if kind == 'compressed_image':
            topic = topic.removesuffix('/compressed')  # RViz wants image_transport's base
        topics[f'/{default}'] = kind, topic if kind != 'events' else ''
    return topics
