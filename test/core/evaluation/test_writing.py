"""The files of an evaluation."""

from dataclasses import replace
import json

import pytest

from robustseg_core.errors import DataError, WriteError
from robustseg_core.evaluation import drawing
from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.protocols import evaluate
from robustseg_core.evaluation.report import Subject
from robustseg_core.evaluation.writing import write


@pytest.fixture
def subject() -> Subject:
    return Subject(
        checkpoint='student.safetensors',
        missing='drop',
        dataset='deliver',
        split='val',
        size=(32, 48),
        resolution=(512, 512),
        seed=7,
        device='cpu',
        backend='torch',
        precision='bf16',
        gaps=['lidar: 1 of 2 files are missing'],
        provenance={},
    )


@pytest.fixture
def gallery(model) -> Gallery:
    return Gallery(model.config.modalities, 3, 0)


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """Record what is handed to the plots, which have tests of their own."""
    calls = {}
    for name in ('subset_bars', 'class_iou_bars', 'confusion_matrix', 'feature_tsne', 'strips'):
        monkeypatch.setattr(
            drawing, name, lambda *args, _name=name: calls.setdefault(_name, []).append(args)
        )
    return calls


def test_report_results_and_tables_are_written(model, make_batches, subject, tmp_path):
    evaluation = evaluate(model, make_batches(3, lacking={0: ('lidar',)}), seed=7)
    told = write(evaluation, subject, None, tmp_path / 'new')

    results = json.loads((tmp_path / 'new' / 'results.json').read_text())
    assert results['subject']['split'] == 'val'
    assert results['any_modal']['miou_all_classes'] == pytest.approx(
        evaluation.any_modal.mean_ious(absent_as_zero=True)
    )
    assert results['any_modal']['frames_lacking_a_sensor']['L'] == 1
    assert results['rmm']['0.5']['expected_all_classes']['0.2'] > 0
    assert list(results['nm']) == ['Low', 'Mid', 'High']
    assert results['conditions']['fog']['frames'] == 1
    assert sorted(path.name for path in (tmp_path / 'new').iterdir()) == [
        'any_modal.csv',
        'class_iou.csv',
        'conditions.csv',
        'emm.csv',
        'nm.csv',
        'report.md',
        'results.json',
        'rmm.csv',
        'sensor_failures.csv',
    ]
    report = (tmp_path / 'new' / 'report.md').read_text()
    for text in (
        '# Evaluation of student.safetensors',
        "3 frames of deliver, split 'val', at 32x48 pixels",
        'trained at 512x512',
        'lidar: 1 of 2 files are missing',
        'seed 7:',
        'Frames left out because they lack a sensor that is needed: L 1, RL 1,',
        'Published: RobustSeg, arXiv:2505.12861v1, Table 1',
    ):
        assert text in report
    assert '## Pictures' not in report
    assert told.startswith('lidar: 1 of 2 files are missing\n\n|')
    assert 'because they lack a sensor that is needed: L 1, RL 1,' in told
    assert ': sun L 1, sun RL 1,' in told  # the frame is of sun, not of fog
    assert '| AnySeg | 48.17 |' in told
    assert '| a |' not in told  # the table of classes is for the files


def test_scores_that_are_not_there_are_null_in_json(model, make_batches, subject, tmp_path):
    batches = make_batches(2, lacking=dict.fromkeys(range(2), ('event',)))
    write(evaluate(model, batches, ['any_modal', 'rmm']), subject, None, tmp_path)
    results = json.loads((tmp_path / 'results.json').read_text())
    assert results['any_modal']['miou_all_classes']['E'] is None
    assert results['rmm']['0.25']['average_all_classes'] is None


def test_pictures_are_handed_the_scores_and_what_was_gathered(
    model, make_batches, subject, gallery, drawn, tmp_path
):
    evaluation = evaluate(model, make_batches(2), watcher=gallery)
    write(evaluation, subject, gallery, tmp_path)

    (ours, _), (beside, _) = drawn['subset_bars']
    assert ours['left out (any-modal)'] == evaluation.any_modal.mean_ious(absent_as_zero=True)
    assert ours['zeroed (EMM)'] == evaluation.emm.mean_ious(absent_as_zero=True)
    assert beside['RobustSeg']['RDEL'] == 60.16
    ((rows, labels, _),) = drawn['class_iou_bars']
    assert list(rows) == ['R', 'D', 'E', 'L', 'RDEL']
    assert labels == model.config.labels
    ((counts, _, _),) = drawn['confusion_matrix']
    assert (
        counts.tolist()
        == evaluation.any_modal.counts[model.config.modalities.names].counts[:, :3].tolist()
    )
    ((frames, _, _),) = drawn['strips']
    assert {frame.id for frame in frames} == {'frame0', 'frame1'}
    assert list(frames[0].predictions)[-1] == 'RDEL'
    ((features, class_ids, names, _, path, seed),) = drawn['feature_tsne']
    assert len(features) == len(class_ids) == len(names) > 0
    assert (path.parent, seed) == (tmp_path, 7)
    report = (tmp_path / 'report.md').read_text()
    for name in ('subsets', 'subsets_published', 'class_iou', 'confusion_matrix', 'strips'):
        assert f'![{name}.png]({name}.png)' in report


def test_noise_alone_has_nothing_to_draw(model, make_batches, subject, gallery, drawn, tmp_path):
    evaluation = evaluate(model, make_batches(2), ['nm'], watcher=gallery)
    write(evaluation, subject, gallery, tmp_path)
    assert drawn == {}


def test_a_picture_that_cannot_be_drawn_is_told_and_the_report_written(
    model, make_batches, subject, gallery, drawn, tmp_path, monkeypatch
):
    def fail(*_args):
        msg = 'too few pixels'
        raise DataError(msg)

    monkeypatch.setattr(drawing, 'feature_tsne', fail)
    evaluation = evaluate(model, make_batches(2), ['any_modal'], watcher=gallery)
    told = write(evaluation, subject, gallery, tmp_path)
    assert 'features.png was not drawn: too few pixels' in told
    assert 'features.png' not in (tmp_path / 'report.md').read_text()


def test_a_folder_that_cannot_be_made_is_named(model, make_batches, subject, tmp_path):
    (tmp_path / 'file').write_text('')
    evaluation = evaluate(model, make_batches(2), ['nm'])
    with pytest.raises(WriteError, match=r"file/x' cannot be made"):
        write(evaluation, subject, None, tmp_path / 'file' / 'x')


def test_where_nothing_is_missing_nothing_is_said_to_be(model, make_batches, subject, tmp_path):
    whole = replace(subject, gaps=[])
    told = write(evaluate(model, make_batches(2), ['any_modal', 'emm']), whole, None, tmp_path)
    assert told.startswith('| mIoU |')
    assert 'left out because' not in told + (tmp_path / 'report.md').read_text()
