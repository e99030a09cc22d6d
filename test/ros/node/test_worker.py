"""The thread that owns the model."""

from threading import Event, current_thread

import pytest

from robustseg_ros.node.worker import Worker


@pytest.fixture
def made():
    workers = []

    def make(work, on_error=lambda error: None):
        workers.append(Worker(lambda: work, on_error))
        workers[-1].start()
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


def test_newest_job_wins(made):
    started, go, done, seen = Event(), Event(), Event(), []

    def work(job):
        seen.append(job)
        started.set()
        go.wait(5)
        if job == 'last':
            done.set()

    worker = made(work)
    assert not worker.submit('first')
    assert started.wait(5)
    assert not worker.submit('second')
    assert worker.submit('third')
    assert worker.submit('last')
    go.set()
    assert done.wait(5)
    assert seen == ['first', 'last']


def test_loading_and_working_happen_in_the_same_other_thread():
    threads, done = [], Event()

    def load():
        threads.append(current_thread())
        return lambda job: (threads.append(current_thread()), done.set())

    worker = Worker(load, on_error=lambda error: None)
    worker.start()
    worker.submit('job')
    assert done.wait(5)
    worker.stop()
    assert threads[0] is threads[1] is not current_thread()
    assert not threads[0].is_alive()


def test_what_loading_raises_is_raised_by_start():
    def load():
        msg = 'no such file'
        raise FileNotFoundError(msg)

    worker = Worker(load, on_error=lambda error: None)
    with pytest.raises(FileNotFoundError, match='no such file'):
        worker.start()
    worker.stop()


def test_a_failing_job_is_reported_and_the_next_one_done(made):
    errors, done = [], Event()

    def work(job):
        if job == 'bad':
            raise ZeroDivisionError(job)
        done.set()

    worker = made(work, errors.append)
    worker.submit('bad')
    while not errors:
        done.wait(0.001)
    worker.submit('good')
    assert done.wait(5)
    assert [str(error) for error in errors] == ['bad']


def test_a_task_goes_first_and_the_waiting_job_is_forgotten(made):
    started, go, done, seen = Event(), Event(), Event(), []

    def work(job):
        seen.append(job)
        started.set()
        go.wait(5)
        if job == 'new':
            done.set()

    worker = made(work)
    worker.submit('running')
    assert started.wait(5)
    worker.submit('of the old time')
    worker.run_first(lambda: seen.append('reset'))
    worker.submit('new')
    go.set()
    assert done.wait(5)
    assert seen == ['running', 'reset', 'new']


def test_stop_without_start_does_nothing():
    Worker(lambda: lambda job: None, on_error=lambda error: None).stop()


def test_offers_wait_for_jobs_and_the_newest_of_each_kind_wins(made):
    started, go, done, seen = Event(), Event(), Event(), []

    def work(job):
        seen.append(job)
        started.set()
        go.wait(5)

    worker = made(work)
    worker.submit('first')
    assert started.wait(5)
    worker.offer('rgb', lambda: seen.append('old rgb'))
    worker.offer('depth', lambda: seen.append('depth'))
    worker.offer('rgb', lambda: (seen.append('rgb'), done.set()))
    worker.submit('second')
    go.set()
    assert done.wait(5)
    assert seen == ['first', 'second', 'depth', 'rgb']


def test_offers_of_the_old_time_are_forgotten(made):
    started, go, done, seen = Event(), Event(), Event(), []
    worker = made(lambda job: (started.set(), go.wait(5)))
    worker.submit('running')
    assert started.wait(5)
    worker.offer('rgb', lambda: seen.append('old'))
    worker.run_first(lambda: seen.append('reset'))
    worker.offer('depth', lambda: (seen.append('new'), done.set()))
    go.set()
    assert done.wait(5)
    assert seen == ['reset', 'new']


def test_beginning_and_ending_wait_for_nobody():
    loading, go = Event(), Event()

    def load():
        loading.set()
        go.wait(5)
        return print

    worker = Worker(load, on_error=print)
    loaded = worker.begin()
    assert loading.wait(5)
    assert not loaded.done()
    ended = worker.end()
    assert not ended.done()
    assert not worker.stop(timeout_s=0.01)  # and it says so
    go.set()
    ended.result(5)
    assert loaded.done()
    assert worker.stop()


def test_a_worker_that_never_began_has_ended():
    assert Worker(lambda: print, on_error=print).end().done()


def test_a_library_that_would_end_the_program_while_it_loads_is_an_error():
    def load():
        raise SystemExit(3)

    worker = Worker(load, on_error=print)
    with pytest.raises(RuntimeError, match='SystemExit'):
        worker.start()
    worker.end().result(5)
