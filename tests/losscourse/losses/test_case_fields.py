"""The fields of a Case that few losses need, each on a toy loss that is easily seen to be right."""

from collections.abc import Callable

import array_api_compat
import mpmath
import numpy as np
import pytest
import torch

from losscourse import stable
from losscourse.arrays import Array, check_axes, real_namespace
from tests.losscourse.losses.case import Case, Identity, Wrong
from tests.losscourse.losses.suites import SUITES, compiles_whole
from tests.losscourse.mutants import rejecting


def draw_pairs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of vectors of three numbers, small enough for products in float16."""
    scale = min(scale, 3.0)
    return scale * rng.normal(size=(n, 3)), scale * rng.normal(size=(n, 3))


def dot(left: Array, right: Array) -> Array:
    """Return the negative inner product of each pair."""
    xp = real_namespace(left=left, right=right)
    check_axes("N D, N D", left=left, right=right)
    return -xp.sum(left * right, axis=-1)


def dot_grad(left: Array, right: Array) -> tuple[Array, Array]:
    """Return its derivatives by both arguments."""
    real_namespace(left=left, right=right)
    check_axes("N D, N D", left=left, right=right)
    return -right, -left


def exact_dot(left: list, right: list) -> object:
    """Return the negative inner product in mpmath."""
    return -mpmath.fsum(a * b for a, b in zip(left, right, strict=True))


BY_TWO = Case(
    loss=dot,
    gradient=dot_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=("NumPy einsum", lambda left, right: -np.einsum("nd,nd->n", left, right)),
    exact=exact_dot,
    any_leading_axes=False,
    by=2,
    rounding=50.0,
    identities=(Identity("by hand", lambda loss: (loss(np.eye(2), np.eye(2)), [-1.0, -1.0])),),
    wrongs=(
        Wrong("sign", "loss", lambda left, right: -dot(left, right)),
        Wrong("swapped", "gradient", lambda left, right: (-left, -right)),
        Wrong("one alone", "gradient", lambda left, right: -right),
        Wrong("second of the sign", "gradient", lambda left, right: (-right, left)),
    ),
    without={
        "minimiser_is_the_statistic": "unbounded below",
        "limits_are_declared": "none worth it",
    },
)


def in_batch(left: Array, right: Array) -> Array:
    """Return the cross-entropy of each left vector with its own right one among all."""
    xp = real_namespace(left=left, right=right)
    check_axes("N D, N D", left=left, right=right)
    scores = left @ right.T
    own = xp.sum(left * right, axis=-1)
    return stable.log_sum_exp(scores) - own


def exact_in_batch(left: list, right: list) -> list:
    """Return the losses of a batch in mpmath."""
    dots = [[-exact_dot(a, b) for b in right] for a in left]
    return [mpmath.log(mpmath.fsum(map(mpmath.exp, row))) - row[i] for i, row in enumerate(dots)]


def scipy_in_batch(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return torch's cross-entropy of the scores."""
    scores = torch.as_tensor(left) @ torch.as_tensor(right).T
    own = torch.arange(len(scores))
    return torch.nn.functional.cross_entropy(scores, own, reduction="none").numpy()


def in_batch_grad(left: Array, right: Array) -> tuple[Array, Array]:
    """Return the derivatives of the summed loss by both arguments."""
    xp = real_namespace(left=left, right=right)
    check_axes("N D, N D", left=left, right=right)
    device = array_api_compat.device(left)
    slopes = stable.softmax(left @ right.T) - xp.eye(left.shape[0], dtype=left.dtype, device=device)
    return slopes @ right, slopes.T @ left


COUPLED = Case(
    loss=in_batch,
    gradient=in_batch_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=("torch cross_entropy", scipy_in_batch),
    exact=exact_in_batch,
    any_leading_axes=False,
    by=2,
    coupled=True,
    batches=(1, 3),
    rounding=50.0,
    identities=(Identity("one alone", lambda loss: (loss(np.ones((1, 2)), np.ones((1, 2))), [0])),),
    wrongs=(
        Wrong("own score left out", "loss", lambda left, right: in_batch(left, right) * 2),
        Wrong(
            "by the left alone",
            "gradient",
            lambda left, right: (in_batch_grad(left, right)[0],) * 2,
        ),
    ),
    without={
        "minimiser_is_the_statistic": "no target",
        "limits_are_declared": "none worth it",
    },
)


