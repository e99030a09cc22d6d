"""The node ``segment`` as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
import os
from pathlib import Path
import signal
import subprocess
import sys
from types import TracebackType
from typing import Any

import yaml

from robustseg_core.errors import RobustSegError
from robustseg_core.files import replace_file

STOP_S = 10.0
_LOG_LINES = 12


class NodeProcess:
    """Runs ``python -m robustseg_ros.segment_node`` from entering to leaving.

    Args:
        parameters: Of the node; ``NAME.KEY`` for those of a sensor.
        folder: Gets its parameters (node.yaml) and what it says (node.log).
        environment: Of the process.
    """

    def __init__(
        self, parameters: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._parameters = parameters
        self._folder = folder
        self._environment = dict(environment)

    @property
    def log_path(self) -> Path:
        """Return where it says what it does."""
        return self._folder / 'node.log'

    @property
    def pid(self) -> int:
        """The number of its process, which must have been entered."""
        return self._process.pid

    def __enter__(self) -> NodeProcess:
        path = self._folder / 'node.yaml'
        content = {'/**': {'ros__parameters': dict(self._parameters)}}
        replace_file(path, yaml.safe_dump(content, sort_keys=False, default_flow_style=None))
        command = [sys.executable, '-m', 'robustseg_ros.segment_node']
        self._log = self.log_path.open('w')
        self._process = subprocess.Popen(
            [*command, '--ros-args', '--params-file', str(path)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**self._environment, 'PYTHONUNBUFFERED': '1'},
            # Ctrl-C is for the demo, which then ends the node itself.
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._log.close()

    def processor_s(self) -> float | None:
        """Return the processor time it has used so far, all threads; None where unknown.

        Linux alone tells it without further packages (proc_pid_stat(5): utime and stime).
        """
        try:
            text = Path(f'/proc/{self._process.pid}/stat').read_text()
        except OSError:
            return None
        fields = text.rpartition(')')[2].split()  # the name before it may hold spaces
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def check(self) -> None:
        """Check that it is running.

        Raises:
            RobustSegError: It has ended; with the last lines of its log.
        """
        if (status := self._process.poll()) is None:
            return
        msg = f'The node has ended with status {status}; {self.last_words()}'
        raise RobustSegError(msg)

    def last_words(self) -> str:
        """Return the end of its log, for messages."""
        lines = self.log_path.read_text(errors='replace').splitlines()[-_LOG_LINES:]
        return f'the end of {self.log_path}:\n' + '\n'.join(f'  {line}' for line in lines)


def node_environment(domain: int, transport: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the node and of the demo: alone on this machine.

    Args:
        domain: ROS_DOMAIN_ID.
        transport: Variables of the transport profile.
    """
    return {
        **os.environ,
        **transport,
        'ROS_DOMAIN_ID': str(domain),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        # Where ROS comes as wheels, its index is the environment itself.
        'AMENT_PREFIX_PATH': os.environ.get('AMENT_PREFIX_PATH', sys.prefix),
    }
