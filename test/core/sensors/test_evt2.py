"""EVT 2.0 and 2.1, against an encoder that writes word by word."""

from array import array
from collections.abc import Callable

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.event_decoders import event_decoder
from robustseg_core.sensors.events import Events
from robustseg_core.sensors.evt2 import Evt2Decoder, Evt21Decoder

US, S = 1000, 1_000_000_000
WRAP_US = 1 << 34
ENCODINGS = ['evt2', 'evt21', 'evt21, upper half first']
Row = tuple[int, int, int, bool]  # x, y, us, on


def encoded(rows: list[Row], encoding: str, repeats: int = 1) -> bytes:
    """Write events in order; their time's upper part is sent whenever it changes."""
    words, high, number = [], None, 0
    while number < len(rows):
        x, y, t_us, on = rows[number]
        if t_us >> 6 != high:
            high = t_us >> 6
            words += [(0x8 << 28 | high % (1 << 28), 0)] * repeats
        if encoding == 'evt2':
            words.append((on << 28 | (t_us & 63) << 22 | x << 11 | y, 0))
            number += 1
            continue
        base, mask = x & ~31, 0
        while number < len(rows) and rows[number][1:] == (y, t_us, on):
            bit = rows[number][0] - base
            if not 0 <= bit < 32 or mask >> bit:
                break
            mask |= 1 << bit
            number += 1
        words.append((on << 28 | (t_us & 63) << 22 | base << 11 | y, mask))
    if encoding == 'evt2':
        return np.array([head for head, _ in words], '<u4').tobytes()
    halves = np.array(words, '<u4')
    return (halves[:, ::-1] if encoding == 'evt21' else halves).tobytes()


