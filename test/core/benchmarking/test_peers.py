"""The comparison, with contestants in processes of their own."""

from contextlib import nullcontext
import json

from matplotlib.image import imread
import pytest

from robustseg_core.benchmark import main
from robustseg_core.benchmarking import peers
from robustseg_core.benchmarking.contestants import THEIRS, Entry, write_weights
from robustseg_core.benchmarking.peers import Effort, compare_peers
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.exporting.formats import Target
from robustseg_core.exporting.making import export
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.embedded import checkpoint_path

transformers = pytest.importorskip('transformers')

TINY = {'backbone': 'mit_b0', 'width': 16}


@pytest.mark.timeout(180)
def test_the_command_compares_who_can_take_part(tmp_path, capsys):
    report, plot = tmp_path / 'peers.json', tmp_path / 'peers.png'
    options = ['--peers', '--sizes', '64', '96', '--head-width', '16', '--repeats', '2']
    options += ['--backends', 'torch', 'torch:int8', '--json', str(report), '--plot', str(plot)]
    assert main(options) == 0
    content = json.loads(report.read_text())
    found = {(score['name'], score['size']) for score in content['scores']}
    assert found == {
        (name, size) for name in ('published', 'Hugging Face', 'ours, torch') for size in (64, 96)
    }
    for score in content['scores']:
        assert 0 < score['frame']['p50_ms'] <= score['frame']['p99_ms']
        assert score['frame']['runs'] == 2
        assert score['peak_mb'] > 0
        assert score['agreement'] > 0.999
    assert any('ours, torch int8: ' in each for each in content['absent'])
    text = capsys.readouterr().out
    assert '96x96, 4 of 4 modalities' in text
    assert '| published |' in text
    assert imread(plot).std() > 0.05


@pytest.mark.timeout(120)
def test_who_says_otherwise_is_no_peer(monkeypatch):
    def tampered(folder, **options):
        write_weights(folder, **options)
        theirs = transformers.SegformerForSemanticSegmentation.from_pretrained(folder / THEIRS)
        theirs.decode_head.classifier.weight.data.neg_()
        theirs.save_pretrained(folder / THEIRS)

    monkeypatch.setattr(peers, 'write_weights', tampered)
    with pytest.raises(RobustSegError, match=r'Hugging Face gives .* % of the pixels the class'):
        compare_peers([Entry('huggingface')], Effort([64], repeats=2), **TINY, tell=print)


def test_at_one_size_fewer_modalities_are_compared_too(monkeypatch):
    cases = []

    def scored(_running, case, *_):
        cases.append((case.size, case.modalities))
        return []

    monkeypatch.setattr(peers, '_scored', scored)
    monkeypatch.setattr(peers, 'ContestantProcess', lambda *_: nullcontext())
    compare_peers([], Effort([96, 64], sweep=96), **TINY, tell=lambda _: None)
    assert cases == [(64, 4), (96, 1), (96, 2), (96, 3), (96, 4)]


@pytest.mark.parametrize(('sizes', 'repeats'), [([], 2), ([100], 2), ([32], 2), ([64], 0)])
def test_sizes_and_repeats_that_make_no_sense_are_refused(sizes, repeats):
    with pytest.raises(ConfigError, match='multiples of 32'):
        Effort(sizes, repeats=repeats)


def test_a_checkpoint_has_no_peers(tmp_path, capsys):
    assert main(['--peers', '--checkpoint', str(tmp_path)]) == 1
    assert 'leave --checkpoint' in capsys.readouterr().err


def test_backends_without_a_checkpoint_are_refused(capsys):
    assert main(['--backends', 'torch']) == 1
    assert 'name --checkpoint' in capsys.readouterr().err


@pytest.mark.timeout(120)
def test_a_checkpoint_is_timed_on_its_backends_and_beside_its_exports(tmp_path, capsys):
    pytest.importorskip('onnxruntime')
    folder, report = tmp_path / 'exported', tmp_path / 'backends.json'
    model = load_model(checkpoint_path('nyuv2_student'))
    export(model, Target('onnx'), folder, checkpoint='nyuv2_student', device='cpu', tell=print)
    options = ['--checkpoint', 'nyuv2_student', '--sizes', '64', '--repeats', '2']
    options += ['--backends', 'torch', str(folder), 'torch:int8', '--json', str(report)]
    assert main(options) == 0
    content = json.loads(report.read_text())
    assert [score['name'] for score in content['scores']] == ['torch', 'exported']
    assert {(score['modalities'], score['of']) for score in content['scores']} == {(2, 2)}
    assert all(score['agreement'] > 0.99 for score in content['scores'])
    assert len(content['absent']) == 1
    assert '64x64, 2 of 2 modalities' in capsys.readouterr().out