def scored(logits: Array, log_priors: Array) -> Array:
    """Return the log-sum-exp of each row of logits, shifted by priors that all rows share."""
    real_namespace(logits=logits, log_priors=log_priors)
    check_axes("... K, K", logits=logits, log_priors=log_priors)
    return stable.log_sum_exp(logits + log_priors)


def scored_grad(logits: Array, log_priors: Array) -> Array:
    """Return its derivative by the logits."""
    real_namespace(logits=logits, log_priors=log_priors)
    check_axes("... K, K", logits=logits, log_priors=log_priors)
    return stable.softmax(logits + log_priors)


PRIORS = np.log([0.5, 0.25, 0.25])

SHARED = Case(
    loss=scored,
    gradient=scored_grad,
    settings=({},),
    draw=lambda rng, n, scale: (scale * rng.normal(size=(n, 3)), PRIORS),
    oracle=("NumPy logaddexp", lambda z, prior: np.logaddexp.reduce(z + prior, axis=-1)),
    exact=lambda z, prior: mpmath.log(
        mpmath.fsum(mpmath.exp(a + b) for a, b in zip(z, prior, strict=True))
    ),
    shared=("log_priors",),
    rounding=1e5,
    identities=(Identity("of 0", lambda loss: (loss(np.zeros((1, 3)), PRIORS), [0.0])),),
    wrongs=(
        Wrong("priors left out", "loss", lambda z, prior: stable.log_sum_exp(z)),
        Wrong("priors left out", "gradient", lambda z, prior: stable.softmax(z)),
    ),
    without={
        "minimiser_is_the_statistic": "no target",
        "limits_are_declared": "none worth it",
    },
)


def cubed(x: Array) -> Array:
    """Return |x|³ by torch's own power, without a gradient beside it."""
    real_namespace(x=x)
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x: expected a torch tensor, got {type(x).__name__}")
    return torch.abs(x) ** 3


TORCH_ONLY = Case(
    loss=cubed,
    gradient=None,
    settings=({},),
    draw=lambda rng, n, scale: (min(scale, 3.0) * rng.normal(size=n),),
    oracle=("NumPy", lambda x: np.abs(x * x * x)),
    exact=lambda x: abs(x) ** 3,
    torch_only=True,
    limits=lambda: (),
    identities=(),
    wrongs=(Wrong("sign kept", "loss", lambda x: x**3),),
    without={
        "minimiser_is_the_statistic": "no target",
        "limits_are_declared": "none worth it",
    },
)

TOYS = pytest.mark.parametrize(
    "case", [BY_TWO, COUPLED, SHARED, TORCH_ONLY], ids=lambda case: case.name
)


def applicable(case: Case) -> list[Callable[[Case], None]]:
    """Return the suites that a toy goes through."""
    return [s for s in (*SUITES, compiles_whole) if s.__name__ not in case.left_out]


@TOYS
def test_a_right_toy_passes(case):
    for suite in applicable(case):
        if suite is not compiles_whole:
            suite(case)


@TOYS
@pytest.mark.slow
def test_a_right_toy_compiles_whole(case):
    assert compiles_whole in applicable(case)
    compiles_whole(case)


@TOYS
def test_each_wrong_toy_is_rejected(case):
    for wrong in (*case.wrongs, *case.common_wrongs):
        suites = [suite for suite in applicable(case) if suite is not compiles_whole]  # slow
        assert rejecting(suites, case.mutated(wrong)), wrong.name


def test_what_is_left_out_follows_from_the_fields():
    assert {"batch_equals_loop", "mask_equals_indexing"} <= set(COUPLED.left_out)
    assert "batch_equals_loop" not in BY_TWO.left_out
    assert {"matches_exact_gradient", "libraries_agree"} <= set(TORCH_ONLY.left_out)
    assert "rejects_wrong_values" in SHARED.left_out


def test_one_gradient_for_two_arguments_is_found():
    wrong = BY_TWO.mutated(BY_TWO.wrongs[2])
    assert "gradient_matches_autograd" in rejecting(SUITES, wrong)


def test_a_coupled_loss_that_hides_nan_is_found():
    hidden = Wrong(
        "hidden", "loss", lambda left, right: np.nan_to_num(in_batch(left, right), nan=0)
    )
    assert "nan_stays_visible" in rejecting(SUITES, COUPLED.mutated(hidden))