def random_rows(seed: int, count: int, start_us: int = 5 << 20) -> list[Row]:
    """Events in time, some of them side by side."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    t_us = start_us
    while len(rows) < count:
        t_us += int(rng.integers(0, 90))
        x, y, on = int(rng.integers(1248)), int(rng.integers(720)), bool(rng.integers(2))
        beside = np.flatnonzero(rng.random(32) < rng.choice([0.03, 0.3, 1])).tolist() or [0]
        rows += [(x + step, y, t_us, on) for step in beside]
    return rows


def found(events: Events) -> list[Row]:
    return [(int(x), int(y), int(t) // US, bool(on)) for x, y, t, on in zip(*events, strict=True)]


def decoder_of(encoding: str) -> Evt2Decoder | Evt21Decoder:
    return Evt2Decoder() if encoding == 'evt2' else Evt21Decoder()


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('seed', range(3))
def test_decodes_what_was_encoded(encoding: str, seed: int) -> None:
    rows = random_rows(seed, 3000)
    events = decoder_of(encoding).decode_sensor_time(encoded(rows, encoding))
    assert found(events) == rows
    assert [part.dtype for part in events] == [np.uint16, np.uint16, np.int64, np.bool_]


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_the_time_is_carried_over_packets_wherever_they_end(encoding: str) -> None:
    rows = random_rows(7, 3000)
    data = encoded(rows, encoding)
    size = 4 if encoding == 'evt2' else 8
    cuts = size * np.sort(np.random.default_rng(0).integers(0, len(data) // size, 100))
    ends = [*cuts.tolist(), len(data)]
    decoder, parts = decoder_of(encoding), []
    for start, end in zip([0, *ends], ends, strict=False):
        parts += found(decoder.decode_sensor_time(data[start:end]))
    assert parts == rows


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_packet_of_many_blocks_decodes_like_its_pieces(encoding: str) -> None:
    rows = random_rows(3, 60_000)
    data = encoded(rows, encoding, repeats=5)
    assert len(data) > 8 << 14  # bytes of a block
    assert found(decoder_of(encoding).decode_sensor_time(data)) == rows


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_the_time_goes_on_when_its_28_upper_bits_wrap(encoding: str) -> None:
    rows = random_rows(2, 400, start_us=WRAP_US - 300)
    assert rows[-1][2] > WRAP_US
    assert found(decoder_of(encoding).decode_sensor_time(encoded(rows, encoding))) == rows
    decoder = decoder_of(encoding)
    apart = [found(decoder.decode_sensor_time(encoded([row], encoding)))[0] for row in rows]
    assert apart == rows


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('bit', range(6, 34))
def test_a_wrong_bit_in_the_time_does_not_last(encoding: str, bit: int) -> None:
    start = 0x155555555
    rows = [(1, 2, start, True), (1, 2, start ^ 1 << bit, True), (1, 2, start + 64, True)]
    times = [
        t for _, _, t, _ in found(decoder_of(encoding).decode_sensor_time(encoded(rows, encoding)))
    ]
    assert times[0::2] == [start, start + 64]


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_events_before_the_first_time_are_dropped(encoding: str) -> None:
    rows = [(n, 2, 640, True) for n in (31, 100, 1000)]
    data = encoded(rows, encoding)
    decoder = decoder_of(encoding)
    size = 4 if encoding == 'evt2' else 8
    assert found(decoder.decode_sensor_time(data[size:])) == []
    assert found(decoder.decode_sensor_time(data)) == rows
    decoder.reset()
    assert found(decoder.decode_sensor_time(data[size:])) == []


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_words_of_other_types_are_no_events(encoding: str) -> None:
    rows = [(64, 2, 640, True)]
    data = encoded(rows, encoding)
    others = np.array([[kind << 28 | 0x155, 3] for kind in (2, 9, 0xA, 0xE, 0xF)], '<u4')
    between = {
        'evt2': others[:, :1],
        'evt21': others[:, ::-1],
        'evt21, upper half first': others,
    }[encoding]
    mixed = data[: len(data) // 2] + between.tobytes() + data[len(data) // 2 :]
    assert found(decoder_of(encoding).decode_sensor_time(mixed)) == rows


@pytest.mark.parametrize('encoding', ENCODINGS[1:])
def test_masks_that_look_like_times_do_not_turn_the_words_around_for_long(encoding: str) -> None:
    decoder = decoder_of(encoding)
    # The mask of column 31 is 0x80000000, and the rest of the word of this event is zero.
    decoder.decode_sensor_time(encoded([(31, 0, 64, False)] * 3, encoding))
    rows = random_rows(1, 500)
    assert found(decoder.decode_sensor_time(encoded(rows, encoding))) == rows


@pytest.mark.parametrize('encoding', ENCODINGS[1:])
def test_the_order_of_words_shows_where_the_empty_half_holds_something(
    encoding: str,
) -> None:
    rows = random_rows(1, 60_000)
    upper = 1 if encoding == 'evt21' else 0
    halves = np.frombuffer(bytearray(encoded(rows, encoding)), '<u4').reshape(-1, 2)
    halves[halves[:, upper] >> 28 == 8, 1 - upper] = 0x1234
    events = decoder_of(encoding).decode_sensor_time(halves.tobytes() * 2)
    assert found(events)[-len(rows) :] == rows


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, lambda data: array('B', data)])
@pytest.mark.parametrize('encoding', ['evt2', 'evt21'])
def test_packets_may_be_any_kind_of_buffer(encoding: str, kind: Callable[[bytes], object]) -> None:
    rows = random_rows(5, 100)
    events = event_decoder(encoding).decode(kind(encoded(rows, encoding)), S)  # type: ignore[arg-type]
    assert events.x.tolist() == [x for x, _, _, _ in rows]


@pytest.mark.parametrize('encoding', ['evt2', 'evt21'])
def test_times_are_those_of_the_stamps(encoding: str) -> None:
    decoder = event_decoder(encoding)
    rows = [(1, 2, 6400, True), (1, 2, 6900, True)]
    assert decoder.decode(encoded(rows, encoding), 100 * S).t_ns.tolist() == [
        100 * S,
        100 * S + 500 * US,
    ]
    late = decoder.decode(encoded([(1, 2, 7400, True)], encoding), 100 * S + 4000 * US)
    assert late.t_ns[0] == pytest.approx(100 * S + 1000 * US, abs=US)


@pytest.mark.parametrize('encoding', ['evt2', 'evt21'])
def test_an_empty_packet_has_no_events(encoding: str) -> None:
    assert found(event_decoder(encoding).decode(b'', 0)) == []


@pytest.mark.parametrize(('encoding', 'size', 'word'), [('evt2', 6, 4), ('evt21', 20, 8)])
def test_a_packet_that_ends_within_a_word_is_refused(encoding: str, size: int, word: int) -> None:
    words = f"'{encoding}' has {size} bytes; wanted a multiple of {word}"
    with pytest.raises(SensorError, match=words):
        event_decoder(encoding).decode(bytes(size), 0)


@pytest.mark.parametrize('encoding', ['evt21', 'evt3'])
def test_a_packet_that_would_be_gigabytes_of_events_is_refused(encoding: str) -> None:
    if encoding == 'evt21':
        data = encoded([(0, 0, 64, True)], encoding) + b'\xff\xff\xff\xff\0\0\0\x10' * 600_000
    else:
        start = np.array([0x8001, 0x6000, 0x0001], '<u2')
        data = start.tobytes() + b'\x00\x30\xff\x4f' * 800_000
    with pytest.raises(SensorError, match=r'holds \d+ events or more; wanted at most 8388608'):
        event_decoder(encoding).decode(data, 0)
