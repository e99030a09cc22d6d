"""What an exported graph says of itself."""

import json

from exported_networks import CONFIG
import pytest

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.runtime.graph_description import GraphDescription

DESCRIPTION = GraphDescription(CONFIG, {'steps': 3}, 'onnx', 'int8', (64, 96))


def read(text):
    return GraphDescription.of_pair({'encoder.onnx': text, 'head.onnx': text})


@pytest.mark.parametrize('size', [None, (64, 96)])
def test_what_is_written_is_read(size):
    description = GraphDescription(CONFIG, {'steps': [1, None]}, 'openvino', 'fp16', size)
    assert read(description.to_text()) == description


def test_two_exports_are_no_pair():
    other = GraphDescription(CONFIG, {'steps': 4}, 'onnx', 'int8', (64, 96))
    with pytest.raises(CheckpointError, match='a and b are of different exports'):
        GraphDescription.of_pair({'a': DESCRIPTION.to_text(), 'b': other.to_text()})


def test_a_graph_of_somebody_else_is_named():
    with pytest.raises(CheckpointError, match=r'head\.onnx: no graph of ours.*no entry'):
        GraphDescription.of_pair({'encoder.onnx': DESCRIPTION.to_text(), 'head.onnx': None})


def without(key):
    content = json.loads(DESCRIPTION.to_text())
    del content[key]
    return json.dumps(content)


@pytest.mark.parametrize('text', ['', '[]', '{}', without('export'), without('config')])
def test_metadata_that_describe_no_network_are_refused(text):
    with pytest.raises(CheckpointError, match=r'encoder\.onnx: (not ours|no graph|the metadata)'):
        read(text)


def test_another_version_is_refused():
    content = json.loads(DESCRIPTION.to_text()) | {'version': 99}
    with pytest.raises(CheckpointError, match='format version 99 found, 1 wanted'):
        read(json.dumps(content))


def test_another_size_than_exported_for_is_refused():
    DESCRIPTION.check_size((64, 96))
    with pytest.raises(ConfigError, match='for images of 64x96, got 96x64'):
        DESCRIPTION.check_size((96, 64))


def test_a_dynamic_export_takes_any_size():
    GraphDescription(CONFIG, {}, 'onnx').check_size((32, 4096))
