"""The wire: what crosses comes out as it went in, and bytes from a stranger build nothing else."""

import json
import math
import socket
import struct
import sys
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from losscourse.grading import wire


def same(left, right):
    if type(left) is not type(right):
        return False
    if type(left) in (list, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is dict:
        return list(left) == list(right) and all(same(left[k], right[k]) for k in left)
    if type(left) is torch.Tensor:
        bits = same(left.detach().float().numpy(), right.detach().float().numpy())
        return bits and left.dtype is right.dtype and left.requires_grad is right.requires_grad
    if isinstance(left, np.ndarray | np.generic):
        return (
            left.dtype == right.dtype
            and left.shape == right.shape
            and (left.tobytes() == right.tobytes())
        )
    return left == right or (left != left and right != right)


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers()
    | npst.arrays(
        npst.boolean_dtypes()
        | npst.integer_dtypes(endianness="=")
        | npst.floating_dtypes(endianness="=", sizes=(16, 32, 64)),
        npst.array_shapes(min_dims=0, min_side=0),
    )
)
PLAIN = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_data_comes_out_as_it_went_in(value):
    assert same(wire.decode(wire.encode(value)), value)


@pytest.mark.parametrize(
    "value",
    [
        np.float32(0.5),
        np.int8(-3),
        np.bool_(True),
        math.inf,
        -0.0,
        10**400,
        np.zeros((0, 3), np.float16),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(4, dtype=">i4"),
        torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        torch.ones(2, 2, requires_grad=True),
        torch.tensor(3),
    ],
    ids=repr,
)
def test_arrays_scalars_and_tensors_keep_their_kind(value):
    if isinstance(value, np.ndarray):
        back = wire.decode(wire.encode(value))
        assert back.dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(back, value)
        assert back.flags.owndata
    else:
        assert same(wire.decode(wire.encode(value)), value)


class Text(str):
    pass


class Table(np.ndarray):
    pass


