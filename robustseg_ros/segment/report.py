"""What a mask is worth, as JSON and as lines on a picture."""

from __future__ import annotations

import json
from typing import Any

from robustseg_core.runtime.trust import Trust


def report_json(trust: Trust, header: Any) -> str:
    """Return the content of ``~/report`` for the mask with ``header``."""
    expected = trust.expected_miou
    return json.dumps(
        {
            'stamp': {'sec': header.stamp.sec, 'nanosec': header.stamp.nanosec},
            'frame_id': header.frame_id,
            'subset': trust.subset,
            'missing': list(trust.missing),
            'expected_miou': None if expected is None else round(expected, 2),
            'expected_on': trust.expected_on,
            'confidence': round(trust.confidence, 4),
            'inputs': {
                name: {
                    'age_ms': round(age_ms, 2),
                    'share': round(trust.shares[name], 4) if name in trust.shares else None,
                }
                for name, age_ms in trust.ages_ms.items()
            },
        }
    )


def caption(trust: Trust) -> tuple[str, str]:
    """Return the lines that the overlay bears: the inputs, then what to expect of them."""
    inputs = ' + '.join(
        f'{name} {trust.shares[name]:.0%}' if name in trust.shares else name
        for name in trust.ages_ms
    )
    expected = trust.expected_miou
    worth = [] if expected is None else [f'expected mIoU {expected:.0f}']
    return inputs, ', '.join([*worth, f'confidence {trust.confidence:.2f}'])
