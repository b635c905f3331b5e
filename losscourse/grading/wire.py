"""Plain data between the process that judges and the process that runs a student's code.

A frame is a length, a tree in JSON, and the raw buffers of its arrays. Never pickle: what comes
from a student's process is data from a stranger, and `decode` builds nothing but the exact types
listed in `PLAIN`, within the limits of `Limits`, or raises `BadFrame`.
"""

import json
import math
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

__all__ = [
    "PLAIN",
    "TRUSTED",
    "BadFrame",
    "Channel",
    "Closed",
    "Limits",
    "NotPlain",
    "Overdue",
    "decode",
    "encode",
]

PLAIN = (
    "None, bool, int, float, complex, str, bytes, NumPy scalars and arrays of numbers, torch "
    "tensors, and lists, tuples and dicts of them"
)
_HEAD = struct.Struct(">QI")
_KINDS = "biufc"
_SCALARS = tuple(
    kind
    for kind in dict.fromkeys(np.sctypeDict.values())
    if np.dtype(kind).kind in _KINDS and kind is not np.longdouble and kind is not np.clongdouble
)
_TENSORS = {
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128", "uint16", "uint32", "uint64",
}  # fmt: skip
"""Names of torch's that are dtypes: to look up another may import half of torch."""
_DEEPEST = 32
_MOST_COLLISIONS = 100  # of a dict's keys: a thousand make it slow, a hundred thousand hang it
_GLANCE = 0.1  # seconds between two looks of a channel's watch


class NotPlain(TypeError):
    """A value that does not cross: the message names its type."""


class BadFrame(ValueError):
    """Bytes that are no frame, or a frame beyond the limits."""


class Closed(ConnectionError):
    """The other side is gone."""


class Overdue(TimeoutError):
    """Nothing came in time."""


@dataclass(frozen=True)
class Limits:
    """How much one frame may hold.

    Args:
        frame: Bytes in all.
        tree: Bytes of the tree, which is read as a whole before its nodes can be counted.
        items: Nodes of the tree.
    """

    frame: int = 64 * 2**20
    tree: int = 8 * 2**20
    items: int = 200_000


TRUSTED = Limits(frame=2**30, tree=2**30, items=10**8)
"""For frames among the grader's own processes: no student's code can write to them."""


def encode(value: Any) -> bytes:
    """Return a value as a frame's bytes.

    Args:
        value: Plain data; a subclass of a plain type is none.

    Returns:
        The frame.

    Raises:
        NotPlain: A part of the value is no plain data, or nested too deeply.

    Example:
        >>> decode(encode({"x": (1, 2.5)}))
        {'x': (1, 2.5)}
    """
    buffers: list[bytes] = []
    try:
        tree = json.dumps([_tree(value, buffers, 0), [len(b) for b in buffers]]).encode()
    except ValueError as error:
        raise NotPlain(f"expected an integer of fewer digits ({error})") from None
    body = b"".join(buffers)
    return _HEAD.pack(len(tree) + len(body), len(tree)) + tree + body


def _tree(value: Any, buffers: list[bytes], depth: int) -> Any:
    """Return the JSON tree of a value, its buffers appended to `buffers`."""
    kind = type(value)
    if value is None or kind in (bool, int, str, float):
        return value
    if depth > _DEEPEST:
        raise NotPlain(f"expected at most {_DEEPEST} levels of lists, tuples and dicts")
    if kind is list:
        return [_tree(item, buffers, depth + 1) for item in value]
    if kind is tuple:
        return {"tuple": [_tree(item, buffers, depth + 1) for item in value]}
    if kind is dict:
        pairs = [[_tree(part, buffers, depth + 1) for part in pair] for pair in value.items()]
        return {"dict": pairs}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    if kind is bytes:
        return {"bytes": _append(value, buffers)}
    if kind is np.ndarray and value.dtype.kind in _KINDS and value.dtype.itemsize <= 16:
        return {"array": _array(value, buffers)}
    if kind in _SCALARS:
        return {"scalar": _array(np.asarray(value), buffers)}
    if kind.__module__ == "torch" and kind.__name__ == "Tensor":
        return {"tensor": _tensor(value, buffers)}
    came = f"an array of dtype {value.dtype}" if kind is np.ndarray else kind.__name__
    raise NotPlain(f"expected plain data ({PLAIN}), got {came}")


