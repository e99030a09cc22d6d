"""The line that a command prints of an error, which may have come from another process."""

from __future__ import annotations

import re

from robustseg_core.errors import RobustSegError

# A process that reads frames sends the traceback along, as the text of the error.
_SENT = re.compile(r'^Caught \w+ in DataLoader worker process \d+\.\nOriginal Traceback ')
# Where the error is named, which is last: what it was raised from comes before it.
_NAMED = re.compile(rf'^{re.escape(RobustSegError.__module__)}\.\w+: ', re.MULTILINE)


def error_line(error: RobustSegError) -> str:
    """Return the message of ``error`` in one line, without the traceback of a worker."""
    text = str(error)
    if _SENT.match(text):
        text = _NAMED.split(text)[-1]
    return ' '.join(line.strip() for line in text.splitlines() if line.strip())
