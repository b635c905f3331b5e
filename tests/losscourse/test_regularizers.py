"""regularizers: each against torch, scikit-learn or its definition, wrong versions as mutants."""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from losscourse import regularizers
from losscourse.losses.classification import softmax_cross_entropy
from losscourse.regularizers import Progress, Statistics, Tracker
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.helper import Helper
from tests.losscourse.mutants import Mutant, assert_rejected

PARAMS = np.asarray([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0], [0.5, -0.25, 2.0]])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5))
Y = X @ np.asarray([2.0, 0.0, -1.0, 0.0, 0.3]) + 0.5 * RNG.normal(size=40)


def close(left, right, rtol=1e-12, atol=1e-13):
    np.testing.assert_allclose(read(left), read(right), rtol=rtol, atol=atol)


def refused(error, message, function, *arguments, **named):
    with pytest.raises(error, match=f"^{message}"):
        function(*arguments, **named)


def after(right, body):
    """Return a wrong version: the arguments are checked as they were, the value is the body's."""

    @functools.wraps(right)
    def wrong(*arguments, **named):
        right(*arguments, **named)
        return body(*arguments, **named)

    return wrong


def forgiving(right, instead):
    """Return a version that refuses nothing."""

    @functools.wraps(right)
    def wrong(*arguments, **named):
        try:
            return right(*arguments, **named)
        except (TypeError, ValueError):
            return instead

    return wrong


def in_float64(right):
    """Return a version that gives NumPy's float64, whatever it takes."""

    @functools.wraps(right)
    def wrong(*arguments, **named):
        found = right(*arguments, **named)
        return tuple(map(read, found)) if isinstance(found, tuple) else read(found)

    return wrong


for _array in (PARAMS, X, Y):
    _array.flags.writeable = False  # a mutant that writes spoils no other test

# Penalties.


def penalty(name, checks, grad_checks, refusals, mutants, grad_mutants):
    """Return the tests of a penalty and of its gradient."""
    function, grad = getattr(regularizers, name), getattr(regularizers, f"{name}_grad")

    def formats_are_kept(function):
        for library, dtype in FORMATS:
            params = make(library, dtype, PARAMS)
            found = function(params)
            assert dtype_name(found) == dtype
            close(found, function(PARAMS), 2 * PRECISION[dtype].rtol)
            assert read(params).tolist() == PARAMS.tolist()

    def what_is_no_parameter_is_refused(function):
        refused(TypeError, "params: expected an array", function, [1.0])
        refused(TypeError, "params: expected a real floating", function, np.ones((2, 2), int))
        refusals(function)

    def gradient_is_autograds_off_the_kinks_and_0_at_them(grad):
        params = torch.tensor(PARAMS, requires_grad=True)
        function(params).backward()
        close(grad(PARAMS), params.grad)
        assert read(grad(np.zeros((2, 3)))).tolist() == np.zeros((2, 3)).tolist()

    common = (formats_are_kept, what_is_no_parameter_is_refused)
    return (
        Helper(
            function=function,
            checks=(*checks, *common),
            mutants={
                **{n: after(function, body) for n, body in mutants.items()},
                "in float64": in_float64(function),
                "unchecked": forgiving(function, 0.0),
            },
        ),
        Helper(
            function=grad,
            checks=(gradient_is_autograds_off_the_kinks_and_0_at_them, *grad_checks, *common),
            mutants={
                **{n: after(grad, body) for n, body in grad_mutants.items()},
                "in float64": in_float64(grad),
                "unchecked": forgiving(grad, 0.0),
            },
        ),
    )


def nothing_more(function):
    """Refuse no more."""


def the_sum_of_sizes_is_found(l1):
    assert float(l1(PARAMS)) == 9.75
    assert float(l1(np.zeros(0))) == 0.0


def lasso_is_at_its_minimum(l1_grad):
    """Where a weight is not 0 the slopes cancel; where it is, the loss's is below the strength."""
    weights = Lasso(alpha=0.3, fit_intercept=False, tol=1e-12).fit(X, Y).coef_
    slopes = X.T @ (X @ weights - Y) / len(Y)
    assert (weights == 0).any()
    close((slopes + 0.3 * l1_grad(weights))[weights != 0], 0.0, atol=1e-8)
    assert (abs(slopes[weights == 0]) < 0.3).all()


L1, L1_GRAD = penalty(
    "l1",
    (the_sum_of_sizes_is_found,),
    (lasso_is_at_its_minimum,),
    nothing_more,
    {
        "no absolute value": lambda p: p.sum(),
        "a mean": lambda p: abs(p).mean() if math.prod(p.shape) else 0.0,
        "squares": lambda p: (p**2).sum(),
    },
    {
        "1 at 0": lambda p: np.where(read(p) >= 0, 1.0, -1.0),
        "the parameters": lambda p: p,
        "a mean's": lambda p: np.sign(read(p)) / 9,
        "ascent": lambda p: -np.sign(read(p)),
    },
)


def half_the_sum_of_squares_is_found(l2):
    assert float(l2(PARAMS)) == (9 + 16 + 0.25 + 0.0625 + 4) / 2
    assert float(l2(np.zeros(0))) == 0.0


def it_is_torchs_weight_decay(l2_grad):
    theirs, params = torch.tensor(PARAMS), PARAMS
    optimizer = torch.optim.Adam([theirs], lr=0.1, weight_decay=3.0, eps=0.5)
    theirs.grad = torch.ones(3, 3, dtype=torch.float64)
    optimizer.step()
    grads = 1.0 + 3.0 * l2_grad(params)
    close(params - 0.1 * grads / (abs(grads) + 0.5), theirs)