def _append(buffer: bytes, buffers: list[bytes]) -> int:
    buffers.append(buffer)
    return len(buffers) - 1


def _array(value: np.ndarray, buffers: list[bytes]) -> list[Any]:
    native = value.astype(value.dtype.newbyteorder("="), copy=False)
    return [_append(native.tobytes(), buffers), native.dtype.str, list(value.shape)]


def _tensor(value: Any, buffers: list[bytes]) -> list[Any]:
    """Return a dense tensor's tree; bfloat16, which NumPy lacks, crosses as its bits."""
    import torch

    if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise NotPlain("expected a dense tensor on the CPU")
    name = str(value.dtype).removeprefix("torch.")
    try:
        dense = value.detach().resolve_conj().resolve_neg().contiguous()
        bits = (dense.view(torch.int16) if dense.dtype is torch.bfloat16 else dense).numpy()
    except (RuntimeError, TypeError) as error:  # too large to copy, or a dtype that NumPy lacks
        raise NotPlain(f"expected a tensor of numbers, got {name}: {error}"[:300]) from None
    return [name, bool(value.requires_grad), _array(bits, buffers)]


def decode(frame: bytes, limits: Limits | None = None) -> Any:
    """Return the value of a frame, from whomever it comes.

    Args:
        frame: The bytes.
        limits: How much it may hold.

    Returns:
        Plain data of exact types, all of it newly built.

    Raises:
        BadFrame: The bytes are no frame, or one beyond the limits.

    Example:
        >>> decode(b"hello")
        Traceback (most recent call last):
            ...
        losscourse.grading.wire.BadFrame: expected a frame, got 5 bytes
    """
    limits = limits or Limits()
    if len(frame) < _HEAD.size:
        raise BadFrame(f"expected a frame, got {len(frame)} bytes")
    total, length = _HEAD.unpack_from(frame)
    if total != len(frame) - _HEAD.size or length > total or _beyond(total, length, limits):
        raise BadFrame("expected a frame whose lengths fit, got another")
    tree, body = frame[_HEAD.size : _HEAD.size + length], frame[_HEAD.size + length :]
    try:
        value, sizes = json.loads(tree)
        return _Reader(_split(body, sizes), limits.items).value(value, 0)
    except BadFrame:
        raise
    except Exception as error:  # whatever a stranger's bytes provoke
        raise BadFrame(f"expected plain data, got {type(error).__name__}: {error}"[:300]) from None


def _beyond(total: int, length: int, limits: Limits) -> bool:
    return total > limits.frame or length > limits.tree


def _split(body: bytes, sizes: list[int]) -> list[bytes]:
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) != len(body):
        raise BadFrame("expected buffers whose sizes fit, got others")
    ends, place = [], 0
    for size in sizes:
        ends.append(body[place : place + size])
        place += size
    return ends


