"""What the core says reaches ROS."""

import logging

import pytest

from robustseg_ros.node.core_log import CORE, CoreLog


class Logger:
    def __init__(self):
        self.said = []

    def info(self, message):
        self.said.append(('info', message))

    def warning(self, message):
        self.said.append(('warning', message))


@pytest.fixture
def logger():
    return Logger()


@pytest.fixture
def core_log(logger):
    log = CoreLog(logger)
    yield log
    log.close()


def test_messages_are_handed_on_as_what_they_are(logger, core_log, monkeypatch):
    source = logging.getLogger(f'{CORE}.runtime.somewhere')
    # pytest's plugins in a ROS shell import launch, whose loggers keep to themselves.
    monkeypatch.setattr(source, 'propagate', True)
    core_log.open()
    source.info('Building takes %d minutes.', 3)
    source.warning('%s passed over: %s', 'openvino', 'broken')
    source.debug('nobody wants this')
    logging.getLogger('another.library').warning('nor this')
    assert logger.said == [
        ('info', 'Building takes 3 minutes.'),
        ('warning', 'openvino passed over: broken'),
    ]


def test_afterwards_all_is_as_before_and_it_can_listen_again(logger, core_log):
    source = logging.getLogger(CORE)
    before = source.level, list(source.handlers)
    for _ in range(2):
        core_log.open()
        core_log.open()
        assert source.handlers == [*before[1], core_log]
        core_log.close()
        assert (source.level, list(source.handlers)) == before
    core_log.open()
    source.info('once')
    assert logger.said == [('info', 'once')]