def ridge_is_at_its_minimum(l2_grad):
    """scikit-learn has no half before either sum: the strengths agree."""
    weights = Ridge(alpha=7.0, fit_intercept=False).fit(X, Y).coef_
    close(X.T @ (X @ weights - Y) + 7.0 * l2_grad(weights), 0.0, atol=1e-10)


L2, L2_GRAD = penalty(
    "l2",
    (half_the_sum_of_squares_is_found,),
    (it_is_torchs_weight_decay, ridge_is_at_its_minimum),
    nothing_more,
    {
        "no half": lambda p: (p**2).sum(),
        "a mean": lambda p: (p**2).mean() / 2 if math.prod(p.shape) else 0.0,
        "the length": lambda p: (p**2).sum() ** 0.5,
    },
    {
        "twice": lambda p: 2.0 * p,
        "the sign": lambda p: np.sign(read(p)),
        "ascent": lambda p: -1.0 * p,
    },
)


def the_ends_are_l1_and_l2(elastic_net):
    close(elastic_net(PARAMS, l1_ratio=1), regularizers.l1(PARAMS))
    close(elastic_net(PARAMS, l1_ratio=0), regularizers.l2(PARAMS))
    close(elastic_net(PARAMS), 0.5 * 9.75 + 0.25 * 29.3125)


def scikit_learns_net_is_at_its_minimum(grad):
    weights = ElasticNet(alpha=0.4, l1_ratio=0.3, fit_intercept=False, tol=1e-12).fit(X, Y).coef_
    slopes = X.T @ (X @ weights - Y) / len(Y) + 0.4 * grad(weights, l1_ratio=0.3)
    assert (weights != 0).sum() >= 2
    close(slopes[weights != 0], 0.0, atol=1e-8)


def ratios_outside_are_refused(function):
    for bad in (-0.1, 1.1, math.nan):
        refused(
            ValueError, r"l1_ratio: expected a number in \[0, 1\]", function, PARAMS, l1_ratio=bad
        )
    refused(TypeError, "l1_ratio: expected a real", function, PARAMS, l1_ratio="1")


def _net(half=0.5, one=lambda r: r, two=lambda r: 1 - r):
    return lambda p, *, l1_ratio=0.5: (
        one(l1_ratio) * abs(p).sum() + two(l1_ratio) * half * (p**2).sum()
    )


def _net_grad(one=lambda r: r, two=lambda r: 1 - r, sign=lambda p: np.sign(read(p))):
    return lambda p, *, l1_ratio=0.5: one(l1_ratio) * sign(p) + two(l1_ratio) * read(p)


ELASTIC_NET, ELASTIC_NET_GRAD = penalty(
    "elastic_net",
    (the_ends_are_l1_and_l2,),
    (scikit_learns_net_is_at_its_minimum,),
    ratios_outside_are_refused,
    {
        "no half": _net(half=1.0),
        "ratio swapped": _net(one=lambda r: 1 - r, two=lambda r: r),
        "a sum": _net(one=lambda r: 1.0, two=lambda r: 1.0),
    },
    {
        "ratio swapped": _net_grad(one=lambda r: 1 - r, two=lambda r: r),
        "twice the square's": _net_grad(two=lambda r: 2 * (1 - r)),
        "1 at 0": _net_grad(sign=lambda p: np.where(read(p) >= 0, 1.0, -1.0)),
    },
)


def lengths_of_rows_add_up(group_lasso):
    close(group_lasso(PARAMS), 5 + 0 + math.sqrt(0.25 + 0.0625 + 4))
    close(group_lasso(PARAMS[:, :1]), regularizers.l1(PARAMS[:, 0]))
    assert float(group_lasso(np.zeros((2, 0)))) == 0.0


def rows_of_one_are_l1s(grad):
    assert grad(PARAMS[:, :1]).tolist() == np.sign(PARAMS[:, :1]).tolist()


def other_axes_are_refused(function):
    refused(ValueError, r"params: expected shape \(G, P\)", function, PARAMS[0])


def _rows(p):
    return (p**2).sum(1) ** 0.5


GROUP_LASSO, GROUP_LASSO_GRAD = penalty(
    "group_lasso",
    (lengths_of_rows_add_up,),
    (rows_of_one_are_l1s,),
    other_axes_are_refused,
    {
        "columns": lambda p: ((p**2).sum(0) ** 0.5).sum(),
        "one group": lambda p: (p**2).sum() ** 0.5,
        "squares": lambda p: (p**2).sum(),
        "times the root of the size": lambda p: _rows(p).sum() * p.shape[1] ** 0.5,
    },
    {
        "0 over 0": lambda p: read(p) / _rows(read(p))[:, None],
        "columns": lambda p: read(p) / np.maximum((read(p) ** 2).sum(0) ** 0.5, 1e-30),
        "not divided": lambda p: read(p),
    },
)

# The proximal operator.


def thresholds_are_torchs(soft_threshold):
    for threshold in (0.0, 0.3, 2.5):
        found = soft_threshold(PARAMS, threshold=threshold)
        assert found.tolist() == F.softshrink(torch.tensor(PARAMS), threshold).tolist()


def proximal_descent_reaches_scikit_learns_lasso(soft_threshold):
    expected = Lasso(alpha=0.3, fit_intercept=False, tol=1e-12).fit(X, Y).coef_
    weights = np.zeros(5)
    for _ in range(400):
        weights = soft_threshold(
            weights - 0.3 * X.T @ (X @ weights - Y) / len(Y), threshold=0.3 * 0.3
        )
    close(weights, expected, 1e-7)
    assert (weights[expected == 0] == 0).all()


def formats_are_kept_by_the_threshold(soft_threshold):
    for library, dtype in FORMATS:
        params = make(library, dtype, PARAMS)
        for threshold in (0.25, np.float64(0.25)):
            found = soft_threshold(params, threshold=threshold)
            assert dtype_name(found) == dtype
            assert read(found).tolist() == soft_threshold(PARAMS, threshold=0.25).tolist()


