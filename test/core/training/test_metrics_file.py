"""MetricsFile."""

import csv
from pathlib import Path

import pytest

from robustseg_core.training.metrics_file import MetricsFile


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_columns_appear_when_their_number_does(tmp_path: Path) -> None:
    path = tmp_path / 'metrics.csv'
    log = MetricsFile(path)
    log.log_metrics({'epoch': 0, 'ce': 1.5}, step=9)
    log.log_metrics({'epoch': 0, 'ce': 1.25}, step=19)
    log.log_metrics({'epoch': 0, 'miou/mean': 30.0}, step=19)
    log.log_metrics({'epoch': 1, 'ce': 1.0}, step=29)
    assert path.read_text().splitlines() == [
        'epoch,step,ce,miou/mean',
        '0,9,1.5,',
        '0,19,1.25,',
        '0,19,,30.0',
        '1,29,1.0,',
    ]


def test_every_row_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / 'metrics.csv'
    log = MetricsFile(path)
    log.log_metrics({'epoch': 0, 'ce': 1.5}, step=0)
    assert len(rows(path)) == 1
    log.log_metrics({'epoch': 0, 'ce': 1.5}, step=1)
    assert len(rows(path)) == 2


def test_a_resumed_run_replaces_what_came_after_its_state(tmp_path: Path) -> None:
    path = tmp_path / 'metrics.csv'
    log = MetricsFile(path)
    for step in (9, 19, 29, 39):
        log.log_metrics({'epoch': step // 20, 'ce': step, 'lost': 1}, step=step)
    before = path.read_text()
    resumed = MetricsFile(path, first_step=20)
    assert path.read_text() == before, 'nothing is touched before there is something to say'
    resumed.log_metrics({'epoch': 1, 'ce': 0.5}, step=29)
    assert [(row['step'], row['ce']) for row in rows(path)] == [
        ('9', '9'),
        ('19', '19'),
        ('29', '0.5'),
    ]


def test_a_new_run_does_not_keep_the_rows_of_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / 'metrics.csv'
    MetricsFile(path).log_metrics({'epoch': 0, 'ce': 1.0}, step=9)
    MetricsFile(path).log_metrics({'epoch': 0, 'ce': 2.0}, step=9)
    assert [row['ce'] for row in rows(path)] == ['2.0']


@pytest.mark.parametrize('cut', range(2, 16))
def test_a_row_that_was_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / 'metrics.csv'
    log = MetricsFile(path)
    for step in (9, 19):
        log.log_metrics({'epoch': 0, 'ce': 0.123456}, step=step)
    whole = path.read_bytes()
    assert whole.endswith(b'0,19,0.123456\r\n')
    path.write_bytes(whole[:-cut])
    MetricsFile(path, first_step=100).log_metrics({'epoch': 1, 'ce': 0.5}, step=109)
    assert [(row['step'], row['ce']) for row in rows(path)] == [('9', '0.123456'), ('109', '0.5')]


@pytest.mark.parametrize('rest', [b'', b'\0' * 40, b'epo', b'epoch,step\n1,\n,,,\nx,y\n'])
def test_a_file_of_which_nothing_is_left_is_begun_anew(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / 'metrics.csv'
    path.write_bytes(rest)
    MetricsFile(path, first_step=100).log_metrics({'epoch': 1, 'ce': 0.5}, step=109)
    assert [row['step'] for row in rows(path)] == ['109']


def test_the_file_is_whole_whenever_its_columns_change(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / 'metrics.csv'
    log = MetricsFile(path)
    log.log_metrics({'epoch': 0, 'ce': 1.5}, step=9)
    before = path.read_text()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, 'replace', killed)
    with pytest.raises(KeyboardInterrupt):
        log.log_metrics({'epoch': 0, 'new': 1.0}, step=19)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
