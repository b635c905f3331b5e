"""Helpers that turn arrays of floats into one: held against a definition written out in loops."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from losscourse.arrays import Array
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.case import unguarded
from tests.losscourse.losses.helper import Check, Helper


@dataclasses.dataclass(frozen=True)
class Refused:
    """Arguments that must be refused, by name in place of the drawn ones, and with which error."""

    error: type[Exception]
    named: str
    arguments: Mapping[str, Any]


def helper_by_definition(
    function: Callable[..., Array],
    *,
    draw: Callable[[np.random.Generator], dict[str, np.ndarray]],
    definition: Callable[..., Any],
    mutants: Mapping[str, Callable[..., Array]],
    refused: Sequence[Refused],
    settings: Sequence[Mapping[str, float]] = ({},),
    checks: Sequence[Check] = (),
    rounding: float = 1.0,
) -> Helper:
    """Return a Helper with the checks that any function of arrays of floats must pass.

    Args:
        function: The public function.
        draw: `draw(rng)` returns its arrays by argument name, in float64.
        definition: What it must give for these arrays and a setting, by plain loops.
        mutants: Wrong versions, three at least; the common ones are added.
        refused: Arguments that must raise. Each array as a list and as integers is tried too, and,
            where there are others, in another dtype, library and shape.
        settings: Hyperparameters to test at.
        checks: Further checks, such as identities.
        rounding: The size of the terms that the formula adds up.
    """

    def follows_the_definition(candidate: Callable[..., Array]) -> None:
        for seed in range(3):
            arrays = draw(np.random.default_rng(seed))
            for setting in settings:
                expected = definition(**arrays, **setting)
                out = candidate(**arrays, **setting)
                assert out.shape == np.shape(expected)
                np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14 * rounding)

    def every_library_and_dtype_is_kept(candidate: Callable[..., Array]) -> None:
        for library, dtype in FORMATS:
            arrays = {
                name: make(library, dtype, array)
                for name, array in draw(np.random.default_rng(7)).items()
            }
            for setting in settings:
                out = candidate(**arrays, **_as_numpy_scalars(setting))
                assert type(out) is type(next(iter(arrays.values())))
                assert dtype_name(out) == dtype
                expected = definition(**{n: read(a) for n, a in arrays.items()}, **setting)
                rtol = 4 * PRECISION[dtype].rtol  # a row is added up in several steps
                np.testing.assert_allclose(read(out), expected, rtol=rtol, atol=rtol * rounding)

    def nan_stays_visible(candidate: Callable[..., Array]) -> None:
        for name in draw(np.random.default_rng(0)):
            arrays = draw(np.random.default_rng(0))
            arrays[name].reshape(-1)[-1] = np.nan
            for setting in settings:
                assert np.isnan(candidate(**arrays, **setting)).any(), name

    def leaves_its_arguments_alone(candidate: Callable[..., Array]) -> None:
        arrays = draw(np.random.default_rng(0))
        for array in arrays.values():
            array.setflags(write=False)
        candidate(**arrays)

    def wrong_arguments_are_refused(candidate: Callable[..., Array]) -> None:
        good = draw(np.random.default_rng(0))
        for name, array in good.items():
            alone = [(array.tolist(), TypeError), (array.astype(np.int64), TypeError)]
            misfits = [
                (array.astype(np.float32), TypeError),
                (make("torch", "float64", array), TypeError),
                (array[None], ValueError),
            ]
            for bad, error in alone + (misfits if len(good) > 1 else []):
                with pytest.raises(error, match=r"^\w+: expected .*got "):
                    candidate(**{**good, name: bad})
        for wrong in refused:
            with pytest.raises(wrong.error, match=rf"^{wrong.named}.*: expected .*got "):
                candidate(**{**good, **wrong.arguments})

    def spoilt(spoil: Callable[[Array], Array]) -> Callable[..., Array]:
        return lambda **arguments: spoil(function(**arguments))

    def written(**arguments: Any) -> Array:
        out = function(**arguments)
        next(iter(arguments.values()))[...] += 0
        return out

    return Helper(
        function=function,
        checks=(
            follows_the_definition,
            every_library_and_dtype_is_kept,
            nan_stays_visible,
            leaves_its_arguments_alone,
            wrong_arguments_are_refused,
            *checks,
        ),
        mutants={
            **mutants,
            "left in NumPy": spoilt(lambda out: np.asarray(read(out))),
            "NaN hidden": spoilt(lambda out: np.nan_to_num(out) if _is_numpy(out) else out),
            "written into its argument": written,
            "checks left out": lambda **arguments: unguarded(function, **arguments),
        },
    )


def _as_numpy_scalars(setting: Mapping[str, float]) -> dict[str, Any]:
    return {name: np.float64(value) for name, value in setting.items()}


def _is_numpy(array: Any) -> bool:
    return isinstance(array, np.ndarray)
