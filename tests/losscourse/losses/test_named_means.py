"""mse, rmse, mae and mape: the named means of a loss."""

import numpy as np
import pytest
import torch

from losscourse.losses import regression
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.named_means import NAMED_MEANS
from tests.losscourse.mutants import assert_rejected

N = 24


def _data():
    rng = np.random.default_rng(3)
    return rng.normal(size=N), rng.normal(size=N), rng.uniform(0.5, 2, size=N), np.arange(N) % 3 > 0


def matches_scikit_learn(mean):
    p, t, w, mask = _data()
    for weights, selected in ((None, None), (w, None), (None, mask), (w, mask)):
        at = slice(None) if selected is None else selected
        expected = mean.oracle(t[at], p[at], sample_weight=None if weights is None else weights[at])
        got = mean.function(p, t, weights=weights, mask=selected)
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def masked_nan_has_no_influence(mean):
    p, t, w, mask = _data()
    expected = mean.function(p[mask], t[mask], weights=w[mask])
    p[~mask], w[~mask] = np.nan, -1.0
    np.testing.assert_allclose(mean.function(p, t, weights=w, mask=mask), expected, rtol=1e-12)


def keeps_dtype_in_every_library(mean):
    p, t, _, _ = _data()
    expected = float(mean.function(p, t))
    for library, dtype in FORMATS:
        got = mean.function(make(library, dtype, p), make(library, dtype, t))
        assert dtype_name(got) == dtype
        assert got.shape == ()
        # Rounding the inputs moves a residual by a rounding of the larger of the two.
        np.testing.assert_allclose(read(got), expected, rtol=8 * PRECISION[dtype].epsilon)


def autograd_gives_the_gradient(mean):
    p, t, w, mask = _data()
    tensor = torch.tensor(p, requires_grad=True)
    mean.function(
        tensor, torch.tensor(t), weights=torch.tensor(w), mask=torch.tensor(mask)
    ).backward()
    expected = mean.gradient(p - t, w * mask / np.sum(w * mask), t)
    np.testing.assert_allclose(tensor.grad.numpy(), expected, rtol=1e-12)


def gradient_at_an_exact_fit_is_zero(mean):
    tensor = torch.ones(4, dtype=torch.float64, requires_grad=True)
    mean.function(tensor, torch.ones(4, dtype=torch.float64)).backward()
    assert tensor.grad.tolist() == [0.0] * 4


def nothing_selected_is_an_error(mean):
    p, t, w, mask = _data()
    for arguments in ({"mask": mask & False}, {"weights": 0 * w}):
        with pytest.raises(ValueError, match="total weight above 0, got 0"):
            mean.function(p, t, **arguments)
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        mean.function(p[:0], t[:0])


CHECKS = (
    matches_scikit_learn,
    masked_nan_has_no_influence,
    keeps_dtype_in_every_library,
    autograd_gives_the_gradient,
    gradient_at_an_exact_fit_is_zero,
    nothing_selected_is_an_error,
)
MEAN = pytest.mark.parametrize("mean", NAMED_MEANS, ids=lambda mean: mean.name)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@MEAN
def test_named_mean(mean, check):
    check(mean)


@MEAN
def test_mutants_are_rejected(request, mean):
    mutants = [mutant.on(mean, "function") for mutant in mean.mutants]
    fails_only_at_zero = "gradient_at_an_exact_fit_is_zero"
    checks = [c for c in CHECKS if c.__name__ != fails_only_at_zero or mean.name == "rmse"]
    assert_rejected(request, mean.name, checks, mutants, table="named means")


def test_a_target_of_0_is_an_error_of_mape_unless_it_is_masked():
    p, t, mask = np.full(3, 2.0), np.asarray([1.0, 0.0, 4.0]), np.asarray([True, False, True])
    assert regression.mape(p, t, mask=mask) == 0.75
    with pytest.raises(ValueError, match="targets: expected values other than 0, got 0"):
        regression.mape(p, t)


def test_columns_against_rows_are_refused():
    """A prediction of shape (N,) against targets (N, 1) would be an (N, N) loss."""
    for mean in NAMED_MEANS:
        with pytest.raises(ValueError, match=r"targets: expected shape \(3,\).*got \(3, 1\)"):
            mean.function(np.zeros(3), np.zeros((3, 1)))


def test_weights_and_masks_that_do_not_fit_are_refused():
    p = np.ones(3)
    for mean in NAMED_MEANS:
        with pytest.raises(TypeError, match="weights: expected dtype float64"):
            mean.function(p, p, weights=np.ones(3, np.float32))
        with pytest.raises(ValueError, match=r"weights: expected shape \(3,\)"):
            mean.function(p, p, weights=np.ones((3, 1)))
        with pytest.raises(TypeError, match="mask: expected dtype bool, got float64"):
            mean.function(p, p, mask=np.ones(3))
        with pytest.raises(TypeError, match="takes 2 positional arguments"):
            mean.function(p, p, np.ones(3))
