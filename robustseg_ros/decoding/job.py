"""What is to be decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Job:
    """A picture to be decoded; everything its header says has been judged.

    Attributes:
        format: As the message has it, for what is told.
        data: The picture's bytes.
        codec: ``picture`` (PNG or JPEG) or ``rvl``.
        width: In pixels.
        height: In pixels.
        result_bytes: Of the largest result that is possible.
        work_bytes: That decoding may need besides.
        quantised: Scale and shift of inverse depth that becomes metres, or None.
        depth: Encoding of compressed depth, ``16UC1`` or ``32FC1``, or empty for other pictures.
    """

    format: str
    data: memoryview
    codec: str
    width: int
    height: int
    result_bytes: int
    work_bytes: int
    quantised: tuple[float, float] | None = None
    depth: str = ''
