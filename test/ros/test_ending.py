"""SIGINT and SIGTERM end the process: at any moment, within two seconds, with status 0."""

from pathlib import Path
import signal
import sys
import time

from node_driver import NodeProcess
import pytest

pytestmark = pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='needs /proc')

BOTH = [signal.SIGINT, signal.SIGTERM]
LIMIT_S = 2.0
# After the node's first line, in seconds: imports, rcl, the model, spinning.
MOMENTS_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.4, 2.0, 3.0)
HANGS = {
    'while the model loads': 'from robustseg_ros.node.worker import Worker as W; W._work = hang',
    'in a callback': 'from robustseg_ros.node.clock_watch import ClockWatch as W; '
    'W.complaint = hang',
}


@pytest.fixture
def process(tmp_path, checkpoint):
    """Start the node alone, with a line of Python before its own first one."""
    started = []

    def start(before: str = '', **parameters) -> NodeProcess:
        # Sleeping in C with Python's lock released, as a decoder or a network would be.
        code = (
            'import ctypes\ndef hang(*_): ctypes.CDLL(None).sleep(60)\n'
            f'{before}\nfrom robustseg_ros.segment_node import main\nmain()'
        )
        given = {'checkpoint': checkpoint, 'device': 'cpu', 'backend': 'torch', **parameters}
        command = (sys.executable, '-c', code)
        started.append(NodeProcess(tmp_path, 101, given, command=command))
        return started[-1]

    yield start
    for node in started:
        node.process.kill()
        node.process.wait()


def until(condition, timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def listens(node: NodeProcess, number: int) -> bool:
    """Whether the process has taken over the signal: our first line is behind it."""
    status = Path(f'/proc/{node.process.pid}/status').read_text()
    caught = int(status.partition('SigCgt:')[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def ends_well(node: NodeProcess, number: int) -> None:
    began_s = time.monotonic()
    status = node.stop(number)
    took_s = time.monotonic() - began_s
    assert status == 0, node.log()
    assert took_s < LIMIT_S, f'{took_s:.2f} s\n{node.log()}'
    assert 'Traceback' not in node.log()
    assert 'rror' not in node.log(), node.log()


@pytest.mark.parametrize('moment_s', MOMENTS_S)
@pytest.mark.parametrize('number', BOTH, ids=lambda n: n.name)
def test_a_signal_at_any_moment_ends_it(process, number, moment_s):
    node = process()
    until(lambda: listens(node, signal.SIGTERM))
    time.sleep(moment_s)
    ends_well(node, number)


@pytest.mark.parametrize('number', BOTH, ids=lambda n: n.name)
def test_a_signal_while_active_ends_it(process, number):
    node = process()
    until(lambda: '25 classes' in node.log())
    time.sleep(0.3)
    ends_well(node, number)


@pytest.mark.parametrize('where', HANGS)
@pytest.mark.parametrize('number', BOTH, ids=lambda n: n.name)
def test_a_signal_while_a_library_hangs_ends_it(process, number, where):
    node = process(HANGS[where], **{'diagnostics.period': 0.1})
    until(lambda: 'is not installed' in node.log() or 'cv_bridge' in node.log())
    time.sleep(0.5)
    ends_well(node, number)


def test_more_signals_on_top_do_no_harm(process):
    node = process()
    until(lambda: '25 classes' in node.log())
    for number in (*BOTH, *BOTH):
        node.process.send_signal(number)
    ends_well(node, signal.SIGINT)


@pytest.mark.parametrize(
    'arguments',
    [
        '-p use_sim_time:=maybe',
        '-p use_sim_time:=3',
        '-p nonsense',
        '--params-file /none/there.yaml',
        '--nonsense',
        '-r __ns:=/a b',
    ],
)
def test_bad_arguments_are_one_line_and_status_2(process, tmp_path, arguments):
    option, _, value = arguments.partition(' ')
    words = [option, value] if value else [option]
    node = process(f'import sys; sys.argv += {words}')
    assert node.process.wait(60) == 2
    lines = node.log().splitlines()
    assert len(lines) == 1, node.log()
    assert lines[0].startswith('Cannot start: ')