def thresholds_below_0_are_refused(soft_threshold):
    refused(ValueError, "threshold: expected a number", soft_threshold, PARAMS, threshold=-1)
    refused(TypeError, "threshold: expected a real", soft_threshold, PARAMS, threshold=None)
    refused(TypeError, "params: expected an array", soft_threshold, [1.0], threshold=1)


def _threshold(body):
    return after(
        regularizers.soft_threshold,
        lambda params, *, threshold: body(read(params), threshold),
    )


SOFT_THRESHOLD = Helper(
    function=regularizers.soft_threshold,
    checks=(
        thresholds_are_torchs,
        proximal_descent_reaches_scikit_learns_lasso,
        formats_are_kept_by_the_threshold,
        thresholds_below_0_are_refused,
    ),
    mutants={
        "hard": _threshold(lambda p, t: p * (abs(p) > t)),
        "crosses 0": _threshold(lambda p, t: p - t * np.sign(p)),
        "shrinks by a share": _threshold(lambda p, t: p / (1 + t)),
        "one side": _threshold(lambda p, t: np.maximum(p - t, 0)),
        "half": _threshold(lambda p, t: np.sign(p) * np.maximum(abs(p) - t / 2, 0)),
        "unchecked": forgiving(regularizers.soft_threshold, 0.0),
    },
)

# Dropout.

INPUTS = RNG.normal(size=(6, 4)) + 3
UNIFORMS = RNG.uniform(size=(6, 4))
UPSTREAM = RNG.normal(size=(6, 4))


def kept_inputs_are_scaled(dropout):
    for rate in (0.0, 0.25, 0.8):
        found = dropout(INPUTS, UNIFORMS, rate=rate)
        kept = ~(rate > UNIFORMS)
        assert not found[~kept].any()
        close(found[kept], INPUTS[kept] / (1 - rate))
    assert dropout(INPUTS, UNIFORMS).tolist() == dropout(INPUTS, UNIFORMS, rate=0.5).tolist()
    edge = np.asarray([0.25, 0.0, 1.0])
    assert dropout(np.ones(3), edge, rate=0.25).astype(bool).tolist() == [True, False, True]


def the_mean_stays_and_shares_are_torchs(dropout):
    uniforms = np.random.default_rng(1).uniform(size=100_000)
    found = dropout(np.ones(100_000), uniforms, rate=0.3)
    theirs = F.dropout(torch.ones(100_000, dtype=torch.float64), p=0.3)
    assert found.mean() == pytest.approx(1, abs=0.01)
    assert (found == 0).mean() == pytest.approx(float((theirs == 0).double().mean()), abs=0.01)
    assert found.max() == pytest.approx(float(theirs.max()), rel=1e-12)


def dropped_infinities_are_0(dropout):
    found = dropout(np.asarray([math.inf, math.nan, 1.0]), np.asarray([0.0, 0.0, 1.0]))
    assert found.tolist() == [0.0, 0.0, 2.0]


def formats_are_kept_by_dropout(dropout):
    for library, dtype in FORMATS:
        inputs, uniforms = make(library, dtype, INPUTS), make(library, dtype, UNIFORMS)
        found = dropout(inputs, uniforms, rate=0.5)
        assert dtype_name(found) == dtype
        close(found, 2 * INPUTS * (read(uniforms) >= 0.5), 2 * PRECISION[dtype].rtol)


def wrong_numbers_are_refused_by(name):
    def wrong_numbers_are_refused(dropout):
        refused(ValueError, r"uniforms: expected values in \[0, 1\]", dropout, INPUTS, 3 + UNIFORMS)
        refused(ValueError, "uniforms: expected shape", dropout, INPUTS, UNIFORMS[:1])
        refused(TypeError, f"{name}: expected an array", dropout, [1.0], UNIFORMS)
        for bad in (1.0, -0.1, math.nan):
            refused(ValueError, "rate: expected a number", dropout, INPUTS, UNIFORMS, rate=bad)

    return wrong_numbers_are_refused


def _dropped(body, right=regularizers.dropout):
    return after(right, lambda x, u, *, rate=0.5: body(read(x), read(u), rate))


DROPOUT = Helper(
    function=regularizers.dropout,
    checks=(
        kept_inputs_are_scaled,
        the_mean_stays_and_shares_are_torchs,
        dropped_infinities_are_0,
        formats_are_kept_by_dropout,
        wrong_numbers_are_refused_by("inputs"),
    ),
    mutants={
        "not scaled": _dropped(lambda x, u, r: np.where(u >= r, x, 0)),
        "rate is of the kept": _dropped(lambda x, u, r: np.where(u < r, x / max(r, 1e-9), 0)),
        "scaled by the rate": _dropped(lambda x, u, r: np.where(u >= r, x / max(r, 1e-9), 0)),
        "kept below": _dropped(lambda x, u, r: np.where(u < 1 - r, x / (1 - r), 0)),
        "drops at the rate": _dropped(lambda x, u, r: np.where(u > r, x / (1 - r), 0)),
        "multiplied by a mask": _dropped(lambda x, u, r: x * (u >= r) / (1 - r)),
        "unchecked": forgiving(regularizers.dropout, 0.0),
    },
)


def slopes_of_dropout_are_autograds(grad):
    for rate in (0.0, 0.3, 0.8):
        inputs = torch.tensor(INPUTS, requires_grad=True)
        regularizers.dropout(inputs, torch.tensor(UNIFORMS), rate=rate).backward(
            torch.tensor(UPSTREAM)
        )
        close(grad(UPSTREAM, UNIFORMS, rate=rate), inputs.grad)


