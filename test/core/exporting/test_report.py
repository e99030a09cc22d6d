"""The report of an export."""

import json
import math

import pytest

from robustseg_core.evaluation.protocols import every_subset
from robustseg_core.exporting.agreement import Agreement
from robustseg_core.exporting.formats import Target
from robustseg_core.exporting.report import Report, summary


@pytest.fixture
def report():
    return Report(
        'runs/some.safetensors',
        Target('openvino', 'int8', (64, 96)),
        'openvino 2026.4',
        {'frames': Agreement(0.125, 0.9755, 12, 28)},
        calibrated_on=24,
        scored_on=50,
        scores={
            'before': {'any_modal': 40.0, 'all_modalities': 50.5, 'by_subset': {'R': math.nan}},
            'after': {'any_modal': 39.75, 'all_modalities': 50.75, 'by_subset': {'R': math.nan}},
        },
    )


def test_people_read_what_it_costs(report):
    text = report.markdown()
    assert '# Export of some.safetensors' in text
    assert 'openvino, int8, for images of 64x96; checked with openvino 2026.4' in text
    assert '| frames | 28 | 0.12 | 97.550% | 12 |' in text
    assert '| mean over all subsets | 40.00 | 39.75 | -0.25 |' in text
    assert '| all modalities | 50.50 | 50.75 | +0.25 |' in text
    assert '50 frames of the validation split; ranges from 24 frames' in text


def test_programs_read_json_without_nan(report, tmp_path):
    report.write(tmp_path)
    content = json.loads((tmp_path / 'export.json').read_text())
    assert content['size'] == [64, 96]
    assert content['agreements']['frames']['labels'] == 0.9755
    assert content['miou']['before'] == {
        'any_modal': 40.0,
        'all_modalities': 50.5,
        'by_subset': {'R': None},
    }
    assert (tmp_path / 'export.md').read_text() == report.markdown()


def test_without_scores_nothing_is_said_of_them():
    report = Report('a', Target('onnx'), 'onnxruntime 1', {'noise': Agreement(0, 1, 0, 7)})
    assert 'mIoU' not in report.markdown()
    assert 'any size' in report.markdown()
    assert json.loads(report.to_json())['miou'] == {}


def test_the_summary_names_what_counts(network, make_frames):
    found = summary(every_subset(network, make_frames(2)))
    assert list(found['by_subset']) == ['R', 'D', 'E', 'RD', 'RE', 'DE', 'RDE']
    assert found['any_modal'] == pytest.approx(sum(found['by_subset'].values()) / 7)
    assert found['all_modalities'] == found['by_subset']['RDE']
