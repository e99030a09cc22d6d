"""Texts that come from outside, made fit for a log, a message or a status."""

from __future__ import annotations

from pathlib import PurePath

MOST_CHARACTERS = 120
PATH_CHARACTERS = 4096  # which no path has more of (PATH_MAX)


def quoted(text: object, most: int = MOST_CHARACTERS) -> str:
    """Return ``repr(text)``, cut to about ``most`` characters: who sends it may send megabytes.

    Args:
        text: A string as it came; anything else is turned into one first.
        most: Characters of it that are shown; how many there were is told. A path is shown whole,
            since its end tells which file it is.
    """
    whole = text if isinstance(text, str) else str(text)
    if isinstance(text, PurePath):
        most = PATH_CHARACTERS
    if len(whole) <= most:
        return repr(whole)
    return f'{whole[:most]!r}... ({len(whole)} characters)'


def shown(value: object, most: int = MOST_CHARACTERS) -> str:
    """Return ``repr(value)`` in one line, cut to about ``most`` characters; see ``quoted``."""
    return cut(repr(value), most)


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text as it is, or quoted where it cannot be shown, cut to ``most`` characters."""
    if not text.isprintable():
        text = repr(text)
    return text if len(text) <= most else f'{text[:most]}... ({len(text)} characters)'