DROPOUT_GRAD = Helper(
    function=regularizers.dropout_grad,
    checks=(
        slopes_of_dropout_are_autograds,
        formats_are_kept_by_dropout,
        wrong_numbers_are_refused_by("upstream"),
    ),
    mutants={
        "not scaled": _dropped(lambda g, u, r: np.where(u >= r, g, 0), regularizers.dropout_grad),
        "all pass": _dropped(lambda g, u, r: g, regularizers.dropout_grad),
        "the others": _dropped(
            lambda g, u, r: np.where(u < r, g / (1 - r), 0), regularizers.dropout_grad
        ),
        "called inputs": regularizers.dropout,
    },
)

# Batch normalisation.

SCALE, SHIFT = np.asarray([2.0, -0.5, 1.0, 0.3]), np.asarray([0.1, 0.0, -3.0, 5.0])
IMAGES = RNG.normal(size=(3, 4, 2, 5)) * 2 + 1
BATCHES = (INPUTS, IMAGES, IMAGES[:, :, 0])


def statistics(library="numpy", dtype="float64"):
    """Return what a training may have left; new arrays, as a mutant writes into them."""
    mean, variance = [2.0, 0.0, -1.0, 3.0], [0.5, 1.0, 4.0, 0.1]
    return Statistics(make(library, dtype, mean), make(library, dtype, variance))


def _tensor(array):
    return array if isinstance(array, torch.Tensor) else torch.tensor(array)


def _torch_norm(inputs, scale=SCALE, shift=SHIFT, **named):
    return F.batch_norm(
        _tensor(inputs),
        named.pop("mean", None),
        named.pop("variance", None),
        _tensor(scale),
        _tensor(shift),
        **named,
    )


def training_is_torchs(batch_norm):
    for inputs in BATCHES:
        for epsilon in (1e-5, 0.7):
            found = batch_norm(inputs, SCALE, SHIFT, epsilon=epsilon)
            close(found, _torch_norm(inputs, training=True, eps=epsilon), 1e-10, 1e-12)
        close(batch_norm(inputs, SCALE, SHIFT), _torch_norm(inputs, training=True), 1e-10, 1e-12)


def evaluation_is_torchs(batch_norm):
    mean, variance = statistics("torch")
    for inputs in (*BATCHES, INPUTS[:1]):
        found = batch_norm(inputs, SCALE, SHIFT, statistics=statistics(), epsilon=0.7)
        close(found, _torch_norm(inputs, mean=mean, variance=variance, eps=0.7), 1e-10, 1e-12)


def evaluation_changes_no_statistics(batch_norm):
    kept = statistics()
    first = batch_norm(INPUTS, SCALE, SHIFT, statistics=kept)
    assert batch_norm(INPUTS, SCALE, SHIFT, statistics=kept).tolist() == first.tolist()
    assert [a.tolist() for a in kept] == [a.tolist() for a in statistics()]


def large_means_do_not_cancel(batch_norm):
    inputs = (np.asarray([[1.0], [-1.0], [1.0], [-1.0]]) + 4096).astype(np.float32)
    ones = np.ones(1, np.float32)
    close(batch_norm(inputs, ones, 0 * ones), inputs - 4096, 1e-4)


def formats_are_kept_by_batch_norm(batch_norm):
    for library, dtype in FORMATS:
        arrays = [make(library, dtype, a) for a in (INPUTS, SCALE, SHIFT)]
        tolerance = 16 * PRECISION[dtype].rtol
        for own, exactly in ((None, None), (statistics(library, dtype), statistics())):
            found = batch_norm(*arrays, statistics=own, epsilon=1e-2)
            assert dtype_name(found) == dtype
            exact = batch_norm(*map(read, arrays), statistics=exactly, epsilon=1e-2)
            close(found, exact, tolerance, tolerance)


def what_cannot_be_normalised_is_refused(batch_norm):
    refused(ValueError, r"inputs: expected shape \(N, F, \.\.\.\)", batch_norm, SCALE, SCALE, SHIFT)
    refused(
        ValueError, r"scale: expected shape \(4,\), as inputs", batch_norm, INPUTS, SCALE[:1], SHIFT
    )
    refused(ValueError, "shift: expected shape", batch_norm, INPUTS, SCALE, SHIFT[:, None])
    refused(TypeError, "shift: expected dtype", batch_norm, INPUTS, SCALE, SHIFT.astype("f4"))
    refused(ValueError, "inputs: expected at least 2 values", batch_norm, INPUTS[:1], SCALE, SHIFT)
    refused(ValueError, "epsilon: expected", batch_norm, INPUTS, SCALE, SHIFT, epsilon=0)
    short = Statistics(SCALE[:2], SCALE[:2])
    refused(ValueError, "mean: expected shape", batch_norm, INPUTS, SCALE, SHIFT, statistics=short)


def _norm(
    variance=lambda x, axes: x.var(axes, keepdims=True),
    below=lambda v, e: np.sqrt(v + e),
    axes=lambda x: (0, *range(2, x.ndim)),
    evaluate=None,
):
    def batch_norm(inputs, scale, shift, *, statistics=None, epsilon=1e-5):
        right = regularizers.batch_norm(
            inputs, scale, shift, statistics=statistics, epsilon=epsilon
        )
        if not isinstance(inputs, np.ndarray):
            return right
        shape = (-1, *(1,) * (inputs.ndim - 2))
        if statistics is not None:
            return evaluate(inputs, scale, shift, statistics, epsilon) if evaluate else right
        over = axes(inputs)
        normal = (inputs - inputs.mean(over, keepdims=True)) / below(
            variance(inputs, over), epsilon
        )
        return scale.reshape(shape) * normal + shift.reshape(shape)

    return batch_norm


