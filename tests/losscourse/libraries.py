"""The array libraries and dtypes that the package runs on, and how exact each dtype must be.

The one tolerance table: a value in a dtype may miss the exact value by `rtol` of it, a few
roundings, plus `tiny`, a few of the smallest subnormals, where the exact value underflows.
"""

from dataclasses import dataclass
from typing import Any

import array_api_strict
import numpy as np
import torch


@dataclass(frozen=True)
class Precision:
    """The numbers of one floating-point format."""

    epsilon: float
    tiny: float
    largest: float

    @property
    def rtol(self) -> float:
        """Eight half-steps of rounding: three or four operations, each with its own."""
        return 4 * self.epsilon


PRECISION = {
    "float64": Precision(2.0**-52, 4 * 2.0**-1074, float(np.finfo(np.float64).max)),
    "float32": Precision(2.0**-23, 4 * 2.0**-149, float(np.finfo(np.float32).max)),
    "float16": Precision(2.0**-10, 4 * 2.0**-24, float(np.finfo(np.float16).max)),
    "bfloat16": Precision(2.0**-7, 4 * 2.0**-133, float(torch.finfo(torch.bfloat16).max)),
}

FORMATS = (
    ("numpy", "float64"),
    ("numpy", "float32"),
    ("numpy", "float16"),
    ("torch", "float64"),
    ("torch", "float32"),
    ("torch", "float16"),
    ("torch", "bfloat16"),
    ("strict", "float64"),
    ("strict", "float32"),
)

_NAMESPACE = {"numpy": np, "torch": torch, "strict": array_api_strict}


def make(library: str, dtype: str, values: Any) -> Any:
    """Return floats in the library's dtype, and integers or booleans as they are."""
    values = np.asarray(values)
    xp = _NAMESPACE[library]
    if np.issubdtype(values.dtype, np.floating):
        if library == "torch":
            return torch.as_tensor(np.array(values), dtype=getattr(torch, dtype))
        return xp.asarray(values, dtype=getattr(xp, dtype))
    return xp.asarray(np.array(values))


def read(array: Any) -> np.ndarray:
    """Return the array's values as NumPy float64, whatever it comes from."""
    if isinstance(array, torch.Tensor):
        return array.detach().to(torch.float64).numpy()
    return np.asarray(array, dtype=np.float64)


def dtype_name(array: Any) -> str:
    """Return the dtype's name without its library: float32."""
    return str(array.dtype).rpartition(".")[2]


def format_of(array: Any) -> tuple[str, str]:
    """Return the names of an array's library and dtype, as `make` takes them."""
    library = type(array).__module__.partition(".")[0]
    return library.removeprefix("array_api_"), dtype_name(array)