@pytest.mark.parametrize(
    ("value", "came"),
    [
        (object(), "object"),
        (Text("a"), "Text"),
        (np.zeros(2).view(Table), "Table"),
        (np.asarray([object()]), "array of dtype object"),
        (np.asarray(["a"]), "array of dtype <U1"),
        (lambda x: x, "function"),
        ({1, 2}, "set"),
        ([{"deep": (Text("a"),)}], "Text"),
        (torch.zeros(2).to_sparse(), "dense tensor"),
        (torch.zeros(2, device="meta"), "dense tensor"),
        (torch.zeros(2).to(torch.float8_e5m2), "float8_e5m2"),
        (torch.zeros(1).expand(2**50), "float32"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_anything_else_is_refused_by_name(value, came):
    with pytest.raises(wire.NotPlain, match=came):
        wire.encode(value)


def test_what_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(wire.NotPlain, match="levels"):
        wire.encode(loop)


def frame(tree, body=b"", sizes=None):
    """Return a frame with any tree."""
    text = json.dumps([tree, [len(body)] if sizes is None else sizes]).encode()
    return struct.pack(">QI", len(text) + len(body), len(text)) + text + body


BAD = {
    "nothing": b"",
    "no frame": b"hello, this is no frame at all",
    "no JSON": struct.pack(">QI", 3, 3) + b"{{{",
    "too long a tree": struct.pack(">QI", 3, 9) + b"[1]",
    "truncated": wire.encode([1, 2, 3])[:-1],
    "more behind it": wire.encode(1) + b"x",
    "unknown tag": frame({"eval": "1"}),
    "a method's name for a tag": frame({"_array": []}),
    "two tags": frame({"tuple": [], "dict": []}),
    "no tag": frame({}),
    "object array": frame({"array": [0, "O", [1]]}, b"x" * 8),
    "record array": frame({"array": [0, "f8,i4", [1]]}, b"x" * 12),
    "text array": frame({"array": [0, "<U1", [2]]}, b"x" * 8),
    "wrong size": frame({"array": [0, "<f8", [2]]}, b"x" * 8),
    "negative shape": frame({"array": [0, "<f8", [-1]]}, b"x" * 8),
    "huge shape": frame({"array": [0, "<f8", [2**62, 2**62]]}, b"x" * 8),
    "shape of floats": frame({"array": [0, "<f8", [1.0]]}, b"x" * 8),
    "buffer that is not there": frame({"array": [7, "<f8", [1]]}, b"x" * 8),
    "sizes that do not fit": frame({"array": [0, "<f8", [1]]}, b"x" * 8, sizes=[4]),
    "negative sizes": frame(1, b"", sizes=[-4, 4]),
    "unhashable key": frame({"dict": [[[1], 2]]}),
    "key that is an array": frame({"dict": [[{"array": [0, "<f8", [1]]}, 2]]}, b"x" * 8),
    "pair of three": frame({"dict": [[1, 2, 3]]}),
    "complex of text": frame({"complex": ["a", "b"]}),
    "torch's load": frame({"tensor": ["load", False, [0, "<f4", [1]]]}, b"x" * 4),
    "another dtype's bits": frame({"tensor": ["float64", False, [0, "<f4", [1]]]}, b"x" * 4),
    "integers that require a gradient": frame(
        {"tensor": ["int32", True, [0, "<i4", [1]]]}, b"xxxx"
    ),
    "another method's name for a tag": frame({"_class__": []}),
    "a tag that changes the limits": frame([{"_init__": ["any"]}, {"bytes": 0}]),
    "a tag that changes the reader": frame([{"_setattr__": "items"}, 1]),
    "one buffer for many arrays": frame([{"array": [0, "u1", [8]]}] * 2, b"x" * 8),
    "one buffer for bytes and an array": frame([{"bytes": 0}, {"array": [0, "u1", [8]]}], b"8" * 8),
    "a buffer counted from the end": frame([{"bytes": 0}, {"bytes": -1}], b"x" * 8),
    "integers of one hash": frame({"dict": [[k * (2**61 - 1), 0] for k in range(200)]}),
    "complex numbers of one hash": frame(
        {"dict": [[{"complex": [10**13 - 1000003 * k, k]}, 0] for k in range(200)]}
    ),
    "too deep": frame(json.loads("[" * 60 + "]" * 60)),
    "deeper than JSON reads": struct.pack(">QI", 200_000, 200_000) + b"[" * 200_000,
    "an integer of a million digits": struct.pack(">QI", 10**6 + 6, 10**6 + 6)
    + b"["
    + b"1" * 10**6
    + b", []]",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_strangers_bytes_are_refused(bad):
    with pytest.raises(wire.BadFrame):
        wire.decode(bad)


def test_a_strangers_name_of_a_dtype_imports_nothing():
    before = set(sys.modules)
    with pytest.raises(wire.BadFrame):
        wire.decode(frame({"tensor": ["_dynamo", False, [0, "<f4", [1]]]}, b"x" * 4))
    assert set(sys.modules) - before == set()


@given(st.binary(max_size=200))
def test_any_bytes_give_plain_data_or_a_bad_frame(tail):
    for bad in (tail, struct.pack(">QI", len(tail), len(tail)) + tail):
        with pytest.raises(wire.BadFrame):
            wire.decode(bad)


def test_limits_hold_for_bytes_and_for_parts():
    with pytest.raises(wire.BadFrame):
        wire.decode(wire.encode(np.zeros(100)), wire.Limits(frame=500))
    with pytest.raises(wire.BadFrame, match="more parts"):
        wire.decode(wire.encode([0] * 100), wire.Limits(items=50))


@pytest.fixture
def pair():
    """Two channels that talk to each other."""
    ends = [wire.Channel(end, wire.Limits(frame=10**6)) for end in socket.socketpair()]
    yield ends
    for end in ends:
        end.close()


def test_values_cross_a_channel_both_ways_and_in_order(pair):
    big = np.random.default_rng(0).normal(size=100_000)
    thread = threading.Thread(target=lambda: [pair[0].send(v) for v in (1, big, {"a": "b"})])
    thread.start()
    assert pair[1].receive(timeout=10) == 1
    np.testing.assert_array_equal(pair[1].receive(timeout=10), big)
    assert pair[1].receive(timeout=10) == {"a": "b"}
    thread.join()
    pair[1].send("back")
    assert pair[0].receive(timeout=10) == "back"


def test_silence_is_overdue_and_a_closed_end_is_said_so(pair):
    start = time.monotonic()
    with pytest.raises(wire.Overdue):
        pair[0].receive(timeout=0.1)
    assert 0.1 <= time.monotonic() - start < 5
    pair[1].close()
    with pytest.raises(wire.Closed):
        pair[0].receive(timeout=1)
    with pytest.raises(wire.Closed):
        pair[0].send(np.zeros(10**5), timeout=1)


def test_a_listener_that_never_listens_does_not_hold_the_sender(pair):
    with pytest.raises(wire.Overdue):
        pair[0].send(np.zeros(10**5), timeout=0.2)


def test_a_drip_of_bytes_does_not_stretch_the_time(pair):
    stop = threading.Event()

    def drip():
        head = struct.pack(">QI", 1000, 1000)
        for byte in head + b"x" * 1000:
            if stop.wait(0.02):
                return
            pair[1]._socket.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    with pytest.raises(wire.Overdue):
        pair[0].receive(timeout=0.3)
    assert time.monotonic() - start < 2
    stop.set()
    thread.join()


def test_a_frame_that_announces_too_much_is_refused_before_it_is_read(pair):
    pair[1]._socket.send(struct.pack(">QI", 10**12, 10))
    with pytest.raises(wire.BadFrame, match="at most 1000000 bytes"):
        pair[0].receive(timeout=1)