def _updates_in_evaluation(inputs, scale, shift, statistics, epsilon):
    out = regularizers.batch_norm(inputs, scale, shift, statistics=statistics, epsilon=epsilon)
    statistics.mean[...] = 0.9 * statistics.mean + 0.1 * inputs.mean((0, *range(2, inputs.ndim)))
    return out


BATCH_NORM = Helper(
    function=regularizers.batch_norm,
    checks=(
        training_is_torchs,
        evaluation_is_torchs,
        evaluation_changes_no_statistics,
        large_means_do_not_cancel,
        formats_are_kept_by_batch_norm,
        what_cannot_be_normalised_is_refused,
    ),
    mutants={
        "unbiased variance": _norm(
            variance=lambda x, axes: (
                x.var(axes, keepdims=True)
                * (n := math.prod(x.shape[a] for a in axes))
                / max(n - 1, 1)
            )
        ),
        "epsilon outside the root": _norm(below=lambda v, e: np.sqrt(v) + e),
        "divided by the variance": _norm(below=lambda v, e: v + e),
        "over the examples alone": _norm(axes=lambda x: (0,)),
        "over all features": _norm(axes=lambda x: tuple(range(x.ndim))),
        "difference of squares": _norm(
            variance=lambda x, axes: (
                (x**2).mean(axes, keepdims=True) - x.mean(axes, keepdims=True) ** 2
            )
        ),
        "evaluation by the batch": _norm(
            evaluate=lambda x, scale, shift, s, e: regularizers.batch_norm(
                np.concatenate([x, x]), scale, shift, epsilon=e
            )[: len(x)]
        ),
        "statistics updated in evaluation": _norm(
            evaluate=lambda *arguments: _updates_in_evaluation(*arguments)
        ),
        "in float64": lambda inputs, *rest, **named: read(
            regularizers.batch_norm(inputs, *rest, **named)
        ),
        "unchecked": forgiving(regularizers.batch_norm, 0.0),
    },
)


def slopes_of_batch_norm_are_torchs(grad):
    for batch in BATCHES:
        upstream = np.cos(np.arange(batch.size)).reshape(batch.shape)
        for epsilon in (1e-5, 0.7):
            inputs, scale, shift = (
                torch.tensor(a, requires_grad=True) for a in (batch, SCALE, SHIFT)
            )
            out = _torch_norm(inputs, scale, shift, training=True, eps=epsilon)
            out.backward(torch.tensor(upstream))
            found = grad(upstream, batch, SCALE, epsilon=epsilon)
            for ours, theirs in zip(found, (inputs.grad, scale.grad, shift.grad), strict=True):
                close(ours, theirs, 1e-9, 1e-12)
        close(found[0].sum((0, *range(2, batch.ndim))), np.zeros(4), atol=1e-12)


def formats_are_kept_by_the_slopes(grad):
    for library, dtype in FORMATS:
        arrays = [make(library, dtype, a) for a in (UPSTREAM, INPUTS, SCALE)]
        found, exact = grad(*arrays), grad(*map(read, arrays))
        for ours, theirs in zip(found, exact, strict=True):
            assert dtype_name(ours) == dtype
            close(ours, theirs, 30 * PRECISION[dtype].rtol, 30 * PRECISION[dtype].rtol)


def what_has_no_slope_is_refused(grad):
    refused(ValueError, "inputs: expected shape", grad, UPSTREAM, INPUTS[:2], SCALE)
    refused(ValueError, "scale: expected shape", grad, UPSTREAM, INPUTS, SCALE[:2])
    refused(ValueError, "inputs: expected at least 2", grad, UPSTREAM[:1], INPUTS[:1], SCALE)
    refused(ValueError, "epsilon: expected", grad, UPSTREAM, INPUTS, SCALE, epsilon=-1)


def _slopes(by_inputs, by_scale=lambda g, x_hat: g * x_hat):
    def grad(upstream, inputs, scale, *, epsilon=1e-5):
        regularizers.batch_norm_grad(upstream, inputs, scale, epsilon=epsilon)
        axes, shape = (0, *range(2, inputs.ndim)), (-1, *(1,) * (inputs.ndim - 2))
        mean = functools.partial(np.mean, axis=axes, keepdims=True)
        deviation = np.sqrt(mean((inputs - mean(inputs)) ** 2) + epsilon)
        x_hat = (inputs - mean(inputs)) / deviation
        out = by_inputs(upstream, x_hat, scale.reshape(shape), deviation, mean)
        return out, by_scale(upstream, x_hat).sum(axes), upstream.sum(axes)

    return grad


BATCH_NORM_GRAD = Helper(
    function=regularizers.batch_norm_grad,
    checks=(
        slopes_of_batch_norm_are_torchs,
        formats_are_kept_by_the_slopes,
        what_has_no_slope_is_refused,
    ),
    mutants={
        "statistics held constant": _slopes(lambda g, x, s, d, mean: s * g / d),
        "mean alone": _slopes(lambda g, x, s, d, mean: s / d * (g - mean(g))),
        "scale left out": _slopes(lambda g, x, s, d, mean: (g - mean(g) - x * mean(g * x)) / d),
        "not divided": _slopes(lambda g, x, s, d, mean: s * (g - mean(g) - x * mean(g * x))),
        "scale's without the inputs": _slopes(
            lambda g, x, s, d, mean: s / d * (g - mean(g) - x * mean(g * x)),
            by_scale=lambda g, x: g,
        ),
        "unchecked": forgiving(regularizers.batch_norm_grad, (0.0, 0.0, 0.0)),
    },
)


