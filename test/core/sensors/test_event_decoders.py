"""Event decoders, against a decoder that goes word by word, and on a recorded stream."""

from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.event_decoders import decode_mono, event_decoder
from robustseg_core.sensors.events import Events
from robustseg_core.sensors.evt3 import Evt3Decoder

US, MS, S = 1000, 1_000_000, 1_000_000_000
Y, X, BASE, V12, V8, LOW, HIGH = 0, 2, 3, 4, 5, 6, 8
EVENT_PACKET = """
std_msgs/Header header
uint32 height
uint32 width
uint64 seq
uint64 time_base
string encoding
bool is_bigendian
uint8[] events
"""


def packet(*words: tuple[int, int]) -> bytes:
    """Words of (type, value)."""
    return np.array([kind << 12 | value for kind, value in words], '<u2').tobytes()


def rows(events: Events) -> list[tuple[int, int, int, bool]]:
    """Events as (x, y, t in us, on)."""
    return [(int(x), int(y), int(t) // US, bool(on)) for x, y, t, on in zip(*events, strict=True)]


def word_by_word(data: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """Decode EVT 3.0 by the letter of its documentation, one word after the other."""
    y = base = base_on = high = time = None
    turns = 0
    for word in np.frombuffer(data, '<u2').tolist():
        kind, value = word >> 12, word & 0xFFF
        column, on = value & 0x7FF, value >= 0x800
        found: list[tuple[int, bool]] = []
        match kind:
            case 0x0:
                y = column
            case 0x2:
                found = [(column, on)]
            case 0x3:
                base, base_on = column, on
            case 0x4 | 0x5 if base is not None:
                length = 12 if kind == 0x4 else 8
                found = [(base + bit, base_on) for bit in range(length) if value >> bit & 1]
                base += length
            case 0x6 if high is not None:
                time = (turns * 4096 + high) * 4096 + value
            case 0x8:
                turns += high is not None and value < high
                high = value
        if y is not None and time is not None:
            yield from ((x, y, time, polarity) for x, polarity in found)


def random_stream(seed: int, count: int) -> bytes:
    """All word types in any order, time going on and wrapping, columns within the sensor."""
    rng = np.random.default_rng(seed)
    words, high, low = [], 4090, 0
    for kind in rng.choice(
        16, count, p=[0.15, 0, 0.25, *[0.1] * 4, 0.02, 0.08, *[0] * 5, 0.05, 0.05]
    ):
        value = int(rng.integers(4096))
        if kind == HIGH:
            high, low = (high + int(rng.integers(2))) % 4096, 0
            value = high
        elif kind == LOW:
            low = value = min(low + int(rng.integers(300)), 4095)
        elif kind == BASE:
            value = value & 0x800 | int(rng.integers(1280))
        elif kind in (V12, V8) and rng.random() < 0.2:
            value = 0xFFF
        words.append((int(kind), value))
    return packet(*words)


def joined(parts: list[Events]) -> list[tuple[int, int, int, bool]]:
    return [row for part in parts for row in rows(part)]


@pytest.mark.parametrize('seed', range(4))
def test_decodes_as_a_word_by_word_decoder_does(seed: int) -> None:
    data = random_stream(seed, 3000)
    wanted = list(word_by_word(data))
    assert len(wanted) > 1000
    assert rows(Evt3Decoder().decode_sensor_time(data)) == wanted


def test_state_is_carried_over_packets_wherever_they_end() -> None:
    data = random_stream(7, 3000)
    cuts = 2 * np.sort(np.random.default_rng(0).integers(0, len(data) // 2, 200))
    ends = [*cuts.tolist(), len(data)]
    decoder = Evt3Decoder()
    parts = [decoder.decode_sensor_time(data[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    assert joined(parts) == list(word_by_word(data))


def test_a_packet_of_many_blocks_decodes_like_its_pieces() -> None:
    data = random_stream(3, 2000) * 40
    decoder = Evt3Decoder()
    pieces = [decoder.decode_sensor_time(data[i : i + 4000]) for i in range(0, len(data), 4000)]
    assert rows(Evt3Decoder().decode_sensor_time(data)) == joined(pieces)


def test_a_packet_may_set_more_rows_and_times_than_sixteen_bits_count() -> None:
    count = 70_000
    words = np.empty((count, 3), '<u2')
    words[:, 0] = LOW << 12 | np.arange(count) % 4096
    words[:, 1] = Y << 12 | np.arange(count) % 700
    words[:, 2] = X << 12 | np.arange(count) % 640
    data = packet((HIGH, 0)) + words.tobytes()
    events = Evt3Decoder().decode_sensor_time(data)
    np.testing.assert_array_equal(events.x, np.arange(count) % 640)
    np.testing.assert_array_equal(events.y, np.arange(count) % 700)
    np.testing.assert_array_equal(events.t_ns, np.arange(count) % 4096 * US)


@pytest.mark.parametrize(
    'kind',
    [bytes, bytearray, memoryview, partial(array, 'B'), partial(np.frombuffer, dtype=np.uint8)],
)
@pytest.mark.parametrize('encoding', ['evt3', 'mono'])
def test_packets_may_be_any_kind_of_buffer(encoding: str, kind: Callable[[bytes], Any]) -> None:
    data = random_stream(5, 400)
    found = event_decoder(encoding).decode(kind(data), S)
    assert rows(found) == rows(event_decoder(encoding).decode(data, S)) != []


def test_decoding_leaves_its_packet_and_earlier_events_as_they_are() -> None:
    data = np.frombuffer(bytearray(random_stream(5, 400)), np.uint8)
    decoder = Evt3Decoder()
    before = data.copy()
    first = decoder.decode(data, S)
    wanted = rows(first)
    decoder.decode(data, S)
    np.testing.assert_array_equal(data, before)
    assert rows(first) == wanted


def test_vectors_continue_where_the_last_one_ended() -> None:
    data = packet(
        (HIGH, 1), (LOW, 5), (Y, 9), (BASE, 0x800 | 100),
        (V12, 0x801), (V12, 0x001), (V8, 0xF80), (X, 7), (V8, 0x01),
    )  # fmt: skip
    t = 4096 + 5
    assert rows(Evt3Decoder().decode_sensor_time(data)) == [
        (100, 9, t, True),
        (111, 9, t, True),
        (112, 9, t, True),
        (131, 9, t, True),  # of a V8 only eight bits count
        (7, 9, t, False),
        (132, 9, t, True),
    ]


def test_time_wraps_after_24_bits_go_on_counting() -> None:
    decoder = Evt3Decoder()
    data = packet((Y, 0), (HIGH, 4095), (LOW, 4000), (X, 1), (HIGH, 0), (LOW, 10), (X, 1))
    first, second = rows(decoder.decode_sensor_time(data))
    assert second[2] - first[2] == 4096 - 4000 + 10
    on_to_the_next = packet(
        (HIGH, 2000), (HIGH, 4000), (LOW, 0), (X, 1), (HIGH, 0), (LOW, 0), (X, 1)
    )
    third, fourth = rows(decoder.decode_sensor_time(on_to_the_next))
    assert fourth[2] - third[2] == 96 * 4096
    assert fourth[2] == 2 * 2**24


def test_a_step_back_over_the_wrap_is_no_turn() -> None:
    data = packet(
        (Y, 0),
        (HIGH, 0),
        (LOW, 0),
        (X, 1),
        (HIGH, 4095),
        (LOW, 0),
        (X, 1),
        (HIGH, 0),
        (LOW, 0),
        (X, 1),
    )
    times = [t for _, _, t, _ in rows(Evt3Decoder().decode_sensor_time(data))]
    assert times == [0, -4096, 0]


@pytest.mark.parametrize('bit', range(12))
def test_a_wrong_bit_in_the_time_does_not_last(bit: int) -> None:
    data = packet(
        (Y, 0),
        (HIGH, 700),
        (LOW, 1),
        (X, 1),
        (HIGH, 700 ^ 1 << bit),
        (HIGH, 701),
        (LOW, 2),
        (X, 1),
    )
    assert [t for _, _, t, _ in rows(Evt3Decoder().decode_sensor_time(data))] == [
        700 * 4096 + 1,
        701 * 4096 + 2,
    ]


def test_time_does_not_jump_between_the_two_halves_of_a_time() -> None:
    data = packet((Y, 0), (HIGH, 1), (LOW, 4095), (HIGH, 2), (X, 1), (LOW, 0), (X, 2))
    times = [t for _, _, t, _ in rows(Evt3Decoder().decode_sensor_time(data))]
    assert times == [2 * 4096 - 1, 2 * 4096]


def test_events_before_the_first_time_and_row_are_dropped() -> None:
    decoder = Evt3Decoder()
    early = packet((X, 1), (LOW, 7), (X, 2), (Y, 3), (X, 3), (HIGH, 1), (X, 4), (V12, 0xFFF))
    assert rows(decoder.decode_sensor_time(early)) == []
    assert rows(decoder.decode_sensor_time(packet((LOW, 0), (X, 5), (V8, 0xFF)))) == [
        (5, 3, 4096, False)
    ]


def test_reset_forgets_the_stream() -> None:
    decoder = Evt3Decoder()
    decoder.decode(packet((HIGH, 1), (LOW, 1), (Y, 1), (X, 1)), 10 * S)
    decoder.reset()
    assert rows(decoder.decode(packet((X, 2), (V8, 1)), 10 * S)) == []
    again = decoder.decode(packet((HIGH, 1), (LOW, 1), (Y, 1), (X, 1)), 10 * S + 500 * MS)
    assert again.t_ns.tolist() == [10 * S + 500 * MS]


def test_empty_packet_has_no_events() -> None:
    for encoding in ('mono', 'evt3'):
        assert rows(event_decoder(encoding).decode(b'', 0)) == []


@pytest.mark.parametrize(('encoding', 'size', 'word'), [('evt3', 7, 2), ('mono', 20, 8)])
def test_packet_that_ends_within_a_word_is_refused(encoding: str, size: int, word: int) -> None:
    with pytest.raises(
        SensorError, match=f"'{encoding}' has {size} bytes; wanted a multiple of {word}"
    ):
        event_decoder(encoding).decode(bytes(size), 0)


def test_evt3_times_are_those_of_the_stamps() -> None:
    decoder = Evt3Decoder()
    first = decoder.decode(
        packet((HIGH, 9), (LOW, 0), (Y, 0), (X, 1), (LOW, 500), (X, 1)), 100 * S
    )
    assert first.t_ns.tolist() == [100 * S, 100 * S + 500 * US]
    # Delivered 3 ms late: its events still happened when the camera's clock says.
    late = decoder.decode(packet((LOW, 1000), (X, 1)), 100 * S + 4 * MS)
    assert late.t_ns[0] == pytest.approx(100 * S + 1 * MS, abs=US)


def test_mono_words_are_taken_apart() -> None:
    on, y, x, dt = 1, 0x7FFF, 0xFFFF, 0xFFFFFFFF
    words = [on << 63 | 3 << 48 | 640 << 32 | 1500, y << 48 | x << 32 | dt]
    events = decode_mono(np.array(words, '<u8').tobytes(), 7 * S)
    assert events.x.tolist() == [640, x]
    assert events.y.tolist() == [3, y]
    assert events.t_ns.tolist() == [7 * S + 1500, 7 * S + dt]
    assert events.on.tolist() == [True, False]
    assert [part.dtype for part in events] == [np.uint16, np.uint16, np.int64, np.bool_]


def test_mono_decoder_counts_from_the_stamp() -> None:
    data = np.array([5 << 32 | 40], '<u8').tobytes()
    assert event_decoder('mono').decode(data, 9 * S).t_ns.tolist() == [9 * S + 40]


def test_unknown_encoding_is_answered_with_the_known() -> None:
    with pytest.raises(
        SensorError,
        match=r"event encoding 'libcaer_cmp'; known are \['evt2', 'evt21', 'evt3', 'mono'\]",
    ):
        event_decoder('libcaer_cmp')


def test_decodes_a_recorded_camera(real_data: Path) -> None:
    rosbag2 = pytest.importorskip('rosbags.rosbag2')
    typesys = pytest.importorskip('rosbags.typesys')
    name = 'event_camera_msgs/msg/EventPacket'
    store = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    store.register(typesys.get_types_from_msg(EVENT_PACKET, name))
    decoder, parts = Evt3Decoder(), []
    with rosbag2.Reader(real_data / 'events' / 'evt3_640x480') as bag:
        for connection, _, raw in bag.messages():
            message = store.deserialize_cdr(raw, connection.msgtype)
            parts.append(decoder.decode_sensor_time(message.events))

    events = Events(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    assert len(parts) == 517
    assert (~events.on).sum() == 218_291
    assert events.on.sum() == 125_183
    assert events.x.max() == 639
    assert events.y.max() == 479
    assert (np.diff(events.t_ns) >= 0).all()
    assert (events.t_ns[-1] - events.t_ns[0]) / S == pytest.approx(2.07, abs=0.02)
