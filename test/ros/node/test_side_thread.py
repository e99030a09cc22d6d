"""The thread for what may take too long to be waited for."""

from concurrent.futures import CancelledError
from threading import Event, active_count
from time import monotonic

import pytest

from robustseg_ros.node.side_thread import SideThread


@pytest.fixture
def thread():
    made = SideThread('test')
    yield made
    made.close()


def test_what_a_task_returns_or_raises_is_in_its_future(thread):
    assert thread.ask(lambda: 5).result(5) == 5
    with pytest.raises(ZeroDivisionError):
        thread.ask(lambda: 1 // 0).result(5)
    assert thread.ask(lambda: 6).result(5) == 6


def test_behind_a_task_that_is_stuck_only_the_newest_waits(thread):
    go, started, done = Event(), Event(), []

    def stuck():
        started.set()
        go.wait(10)

    threads = active_count()
    first = thread.ask(stuck)
    assert started.wait(5)
    later = [thread.ask(lambda number=number: done.append(number)) for number in range(50)]
    assert all(each.cancelled() for each in later[:-1])
    assert active_count() == threads
    go.set()
    later[-1].result(5)
    assert first.done()
    assert done == [49]


def test_a_library_that_would_end_the_program_ends_its_task_alone(thread):
    def leave():
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match='SystemExit'):
        thread.ask(leave).result(5)
    assert thread.ask(lambda: 1).result(5) == 1


def test_closing_waits_for_nothing_that_is_stuck():
    go, started = Event(), Event()
    thread = SideThread('test')
    thread.ask(lambda: (started.set(), go.wait(10)))
    assert started.wait(5)
    waiting = thread.ask(lambda: 1)
    began_s = monotonic()
    thread.close()
    assert monotonic() - began_s < 2
    with pytest.raises(CancelledError):
        waiting.result(1)
    go.set()