def running_values_are_torchs(running):
    for momentum in (0.1, 0.6):
        mean, variance = (torch.tensor(a) for a in (np.zeros(4), np.ones(4)))
        init, update = running(momentum=momentum)
        state = init(IMAGES)
        for batch in (IMAGES, 2 * IMAGES[:2], INPUTS):
            _torch_norm(batch, mean=mean, variance=variance, training=True, momentum=momentum)
            state = update(batch, state)
            close(state.mean, mean, 1e-10)
            close(state.variance, variance, 1e-10)
    init, update = running()
    close(update(INPUTS, init(INPUTS)).mean, 0.1 * INPUTS.mean(0))


def states_are_new_and_keep_their_format(running):
    for library, dtype in FORMATS:
        inputs = make(library, dtype, IMAGES)
        init, update = running()
        first = init(inputs)
        second = update(inputs, first)
        assert {dtype_name(a) for a in (*first, *second)} == {dtype}
        assert {tuple(a.shape) for a in (*first, *second)} == {(4,)}
        assert [read(a).tolist() for a in first] == [[0.0] * 4, [1.0] * 4]
        again = update(inputs, first)
        assert [read(a).tolist() for a in again] == [read(a).tolist() for a in second]


def batches_without_a_variance_are_refused(running):
    for bad in (-0.1, 1.1):
        refused(ValueError, "momentum: expected a number", running, momentum=bad)
    init, update = running()
    state = init(INPUTS)
    refused(ValueError, "inputs: expected at least 2 values", update, INPUTS[:1], state)
    refused(ValueError, "mean: expected shape", update, INPUTS[:, :2], state)
    refused(TypeError, "mean: expected dtype", update, INPUTS.astype("f4"), state)


def _running(change):
    """Return a tracker whose state is changed, from old, right new, inputs and momentum."""

    def running(*, momentum=0.1):
        right = regularizers.running_statistics(momentum=momentum)

        def update(inputs, state):
            new = right.update(inputs, state)
            return change(state, new, inputs, momentum)

        return Tracker(right.init, update)

    return running


def _biased(old, new, inputs, momentum):
    n = math.prod(inputs.shape) // inputs.shape[1]
    batch = (new.variance - (1 - momentum) * old.variance) * ((n - 1) / n)
    return Statistics(new.mean, (1 - momentum) * old.variance + batch)


def _in_place(old, new, inputs, momentum):
    old.mean[...] = new.mean
    return new


RUNNING_STATISTICS = Helper(
    function=regularizers.running_statistics,
    checks=(
        running_values_are_torchs,
        states_are_new_and_keep_their_format,
        batches_without_a_variance_are_refused,
    ),
    mutants={
        "biased variance": _running(_biased),
        "momentum of the old": lambda *, momentum=0.1: regularizers.running_statistics(
            momentum=1 - momentum
        ),
        "variance not updated": _running(lambda old, new, x, m: Statistics(new.mean, old.variance)),
        "variance from 0": lambda *, momentum=0.1: Tracker(
            lambda x: Statistics(
                *(0 * a for a in regularizers.running_statistics(momentum=momentum).init(x))
            ),
            regularizers.running_statistics(momentum=momentum).update,
        ),
        "deviation": _running(lambda old, new, x, m: Statistics(new.mean, new.variance**0.5)),
        "in place": _running(_in_place),
        "unchecked": lambda *, momentum=0.1: Tracker(
            regularizers.running_statistics(momentum=min(max(momentum, 0.0), 1.0)).init,
            regularizers.running_statistics(momentum=min(max(momentum, 0.0), 1.0)).update,
        ),
    },
)

# Mixed examples.

PARTNERS = np.asarray([1, 2, 0])
TARGETS = np.eye(4)[[0, 3, 1]]
for _array in (*BATCHES, SCALE, SHIFT, UNIFORMS, UPSTREAM, PARTNERS, TARGETS):
    _array.flags.writeable = False


def rows_are_mixed_one_by_one(mix):
    for array in (IMAGES, TARGETS, TARGETS[:, 0]):
        for share in (0.0, 0.3, 1.0):
            for partners in (PARTNERS, np.asarray([2, 2, 1])):
                rows = [share * array[i] + (1 - share) * array[j] for i, j in enumerate(partners)]
                close(mix(array, partners, share=share), rows)


def mixed_rows_keep_their_format(mix):
    for library, dtype in FORMATS:
        array, partners = make(library, dtype, TARGETS), make(library, dtype, PARTNERS)
        for share in (0.25, np.float64(0.25)):
            found = mix(array, partners, share=share)
            assert dtype_name(found) == dtype
            assert read(found).tolist() == mix(TARGETS, PARTNERS, share=0.25).tolist()


def partners_that_are_none_are_refused(mix):
    refused(
        ValueError,
        "partners: expected integers from 0 to 2, got 3",
        mix,
        TARGETS,
        PARTNERS + 1,
        share=0.5,
    )
    refused(ValueError, r"partners: expected shape \(3,\)", mix, TARGETS, PARTNERS[:2], share=0.5)
    refused(TypeError, "partners: expected an integer", mix, TARGETS, 1.0 * PARTNERS, share=0.5)
    refused(TypeError, "array: expected an array", mix, [1.0], PARTNERS, share=0.5)
    for bad in (-0.1, 1.5, math.nan):
        refused(ValueError, "share: expected a number", mix, TARGETS, PARTNERS, share=bad)


def _mixed(body):
    return after(regularizers.mix, body)


MIX = Helper(
    function=regularizers.mix,
    checks=(
        rows_are_mixed_one_by_one,
        mixed_rows_keep_their_format,
        partners_that_are_none_are_refused,
    ),
    mutants={
        "share swapped": _mixed(lambda a, p, *, share: regularizers.mix(a, p, share=1 - share)),
        "added": _mixed(lambda a, p, *, share: a + (1 - share) * a[p]),
        "with the row before": _mixed(
            lambda a, p, *, share: share * a + (1 - share) * np.roll(a, 1, axis=0)
        ),
        "the inverse permutation": _mixed(
            lambda a, p, *, share: regularizers.mix(a, np.argsort(p), share=share)
        ),
        "in float64": in_float64(regularizers.mix),
        "unchecked": forgiving(regularizers.mix, 0.0),
    },
)


