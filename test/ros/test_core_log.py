"""What the core says reaches ROS."""

import logging

from robustseg_ros.core_log import CORE, core_log


class Logger:
    def __init__(self):
        self.said = []

    def info(self, message):
        self.said.append(('info', message))

    def warning(self, message):
        self.said.append(('warning', message))


def test_messages_are_handed_on_and_warnings_kept():
    logger, source = Logger(), logging.getLogger(f'{CORE}.runtime.somewhere')
    with core_log(logger) as warnings:
        source.info('Building takes %d minutes.', 3)
        source.warning('%s passed over: %s', 'openvino', 'not installed')
        source.debug('nobody wants this')
        logging.getLogger('another.library').warning('nor this')
    assert logger.said == [
        ('info', 'Building takes 3 minutes.'),
        ('warning', 'openvino passed over: not installed'),
    ]
    assert warnings == ['openvino passed over: not installed']


def test_afterwards_all_is_as_before():
    source = logging.getLogger(CORE)
    before = source.level, list(source.handlers)
    with core_log(Logger()):
        assert source.handlers != before[1]
    assert (source.level, list(source.handlers)) == before
