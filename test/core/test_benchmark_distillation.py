"""The command that times a distillation step."""

import json

import pytest

from robustseg_core.benchmark_distillation import main

SMALL = '--backbone mit_nano --head-width 8 --batch 1 --modalities 2 --classes 3 --size 64 64'


def test_it_prints_a_table_and_writes_the_figures(tmp_path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / 'step.json'
    arguments = f'{SMALL} --terms prototype --repeats 1 --cpu-time --json {path}'
    assert main(arguments.split()) == 0
    printed = capsys.readouterr().out
    assert 'processor time' in printed
    assert '| loops / products |' in printed
    figures = json.loads(path.read_text())
    assert figures['case']['terms'] == ['prototype']
    assert f'{figures["step_ms"]["loops"]:.1f}' in printed


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ('--device nowhere', "There is no device 'nowhere' here"),
        ('--repeats 0', 'repeats must be >= 1'),
        ('--modalities 0', 'modalities must be 1 to 26, got 0'),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    arguments: str, said: str, capsys: pytest.CaptureFixture
) -> None:
    assert main([*SMALL.split(), *arguments.split()]) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert not printed.out
