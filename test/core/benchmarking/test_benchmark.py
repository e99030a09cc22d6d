"""The command `python -m robustseg_core.benchmark`: what it refuses, and when it tells what."""

import json
from types import SimpleNamespace

import pytest
import torch

from robustseg_core import benchmark
from robustseg_core.benchmark import main
from robustseg_core.benchmarking import contestants, plots
from robustseg_core.benchmarking.peers import Comparison, Score
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.runtime.measure import Timing, machine

COMPARED = ['--checkpoint', 'nyuv2_student', '--backends', 'torch']
TIMING = Timing.of([1.0, 2.0])
SCORES = tuple(Score('torch', 64, count, 2, TIMING, TIMING, 9.0, 1.0) for count in (1, 2))
COMPARISON = Comparison('a model', machine('cpu'), SCORES, ())


@pytest.fixture
def efforts(monkeypatch):
    """Note what should be measured, and measure nothing."""
    noted = []

    def compare(checkpoint, entries, effort, tell):
        noted.append(effort)
        return COMPARISON

    monkeypatch.setattr(benchmark, 'compare_backends', compare)
    return noted


def one_line(capsys):
    told = capsys.readouterr().err
    assert told.startswith('python -m robustseg_core.benchmark: ')
    assert told.count('\n') == 1
    return told


@pytest.mark.parametrize('option', ['--json', '--plot'])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(
    option, efforts, tmp_path, capsys
):
    file = tmp_path / 'no folder' / 'file'
    assert main([*COMPARED, option, str(file)]) == 1
    assert str(file) in one_line(capsys)
    assert not efforts


def test_a_plot_without_matplotlib_is_refused_before_the_run(
    efforts, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(benchmark, 'find_spec', lambda name: None)
    assert main([*COMPARED, '--plot', str(tmp_path / 'a.png')]) == 1
    assert '`pip install matplotlib`' in one_line(capsys)
    assert not efforts


def test_a_plot_of_nothing_that_is_compared_is_refused(tmp_path, capsys):
    assert main(['--plot', str(tmp_path / 'a.png')]) == 1
    assert 'name --peers or --backends' in one_line(capsys)


def test_what_fails_leaves_files_as_they_were(tmp_path, monkeypatch):
    def fail(*_):
        msg = 'no'
        raise RobustSegError(msg)

    monkeypatch.setattr(benchmark, 'compare_backends', fail)
    old, new = tmp_path / 'old.json', tmp_path / 'new.png'
    old.write_text('old')
    assert main([*COMPARED, '--json', str(old), '--plot', str(new)]) == 1
    assert old.read_text() == 'old'
    assert not new.exists()


@pytest.mark.usefixtures('efforts')
def test_tables_are_told_even_if_the_plot_fails(tmp_path, capsys, monkeypatch):
    def fail(*_):
        msg = 'disk full'
        raise OSError(msg)

    monkeypatch.setattr(plots, 'draw_growth', fail)
    report = tmp_path / 'a.json'
    assert main([*COMPARED, '--json', str(report), '--plot', str(tmp_path / 'a.png')]) == 1
    told = capsys.readouterr()
    assert '64x64, 2 of 2 modalities' in told.out
    assert 'disk full' in told.err
    assert json.loads(report.read_text())['model'] == 'a model'


@pytest.mark.usefixtures('efforts')
def test_a_plot_is_a_png_whatever_its_name(tmp_path):
    pytest.importorskip('matplotlib', reason='matplotlib is not installed')
    file = tmp_path / 'a.plot'
    assert main([*COMPARED, '--plot', str(file)]) == 0
    assert file.read_bytes().startswith(b'\x89PNG')


def test_peers_have_the_backbones_of_the_paper(capsys):
    assert main(['--peers', '--backbone', 'nope']) == 1
    assert "Unknown backbone 'nope'; wanted one of ['mit_b0'" in one_line(capsys)


def test_peers_without_transformers_say_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(contestants, 'find_spec', lambda name: None)
    assert main(['--peers']) == 1
    assert '`pip install transformers`' in one_line(capsys)


@pytest.mark.parametrize(('has_cuda', 'device'), [(True, 'cuda'), (False, 'cpu')])
def test_the_device_auto_is_the_gpu_where_there_is_one(has_cuda, device, efforts, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: has_cuda)
    monkeypatch.setattr(torch, 'empty', lambda *_, **__: None)  # as if it were there
    assert main([*COMPARED, '--device', 'auto']) == 0
    assert efforts[0].device == device


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
@pytest.mark.parametrize('arguments', [[], COMPARED])
def test_a_device_that_is_not_there_is_refused(arguments, efforts, capsys):
    assert main([*arguments, '--device', 'cuda']) == 1
    assert "Device 'cuda' cannot be used" in one_line(capsys)
    assert not efforts


def test_an_export_of_one_size_is_not_timed_at_another(tmp_path, monkeypatch):
    backend = SimpleNamespace(size=(64, 96))
    monkeypatch.setattr(contestants, 'open_backend', lambda *_: backend)
    with pytest.raises(ConfigError, match='takes 64x96 only; images of 64x64 would be resized'):
        contestants.enter(contestants.Entry('ours', 'auto', path=tmp_path), tmp_path, 'cpu', 64)