def inputs_and_targets_are_mixed_alike(mixup):
    images, targets = mixup(IMAGES, TARGETS, PARTNERS, share=0.3)
    close(images, regularizers.mix(IMAGES, PARTNERS, share=0.3))
    close(targets, regularizers.mix(TARGETS, PARTNERS, share=0.3))
    close(targets.sum(axis=1), np.ones(3))


def its_cross_entropy_is_the_mixed_one(mixup):
    """Mixing the two labels' losses is the same as mixing the labels."""
    images, targets = mixup(INPUTS[:3], TARGETS, PARTNERS, share=0.3)
    own, theirs = (softmax_cross_entropy(images, t) for t in (TARGETS, TARGETS[PARTNERS]))
    close(softmax_cross_entropy(images, targets), 0.3 * own + 0.7 * theirs)


def batches_of_two_lengths_are_refused(mixup):
    refused(
        ValueError, "partners: expected shape", mixup, IMAGES, TARGETS[:2], PARTNERS % 2, share=0.5
    )
    refused(ValueError, "share: expected", mixup, IMAGES, TARGETS, PARTNERS, share=2)


def _mixup(inputs=regularizers.mix, targets=regularizers.mix):
    return after(
        regularizers.mixup,
        lambda x, y, p, *, share: (inputs(x, p, share=share), targets(y, p, share=share)),
    )


MIXUP = Helper(
    function=regularizers.mixup,
    checks=(
        inputs_and_targets_are_mixed_alike,
        its_cross_entropy_is_the_mixed_one,
        batches_of_two_lengths_are_refused,
    ),
    mutants={
        "targets not mixed": _mixup(targets=lambda y, p, *, share: y),
        "inputs not mixed": _mixup(inputs=lambda x, p, *, share: x),
        "targets the other way": _mixup(
            targets=lambda y, p, *, share: regularizers.mix(y, p, share=1 - share)
        ),
        "the larger share's target": _mixup(
            targets=lambda y, p, *, share: y if share >= 0.5 else y[p]
        ),
        "unchecked": forgiving(regularizers.mixup, (IMAGES, TARGETS)),
    },
)


def pixels_come_from_the_partner_within_the_box(cutmix):
    for x1, y1, x2, y2 in ((1, 0, 4, 1), (0, 0, 5, 2), (2, 1, 2, 2), (4, 1, 5, 2)):
        images, targets = cutmix(IMAGES, TARGETS, PARTNERS, box=(x1, y1, x2, y2))
        for i, j in enumerate(PARTNERS):
            expected = IMAGES[i].copy()
            expected[:, y1:y2, x1:x2] = IMAGES[j][:, y1:y2, x1:x2]
            assert images[i].tolist() == expected.tolist()
            share = 1 - (x2 - x1) * (y2 - y1) / 10
            close(targets[i], share * TARGETS[i] + (1 - share) * TARGETS[j])


def cut_images_keep_their_format(cutmix):
    for library, dtype in FORMATS:
        arrays = [make(library, dtype, a) for a in (IMAGES, TARGETS, PARTNERS)]
        images, targets = cutmix(*arrays, box=(1, 0, 4, 1))
        assert dtype_name(images) == dtype_name(targets) == dtype
        assert read(images)[0, 0, 0, 1] == read(arrays[0])[1, 0, 0, 1]
        assert read(arrays[0])[0].tolist() == read(make(library, dtype, IMAGES[0])).tolist()


def boxes_outside_are_refused(cutmix):
    for box in ((0, 0, 6, 1), (0, 0, 1, 3), (-1, 0, 1, 1), (3, 0, 1, 1)):
        message = "box: expected pixels within 5 by 2, got "
        refused(ValueError, message, cutmix, IMAGES, TARGETS, PARTNERS, box=box)
    box = (0, 0, 1, 1)
    refused(ValueError, "inputs: expected shape", cutmix, TARGETS, TARGETS, PARTNERS, box=box)
    refused(
        ValueError, "partners: expected integers", cutmix, IMAGES, TARGETS, PARTNERS + 1, box=box
    )


def _cut(share=lambda x, box: 1 - _area(box) / 10, box=lambda b: b, order=lambda x, p: (x, x[p])):
    def cutmix(inputs, targets, partners, *, box_):
        x1, y1, x2, y2 = box(box_)
        outer, inner = order(inputs, partners)
        images = outer.copy()
        images[:, :, y1:y2, x1:x2] = inner[:, :, y1:y2, x1:x2]
        return images, regularizers.mix(targets, partners, share=share(inputs, box_))

    return after(regularizers.cutmix, lambda x, y, p, *, box: cutmix(x, y, p, box_=box))


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


CUTMIX = Helper(
    function=regularizers.cutmix,
    checks=(
        pixels_come_from_the_partner_within_the_box,
        cut_images_keep_their_format,
        boxes_outside_are_refused,
    ),
    mutants={
        "share of the box": _cut(share=lambda x, box: _area(box) / 10),
        "rows and columns swapped": _cut(box=lambda b: (b[1], b[0], b[3], b[2])),
        "last pixel as well": _cut(box=lambda b: (b[0], b[1], b[2] + 1, b[3] + 1)),
        "share by the sides": _cut(share=lambda x, box: 1 - (_area(box) / 10) ** 0.5),
        "inside out": _cut(order=lambda x, p: (x[p], x)),
        "targets not mixed": _cut(share=lambda x, box: 1.0),
        "unchecked": forgiving(regularizers.cutmix, (IMAGES, TARGETS)),
    },
)

