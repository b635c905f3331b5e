"""Plain data: what a result may be, how it is rebuilt from exact types, and how it is shown."""

import sys
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "ATOMS",
    "CONTAINERS",
    "SCALARS",
    "CheckFailed",
    "Fault",
    "as_array",
    "detached",
    "dtype_name",
    "is_number",
    "is_tensor",
    "plain",
    "short",
    "show",
    "type_name",
]


class CheckFailed(AssertionError):
    """A property that the student's work lacks; the message says which, in words."""

    __module__ = "losscourse.checks"  # the name by which students and tests know it

    def _render_traceback_(self) -> list[str]:
        """Let IPython show the message alone: the checker's own frames help nobody."""
        return [f"Check failed: {self}"]


class Fault(NamedTuple):
    """In place of a result that is not plain.

    Args:
        text: What is wrong with it.
    """

    text: str


SCALARS = frozenset(np.sctypeDict.values()) - {np.object_, np.void, np.str_, np.bytes_}
ATOMS = frozenset({float, int, bool, str, type(None)}) | SCALARS
CONTAINERS = frozenset({list, tuple, dict})
type_name = type.__dict__["__name__"].__get__
_DEEPEST = 8


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value rebuilt from exact types.

    Args:
        value: What a student's function returned.
        depth: How many containers it lies in.

    Raises:
        CheckFailed: It is no plain data.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind is np.ndarray and value.dtype.kind in "biufc":
        return value.copy()
    if kind is Fault:
        raise CheckFailed(value.text)
    if is_tensor(value):
        return detached(value)
    if kind in CONTAINERS and depth < _DEEPEST:
        if kind is not dict:
            return kind(plain(item, depth + 1) for item in value)
        if all(type(key) in (str, int) for key in value):
            return {key: plain(item, depth + 1) for key, item in value.items()}
    came = f"an array of dtype {value.dtype}" if kind is np.ndarray else type_name(kind)
    raise CheckFailed(
        "expected plain data: a number, bool, string, None, a NumPy array of numbers, a torch "
        f"tensor, or lists, tuples and dicts of them; got {came}."
    )


def is_number(value: Any) -> bool:
    """Whether a plain value is one real number; a bool is none.

    Args:
        value: Plain data.
    """
    return (
        type(value) in (float, int)
        or type(value) in SCALARS
        or ((type(value) is np.ndarray or is_tensor(value)) and value.ndim == 0)
    ) and np.asarray(as_array(value) if is_tensor(value) else value).dtype.kind in "iuf"


# --- tensors, where torch is there ----------------------------------------------------------------

_DTYPES = {
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128",
}  # fmt: skip


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor or a parameter of torch's own class, no subclass of it.

    Args:
        value: Anything.
    """
    torch = sys.modules.get("torch")
    return torch is not None and type(value) in (torch.Tensor, torch.nn.Parameter)


def detached(value: Any) -> Any:
    """Return a copy of a tensor's numbers, without what they were computed from.

    Args:
        value: A tensor.

    Raises:
        CheckFailed: It is not dense, not on the CPU, or too large to copy.
    """
    torch = sys.modules["torch"]
    where, form = value.device.type, str(value.layout)
    if where != "cpu" or form != "torch.strided" or dtype_name(value) not in _DTYPES:
        raise CheckFailed(
            f"expected a dense tensor on the CPU, got one on {where}, {form.removeprefix('torch.')}"
            f", of dtype {dtype_name(value)}."
        )
    try:
        dense = torch.Tensor.detach(value).resolve_conj().resolve_neg()
        return dense.clone(memory_format=torch.contiguous_format)
    except RuntimeError as error:
        raise CheckFailed(f"expected a tensor that can be copied: {short(str(error))}") from None


def as_array(value: Any) -> np.ndarray:
    """Return a tensor's numbers as an array; bfloat16, which NumPy lacks, as float32.

    Args:
        value: A tensor.
    """
    tensor = detached(value)
    return (tensor.float() if dtype_name(tensor) == "bfloat16" else tensor).numpy()


def dtype_name(value: Any) -> str:
    """Return the name of a tensor's dtype, without "torch.".

    Args:
        value: A tensor.
    """
    return str(value.dtype).removeprefix("torch.")


# --- in a message ---------------------------------------------------------------------------------


def show(value: Any) -> str:
    """Return plain data as a message shows them, briefly.

    Args:
        value: Plain data.
    """
    if is_tensor(value) and value.numel() > 8:
        return f"<{dtype_name(value)} tensor of shape {tuple(value.shape)}>"
    if is_tensor(value):
        return f"tensor {show(as_array(value).astype(float))} ({dtype_name(value)})"
    if type(value) is np.ndarray and value.size > 8:
        return f"<{value.dtype} array of shape {value.shape}>"
    if type(value) is np.ndarray:
        text = np.array2string(value, separator=",", formatter={"float_kind": show})
        text = ", ".join(text.replace("\n", "").replace(" ", "").split(","))
        return text if value.dtype == float else f"{text} ({value.dtype})"
    if type(value) in (float, np.float64, np.float32, np.float16):
        return f"{value:.10g}"
    if type(value) in ATOMS:
        return short(repr(value.item() if type(value) in SCALARS else value))
    return short(repr(value)) if type(value) in CONTAINERS else type_name(type(value))


def short(text: str, most: int = 300) -> str:
    """Return the beginning of a text.

    Args:
        text: The text.
        most: How many characters are kept.
    """
    return text if len(text) <= most else f"{text[:most]}…"