class _Reader:
    """Builds a value from its tree, counting the nodes."""

    def __init__(self, buffers: list[bytes], items: int):
        self.buffers, self.items = buffers, items

    def value(self, tree: Any, depth: int) -> Any:
        """Return the value of one node."""
        self.items -= 1
        if self.items < 0 or depth > _DEEPEST + 1:
            raise BadFrame("expected a smaller value, got more parts than the limits allow")
        if tree is None or type(tree) in (bool, int, str, float):
            return tree
        if type(tree) is list:
            return [self.value(item, depth + 1) for item in tree]
        ((tag, content),) = tree.items()
        return self._BUILT[tag](self, content, depth)

    def _tuple(self, content: list, depth: int) -> tuple:
        return tuple(self.value(item, depth + 1) for item in content)

    def _dict(self, content: list, depth: int) -> dict:
        pairs = [(self.value(k, depth + 1), self.value(v, depth + 1)) for k, v in content]
        if len({hash(key) for key, _ in pairs}) < len(pairs) - _MOST_COLLISIONS:
            raise BadFrame("expected keys that tell themselves apart, got many of one hash")
        return dict(pairs)

    def _complex(self, content: list, depth: int) -> complex:
        return complex(*map(float, content))

    def _bytes(self, content: int, depth: int) -> bytes:
        return self._buffer(content)

    def _buffer(self, place: int) -> bytes:
        """Return a buffer, of which each is one value's alone: else a small frame would grow."""
        buffer, self.buffers[place] = self.buffers[place], None
        if buffer is None:
            raise BadFrame("expected a buffer of its own for each value, got one twice")
        return buffer

    def _array(self, content: list, depth: int) -> np.ndarray:
        place, name, shape = content
        dtype = np.dtype(name)
        if type(name) is not str or dtype.kind not in _KINDS or dtype.itemsize > 16:
            raise BadFrame("expected an array of numbers, got another dtype")
        if len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
            raise BadFrame("expected a shape, got something else")
        buffer = self._buffer(place)
        if math.prod(shape) * dtype.itemsize != len(buffer):
            raise BadFrame("expected a buffer of the array's size, got another")
        return np.frombuffer(buffer, dtype).reshape(shape).copy()

    def _scalar(self, content: list, depth: int) -> Any:
        return self._array(content, depth)[()]

    def _tensor(self, content: list, depth: int) -> Any:
        import torch

        name, requires_grad, array = content
        if name not in _TENSORS or type(requires_grad) is not bool:
            raise BadFrame("expected a tensor's dtype, got something else")
        bits = torch.from_numpy(self._array(array, depth))
        tensor = bits.view(torch.bfloat16) if name == "bfloat16" else bits
        if tensor.dtype is not getattr(torch, name):
            raise BadFrame(f"expected a buffer of {name}, got {tensor.dtype}")
        return tensor.requires_grad_(requires_grad)

    _BUILT: ClassVar = {
        "tuple": _tuple,
        "dict": _dict,
        "complex": _complex,
        "bytes": _bytes,
        "array": _array,
        "scalar": _scalar,
        "tensor": _tensor,
    }
    """What a tag builds; a tag comes from a stranger, and names no other method."""


class Channel:
    """Frames over a socket, with a time by which the answer must be there.

    Args:
        sock: A connected stream socket; it is closed with the channel.
        limits: How much a frame may hold.
    """

    def __init__(self, sock: socket.socket, limits: Limits | None = None):
        self._socket, self._limits = sock, limits or Limits()
        self.watch: Callable[[], None] | None = None  # called now and then while it waits
        sock.setblocking(False)

    def send(self, value: Any, *, timeout: float | None = None) -> None:
        """Send plain data.

        Args:
            value: Plain data.
            timeout: Seconds; None waits for ever.

        Raises:
            NotPlain: The value is no plain data, or too much of it; nothing was sent.
            Closed: The other side is gone.
            Overdue: It did not take the data in time.
        """
        view, end = memoryview(encode(value)), _end(timeout)
        if _beyond(*_HEAD.unpack_from(view), self._limits):
            raise NotPlain(f"expected at most {self._limits.frame} bytes, got {len(view)}")
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                self._wait([], [self._socket], end)
            except OSError as error:
                raise Closed(str(error)) from None

    def receive(self, *, timeout: float | None = None) -> Any:
        """Return the next value.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            BadFrame: What came is no frame within the limits.
            Closed: The other side is gone.
            Overdue: Nothing came in time.
        """
        end = _end(timeout)
        head = self._read(_HEAD.size, end)
        total, length = _HEAD.unpack(head)
        if _beyond(total, length, self._limits) or length > total:
            raise BadFrame(f"expected at most {self._limits.frame} bytes, got {total}")
        return decode(head + self._read(total, end), self._limits)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for select."""
        return self._socket.fileno()

    def _read(self, count: int, end: float | None) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._socket.recv(min(count - len(parts), 2**20))
            except BlockingIOError:
                self._wait([self._socket], [], end)
                continue
            except OSError as error:
                raise Closed(str(error)) from None
            if not part:
                raise Closed("the other side closed the connection")
            parts += part
        return bytes(parts)

    def _wait(self, reads: list, writes: list, end: float | None) -> None:
        while True:
            left = math.inf if end is None else end - time.monotonic()
            if left <= 0:
                raise Overdue("nothing came in time")
            left = min(left, math.inf if self.watch is None else _GLANCE)
            if any(select.select(reads, writes, [], None if left == math.inf else left)):
                return
            if self.watch is not None:
                self.watch()


def _end(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