# Early stopping.


def run(early_stopping, losses, **named):
    """Return the states after each loss."""
    init, update = early_stopping(**named)
    states = [init()]
    for loss in losses:
        states.append(update(loss, states[-1]))
    return states[1:]


def stops_after_so_many_without_a_better_one(early_stopping):
    losses = [5.0, 4.0, 4.5, 3.0, 3.5, 3.2, 3.1, 1.0]
    for patience, stop in ((1, 2), (2, 5), (3, 6), (5, None)):
        states = run(early_stopping, losses, patience=patience)
        first = next((i for i, state in enumerate(states) if state.stop), None)
        assert first == stop
    assert states[6] == Progress(7, 3.0, 3, False)
    assert states[7] == Progress(8, 1.0, 7, False)


def small_gains_do_not_count(early_stopping):
    states = run(early_stopping, [5.0, 4.75, 4.5, 4.25], patience=3, min_delta=0.5)
    assert [(s.best, s.best_step) for s in states] == [(5.0, 0), (5.0, 0), (5.0, 0), (4.25, 3)]
    assert not states[3].stop
    assert [s.stop for s in run(early_stopping, [1.0] * 3, patience=2)] == [False, False, True]


def nan_is_never_better(early_stopping):
    states = run(early_stopping, [2.0, math.nan, math.nan], patience=2)
    assert states[-1] == Progress(3, 2.0, 0, True)
    assert run(early_stopping, [math.nan], patience=1)[0].stop


def losses_of_any_library_are_taken_and_states_kept(early_stopping):
    init, update = early_stopping(patience=2)
    state = init()
    for one in (np.float32(0.5), torch.tensor(0.5), np.asarray(0.5)):
        found = update(one, state)
        assert found == Progress(1, 0.5, 0, False)
        assert (type(found.best), type(found.stop)) == (float, bool)
    assert state == init() == Progress(0, math.inf, -1, False)


def patience_below_1_is_refused(early_stopping):
    for bad in (0, -1, math.nan):
        refused(ValueError, "patience: expected a number", early_stopping, patience=bad)
    refused(TypeError, "patience: expected a real", early_stopping, patience="1")
    refused(ValueError, "min_delta: expected", early_stopping, patience=1, min_delta=-0.1)


def _stopper(better=lambda loss, s, delta: loss < s.best - delta, stop=lambda s, p: s.stop):
    def early_stopping(*, patience, min_delta=0.0):
        init, _ = regularizers.early_stopping(patience=patience, min_delta=min_delta)

        def update(loss, state):
            count, best, at, _ = state
            if better(loss, state, min_delta):
                best, at = float(loss), count
            new = Progress(count + 1, best, at, count - at >= patience)
            return new._replace(stop=bool(stop(new, patience)))

        return Tracker(init, update)

    return early_stopping


def _remembering(*, patience, min_delta=0.0):
    init, update = regularizers.early_stopping(patience=patience, min_delta=min_delta)
    memory = {}

    def changed(loss, state):
        memory["state"] = update(loss, memory.get("state", state))
        return memory["state"]

    return Tracker(init, changed)


EARLY_STOPPING = Helper(
    function=regularizers.early_stopping,
    checks=(
        stops_after_so_many_without_a_better_one,
        small_gains_do_not_count,
        nan_is_never_better,
        losses_of_any_library_are_taken_and_states_kept,
        patience_below_1_is_refused,
    ),
    mutants={
        "higher is better": _stopper(better=lambda loss, s, d: loss > s.best + d),
        "as good is better": _stopper(better=lambda loss, s, d: loss <= s.best - d),
        "delta left out": _stopper(better=lambda loss, s, d: loss < s.best),
        "delta added": _stopper(better=lambda loss, s, d: loss < s.best + d),
        "NaN is better": _stopper(better=lambda loss, s, d: not loss >= s.best - d),
        "one too late": _stopper(stop=lambda s, p: s.count - 1 - s.best_step > p),
        "one too early": _stopper(stop=lambda s, p: s.count - s.best_step >= p),
        "keeps its state": _remembering,
        "unchecked": lambda *, patience, min_delta=0.0: regularizers.early_stopping(
            patience=patience if isinstance(patience, int) and patience > 0 else 1,
            min_delta=max(min_delta, 0.0),
        ),
    },
)

HELPERS = (
    L1,
    L1_GRAD,
    L2,
    L2_GRAD,
    ELASTIC_NET,
    ELASTIC_NET_GRAD,
    GROUP_LASSO,
    GROUP_LASSO_GRAD,
    SOFT_THRESHOLD,
    DROPOUT,
    DROPOUT_GRAD,
    BATCH_NORM,
    BATCH_NORM_GRAD,
    RUNNING_STATISTICS,
    MIX,
    MIXUP,
    CUTMIX,
    EARLY_STOPPING,
)


def test_every_public_function_is_held():
    held = {helper.name for helper in HELPERS} | {"Progress", "Statistics", "Tracker"}
    assert held == set(regularizers.__all__)


@pytest.mark.parametrize(
    ("helper", "check"),
    [pytest.param(h, c, id=f"{h.name}-{c.__name__}") for h in HELPERS for c in h.checks],
)
def test_regularizers(helper, check):
    check(helper.function)


@pytest.mark.parametrize("helper", HELPERS, ids=lambda helper: helper.name)
def test_mutants_are_rejected(request, helper):
    mutants = [Mutant(name, function) for name, function in helper.mutants.items()]
    table = f"regularizers {helper.name}"
    assert_rejected(request, helper.name, helper.checks, mutants, table=table)
