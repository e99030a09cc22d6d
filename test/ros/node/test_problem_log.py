"""One warning per kind of problem."""

from robustseg_ros.node.problem_log import ProblemLog


class Logger:
    def __init__(self):
        self.lines = []

    def warning(self, line):
        self.lines.append(line)


def test_the_same_kind_is_named_once_and_another_kind_too():
    logger = Logger()
    log = ProblemLog(logger)
    for number in range(100):
        log.report('depth', f'depth {number}')
    log.report('rgb', 'rgb')
    assert logger.lines == ['depth 0', 'rgb']


def test_it_is_named_again_later_with_the_count():
    logger = Logger()
    log = ProblemLog(logger, repeat_s=0.0)
    log.report('depth', 'first')
    log._repeat_s = 10.0
    for _ in range(3):
        log.report('depth', 'unsaid')
    log._repeat_s = 0.0
    log.report('depth', 'again')
    assert logger.lines == ['first', 'again (3 more like this)']
