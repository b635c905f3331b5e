"""The table of named means: reductions of a loss that have a name of their own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    root_mean_squared_error,
)

from losscourse.losses import regression
from tests.losscourse.mutants import Mutant


@dataclass(frozen=True)
class NamedMean:
    """A named mean, its peer in scikit-learn, and wrong versions of it.

    `oracle(targets, predictions, sample_weight=...)`; `gradient(e, w, t)` is the derivative by the
    predictions, from residuals, weights that add up to 1, and targets.
    """

    function: Callable
    oracle: Callable
    gradient: Callable
    mutants: tuple[Mutant, ...]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__


def _wrong(name: str, right: Callable, body: Callable) -> Mutant:
    """Return a wrong version that checks as the right one; `body(e, w)` gets what is selected.

    Of mape, e is the residual over its target.
    """

    def mutant(predictions, targets, *, weights=None, mask=None):
        value = right(predictions, targets, weights=weights, mask=mask)
        if mask is None:
            mask = predictions == predictions  # all True, in either library
        weights = 1 + 0 * predictions if weights is None else weights
        errors, targets = (predictions - targets)[mask], targets[mask]
        errors = errors / targets if right is regression.mape else errors
        return body(errors, weights[mask]) + 0 * value

    return Mutant(name, mutant)


def _unchecked(name: str, right: Callable) -> Mutant:
    """Return a mean that answers NaN where there is nothing to average."""

    def mutant(predictions, targets, *, weights=None, mask=None):
        try:
            return right(predictions, targets, weights=weights, mask=mask)
        except ValueError:
            return np.float64(np.nan)

    return Mutant(name, mutant)


def _mutants(right: Callable, loss: Callable) -> tuple[Mutant, ...]:
    return (
        _wrong("sum", right, lambda e, w: (w * loss(e)).sum()),
        _wrong("divided by the number", right, lambda e, w: (w * loss(e)).mean()),
        _wrong("weights left out", right, lambda e, w: loss(e).mean()),
        _wrong("factor ½", right, lambda e, w: (w * loss(e)).sum() / w.sum() / 2),
        _unchecked("NaN for nothing", right),
        Mutant("mask left out", lambda p, t, weights=None, mask=None: right(p, t, weights=weights)),
    )


NAMED_MEANS = (
    NamedMean(
        regression.mse,
        mean_squared_error,
        lambda e, w, t: 2 * w * e,
        (
            *_mutants(regression.mse, lambda e: e**2),
            Mutant("rmse", regression.rmse),
            _wrong("square of the mean", regression.mse, lambda e, w: (w * e).sum() ** 2 / w.sum()),
        ),
    ),
    NamedMean(
        regression.rmse,
        root_mean_squared_error,
        lambda e, w, t: w * e / np.sqrt(np.sum(w * e**2)),
        (
            *_mutants(regression.rmse, lambda e: e**2),
            Mutant("mse", regression.mse),
            _wrong(
                "mean of roots", regression.rmse, lambda e, w: (w * (e**2) ** 0.5).sum() / w.sum()
            ),
            _wrong(
                "infinite slope at a fit",
                regression.rmse,
                lambda e, w: ((w * e**2).sum() / w.sum()) ** 0.5,
            ),
        ),
    ),
    NamedMean(
        regression.mae,
        mean_absolute_error,
        lambda e, w, t: w * np.sign(e),
        (
            *_mutants(regression.mae, abs),
            _wrong("missing abs", regression.mae, lambda e, w: (w * e).sum() / w.sum()),
        ),
    ),
    NamedMean(
        regression.mape,
        mean_absolute_percentage_error,
        lambda e, w, t: w * np.sign(e) / np.abs(t),
        (
            *_mutants(regression.mape, abs),
            Mutant("mae", regression.mae),
            _wrong("in percent", regression.mape, lambda e, w: 100 * (w * abs(e)).sum() / w.sum()),
        ),
    ),
)
