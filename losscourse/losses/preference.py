r"""Losses from preferences: which of two answers is better, or how good is one in its group?

A policy is compared through its log-probabilities of whole answers: each is the sum over the
answer's tokens, or, where a name says `mean`, the sum divided by their number. A reference policy's
log-probabilities and the advantages are held constant: autograd takes nothing through them. In the
formulas `r = log_probs - reference_log_probs` is the log-ratio of policy and reference.

Where a gradient is by two arguments, it is a tuple in their order.
"""

from typing import Any

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    Array,
    Interval,
    check_axes,
    check_in,
    check_signs,
    check_values,
    float_namespace,
    real_namespace,
    stop_gradient,
)
from losscourse.losses.policy import ppo_clip, ppo_clip_grad

__all__ = [
    "bradley_terry",
    "bradley_terry_grad",
    "dpo",
    "dpo_grad",
    "group_centred_advantages",
    "group_relative_advantages",
    "grpo",
    "grpo_grad",
    "ipo",
    "ipo_grad",
    "kto",
    "kto_grad",
    "orpo",
    "orpo_grad",
    "simpo",
    "simpo_grad",
]

_BELOW_ZERO = Interval(-float("inf"), 0)


def bradley_terry(chosen_rewards: Array, rejected_rewards: Array) -> Array:
    r"""Return the loss of a reward model for each pair of answers: is the better one ranked higher?

    Formula: $-\log \sigma(c - d)$, where c is the reward of the chosen answer, d that of the
    rejected one: the negative log-probability that the first wins.

    Args:
        chosen_rewards: Floats of any shape.
        rejected_rewards: Floats of the shape and dtype of `chosen_rewards`.

    Returns:
        Array of the shape and dtype of `chosen_rewards`, in nats; at least 0, log 2 where the two
        rewards are equal.

    Gradient:
        $-\sigma(d - c)$ by the chosen reward and $+\sigma(d - c)$ by the rejected one; see
        `bradley_terry_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        See `stable.softplus`: the logarithm of the sigmoid is never taken.

    Convention:
        `-torch.nn.functional.logsigmoid(chosen_rewards - rejected_rewards)`. Only differences
        count: rewards are known up to a constant.

    Example:
        >>> import numpy as np
        >>> bradley_terry(np.asarray([1.0, 3.0]), np.asarray([1.0, -97.0])).round(4).tolist()
        [0.6931, 0.0]

    Reference:
        Bradley and Terry (1952), Rank Analysis of Incomplete Block Designs; Ouyang et al. (2022),
        Training Language Models to Follow Instructions with Human Feedback.
    """
    float_namespace(chosen_rewards=chosen_rewards, rejected_rewards=rejected_rewards)
    return stable.softplus(rejected_rewards - chosen_rewards)


def bradley_terry_grad(chosen_rewards: Array, rejected_rewards: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `bradley_terry` by the two rewards.

    Formula: $-\sigma(d - c)$ and $+\sigma(d - c)$, where c is the chosen reward and d the rejected
    one: the probability that the wrong one wins.

    Args:
        chosen_rewards: Floats of any shape.
        rejected_rewards: Floats of the shape and dtype of `chosen_rewards`.

    Returns:
        Two arrays of the shape and dtype of `chosen_rewards`; in [-1, 0] and in [0, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> chosen, rejected = bradley_terry_grad(np.asarray([1.0]), np.asarray([1.0]))
        >>> chosen.tolist(), rejected.tolist()
        ([-0.5], [0.5])
    """
    float_namespace(chosen_rewards=chosen_rewards, rejected_rewards=rejected_rewards)
    wrong = stable.sigmoid(rejected_rewards - chosen_rewards)
    return -wrong, wrong


def dpo(
    chosen_log_probs: Array,
    rejected_log_probs: Array,
    reference_chosen_log_probs: Array,
    reference_rejected_log_probs: Array,
    *,
    beta: float = 0.1,
) -> Array:
    r"""Return the loss of direct preference optimisation for each pair of answers.

    Formula: $-\log \sigma(\beta (r_c - r_d))$, where $r_c$ and $r_d$ are the log-ratios of policy
    and reference for the chosen and the rejected answer. It is `bradley_terry` with the rewards
    $\beta r$.

    Args:
        chosen_log_probs: Floats of any shape: the policy's, of whole answers.
        rejected_log_probs: Floats of the shape and dtype of `chosen_log_probs`.
        reference_chosen_log_probs: The same of the reference policy; held constant.
        reference_rejected_log_probs: The same of the reference policy; held constant.
        beta: How strongly the policy is held to its reference; positive.

    Returns:
        Array of the shape and dtype of `chosen_log_probs`, in nats; at least 0, log 2 where policy
        and reference are equal.

    Gradient:
        $-\beta\,\sigma(-\beta (r_c - r_d))$ by the chosen log-probability and its opposite by the
        rejected one; see `dpo_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `beta`
            is no number.
        ValueError: The shapes differ, or `beta` is not positive.

    Numerics:
        See `stable.softplus`. The log-ratios are formed first: log-probabilities of long answers
        are large, and the policy stays near its reference.

    Convention:
        Sums of log-probabilities over the tokens of an answer, not means. Both log-probabilities
        may fall together: only their difference counts.

    Example:
        >>> import numpy as np
        >>> chosen, rejected = np.asarray([-10.0]), np.asarray([-40.0])
        >>> dpo(chosen, rejected, np.asarray([-20.0]), np.asarray([-30.0])).round(4).tolist()
        [0.1269]

    Reference:
        Rafailov et al. (2023), Direct Preference Optimization: Your Language Model is Secretly a
        Reward Model.
    """
    beta = check_in(POSITIVE, beta=beta)
    log_odds_against = -beta * _log_ratio_gap(
        chosen_log_probs,
        rejected_log_probs,
        reference_chosen_log_probs,
        reference_rejected_log_probs,
    )
    return stable.softplus(log_odds_against)


def dpo_grad(
    chosen_log_probs: Array,
    rejected_log_probs: Array,
    reference_chosen_log_probs: Array,
    reference_rejected_log_probs: Array,
    *,
    beta: float = 0.1,
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `dpo` by the policy's two log-probabilities.

    Formula: $-\beta\,\sigma(-\beta (r_c - r_d))$ and its opposite, where r are the log-ratios of
    policy and reference.

    Args:
        chosen_log_probs: Floats of any shape.
        rejected_log_probs: Floats of the shape and dtype of `chosen_log_probs`.
        reference_chosen_log_probs: The same of the reference policy.
        reference_rejected_log_probs: The same of the reference policy.
        beta: How strongly the policy is held to its reference; positive.

    Returns:
        Two arrays of the shape and dtype of `chosen_log_probs`; in [-beta, 0] and in [0, beta].

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `beta`
            is no number.
        ValueError: The shapes differ, or `beta` is not positive.

    Example:
        >>> import numpy as np
        >>> same = np.asarray([-10.0])
        >>> chosen, rejected = dpo_grad(same, same, same, same, beta=0.5)
        >>> chosen.tolist(), rejected.tolist()
        ([-0.25], [0.25])
    """
    beta = check_in(POSITIVE, beta=beta)
    log_odds_against = -beta * _log_ratio_gap(
        chosen_log_probs,
        rejected_log_probs,
        reference_chosen_log_probs,
        reference_rejected_log_probs,
    )
    pull = beta * stable.sigmoid(log_odds_against)
    return -pull, pull


def _log_ratio_gap(
    chosen_log_probs: Array,
    rejected_log_probs: Array,
    reference_chosen_log_probs: Array,
    reference_rejected_log_probs: Array,
) -> Array:
    """Check four arrays of one shape; return the difference of the two log-ratios."""
    float_namespace(
        chosen_log_probs=chosen_log_probs,
        rejected_log_probs=rejected_log_probs,
        reference_chosen_log_probs=reference_chosen_log_probs,
        reference_rejected_log_probs=reference_rejected_log_probs,
    )
    chosen = chosen_log_probs - stop_gradient(reference_chosen_log_probs)
    return chosen - (rejected_log_probs - stop_gradient(reference_rejected_log_probs))


def ipo(
    chosen_log_probs: Array,
    rejected_log_probs: Array,
    reference_chosen_log_probs: Array,
    reference_rejected_log_probs: Array,
    *,
    tau: float = 0.1,
) -> Array:
    r"""Return the loss of identity preference optimisation for each pair of answers.

    Formula: $\left(r_c - r_d - \frac{1}{2\tau}\right)^2$, where $r_c$ and $r_d$ are the log-ratios
    of policy and reference for the chosen and the rejected answer. The gap is drawn to
    $1/(2\tau)$, and no further: `dpo` never stops widening it.

    Args:
        chosen_log_probs: Floats of any shape: the policy's, of whole answers.
        rejected_log_probs: Floats of the shape and dtype of `chosen_log_probs`.
        reference_chosen_log_probs: The same of the reference policy; held constant.
        reference_rejected_log_probs: The same of the reference policy; held constant.
        tau: How strongly the policy is held to its reference; positive.

    Returns:
        Array of the shape and dtype of `chosen_log_probs`, without unit; at least 0.

    Gradient:
        $2\,(r_c - r_d - \frac{1}{2\tau})$ by the chosen log-probability and its opposite by the
        rejected one; see `ipo_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `tau`
            is no number.
        ValueError: The shapes differ, or `tau` is not positive.

    Numerics:
        The square overflows 255 from the goal in float16.

    Convention:
        Sums of log-probabilities over the tokens of an answer, as in the paper; some libraries
        take means.

    Example:
        >>> import numpy as np
        >>> same = np.asarray([-10.0])
        >>> ipo(same, same, same, same, tau=0.25).tolist()
        [4.0]

    Reference:
        Azar et al. (2024), A General Theoretical Paradigm to Understand Learning from Human
        Preferences.
    """
    tau = check_in(POSITIVE, tau=tau)
    gap = _log_ratio_gap(
        chosen_log_probs,
        rejected_log_probs,
        reference_chosen_log_probs,
        reference_rejected_log_probs,
    )
    miss = gap - 1 / (2 * tau)
    return miss * miss


def ipo_grad(
    chosen_log_probs: Array,
    rejected_log_probs: Array,
    reference_chosen_log_probs: Array,
    reference_rejected_log_probs: Array,
    *,
    tau: float = 0.1,
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `ipo` by the policy's two log-probabilities.

    Formula: $2\,(r_c - r_d - \frac{1}{2\tau})$ and its opposite, where r are the log-ratios of
    policy and reference.

    Args:
        chosen_log_probs: Floats of any shape.
        rejected_log_probs: Floats of the shape and dtype of `chosen_log_probs`.
        reference_chosen_log_probs: The same of the reference policy.
        reference_rejected_log_probs: The same of the reference policy.
        tau: How strongly the policy is held to its reference; positive.

    Returns:
        Two arrays of the shape and dtype of `chosen_log_probs`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `tau`
            is no number.
        ValueError: The shapes differ, or `tau` is not positive.

    Example:
        >>> import numpy as np
        >>> same = np.asarray([-10.0])
        >>> chosen, rejected = ipo_grad(same, same, same, same, tau=0.25)
        >>> chosen.tolist(), rejected.tolist()
        ([-4.0], [4.0])
    """
    tau = check_in(POSITIVE, tau=tau)
    gap = _log_ratio_gap(
        chosen_log_probs,
        rejected_log_probs,
        reference_chosen_log_probs,
        reference_rejected_log_probs,
    )
    pull = 2 * (1 / (2 * tau) - gap)
    return -pull, pull


def kto(
    log_probs: Array,
    reference_log_probs: Array,
    signs: Array,
    divergences: Array,
    *,
    beta: float = 0.1,
) -> Array:
    r"""Return the Kahneman-Tversky loss of each answer: was it desirable, compared with the usual?

    Formula: $\sigma(-m)$ with $m = s\,\beta\,(r - z)$, where r is the log-ratio of policy and
    reference, z the divergence that stands for the usual log-ratio, and s the sign.

    Args:
        log_probs: Floats of any shape: the policy's, of whole answers.
        reference_log_probs: Floats of the shape and dtype of `log_probs`; held constant.
        signs: Floats of the shape and dtype of `log_probs`: 1 desirable, -1 undesirable.
        divergences: Floats of the shape and dtype of `log_probs`, at least 0: an estimate of the
            policy's divergence from its reference, one number for the whole batch as a rule, such
            as the mean log-ratio of mismatched answers, cut off at 0; held constant.
        beta: How strongly the policy is held to its reference; positive.

    Returns:
        Array of the shape and dtype of `log_probs`, without unit; from 0 to 1.

    Gradient:
        $-s\,\beta\,\sigma(m)\,\sigma(-m)$; see `kto_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `beta`
            is no number.
        ValueError: The shapes do not fit, a sign is neither -1 nor 1, a divergence is negative,
            or `beta` is not positive.

    Numerics:
        See `stable.sigmoid`.

    Convention:
        The paper's $\lambda_y - v$ with both weights $\lambda$ at 1; other weights of desirable and
        undesirable answers are weights of the mean, in `reduce`. The loss is bounded: the gradient
        of a hopeless answer fades, as that of a perfect one does.

    Example:
        >>> import numpy as np
        >>> log_ratios, signs = np.asarray([10.0, 30.0]), np.asarray([1.0, -1.0])
        >>> kto(log_ratios, np.zeros(2), signs, np.full(2, 10.0)).round(4).tolist()
        [0.5, 0.8808]

    Reference:
        Ethayarajh et al. (2024), KTO: Model Alignment as Prospect Theoretic Optimization.
    """
    return stable.sigmoid(
        -_kto_margins(log_probs, reference_log_probs, signs, divergences, beta)[2]
    )


def kto_grad(
    log_probs: Array,
    reference_log_probs: Array,
    signs: Array,
    divergences: Array,
    *,
    beta: float = 0.1,
) -> Array:
    r"""Return the derivative of the summed `kto` by the policy's log-probabilities.

    Formula: $-s\,\beta\,\sigma(m)\,\sigma(-m)$ with $m = s\,\beta\,(r - z)$, where r is the
    log-ratio of policy and reference, z the divergence and s the sign.

    Args:
        log_probs: Floats of any shape.
        reference_log_probs: Floats of the shape and dtype of `log_probs`.
        signs: Floats of the shape and dtype of `log_probs`: 1 desirable, -1 undesirable.
        divergences: Floats of the shape and dtype of `log_probs`, at least 0.
        beta: How strongly the policy is held to its reference; positive.

    Returns:
        Array of the shape and dtype of `log_probs`; in [-beta/4, beta/4].

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `beta`
            is no number.
        ValueError: The shapes do not fit, a sign is neither -1 nor 1, a divergence is negative,
            or `beta` is not positive.

    Example:
        >>> import numpy as np
        >>> log_ratios, signs = np.asarray([10.0, 10.0]), np.asarray([1.0, -1.0])
        >>> kto_grad(log_ratios, np.zeros(2), signs, np.full(2, 10.0), beta=1.0).tolist()
        [-0.25, 0.25]
    """
    xp, beta, margins = _kto_margins(log_probs, reference_log_probs, signs, divergences, beta)
    smaller = xp.exp(-xp.abs(margins))
    return -beta * signs * smaller / (1 + smaller) / (1 + smaller)


def _kto_margins(
    log_probs: Array, reference_log_probs: Array, signs: Array, divergences: Array, beta: float
) -> tuple[Any, float, Array]:
    """Check the arguments; return their namespace, beta and the margins."""
    xp = float_namespace(
        log_probs=log_probs,
        reference_log_probs=reference_log_probs,
        signs=signs,
        divergences=divergences,
    )
    check_signs(signs=signs)
    check_values(NON_NEGATIVE, divergences=divergences)
    beta = check_in(POSITIVE, beta=beta)
    log_ratios = log_probs - stop_gradient(reference_log_probs)
    return xp, beta, beta * signs * (log_ratios - stop_gradient(divergences))


def orpo(
    chosen_mean_log_probs: Array, rejected_mean_log_probs: Array, *, weight: float = 0.1
) -> Array:
    r"""Return the loss of odds-ratio preference optimisation for each pair of answers.

    Formula: $-\log p - \lambda \log \sigma\left(\log\frac{p}{1 - p} - \log\frac{q}{1 - q}\right)$,
    where p and q are the exponentials of the mean log-probabilities of the chosen and the rejected
    answer, and $\lambda$ is `weight`: the fit to the chosen answer, and the odds of it against the
    other. No reference policy is needed.

    Args:
        chosen_mean_log_probs: Floats of any shape, below 0: per token, the policy's.
        rejected_mean_log_probs: Floats of the shape and dtype of `chosen_mean_log_probs`, below 0.
        weight: The weight of the odds ratio; positive.

    Returns:
        Array of the shape and dtype of `chosen_mean_log_probs`, in nats; at least 0. A
        certainty, of log-probability 0, is refused: its odds are infinite.

    Gradient:
        $-1 - \lambda\,\sigma(-d)/(1 - p)$ by the chosen mean log-probability and
        $\lambda\,\sigma(-d)/(1 - q)$ by the rejected one, where d is the logarithm of the odds
        ratio; see `orpo_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `weight` is no number.
        ValueError: The two shapes differ, a log-probability is not below 0, or `weight` is not
            positive.

    Numerics:
        See `stable.log1mexp` and `stable.softplus`: 1 - p cancels where p is near 1.

    Convention:
        Means of log-probabilities over the tokens of an answer. With sums the odds of every long
        answer would be 0.

    Example:
        >>> import numpy as np
        >>> half = np.log(np.asarray([0.5]))
        >>> orpo(half, half, weight=1.0).round(4).tolist()
        [1.3863]

    Reference:
        Hong et al. (2024), ORPO: Monolithic Preference Optimization without Reference Model.
    """
    weight = check_in(POSITIVE, weight=weight)
    _check_mean_log_probs(chosen_mean_log_probs, rejected_mean_log_probs)
    odds = _log_odds(chosen_mean_log_probs) - _log_odds(rejected_mean_log_probs)
    return weight * stable.softplus(-odds) - chosen_mean_log_probs


def orpo_grad(
    chosen_mean_log_probs: Array, rejected_mean_log_probs: Array, *, weight: float = 0.1
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `orpo` by the two mean log-probabilities.

    Formula: $-1 - \lambda\,\sigma(-d)/(1 - p)$ and $\lambda\,\sigma(-d)/(1 - q)$, where d is the
    logarithm of the odds ratio, p and q are the exponentials of the arguments, and $\lambda$ is
    `weight`.

    Args:
        chosen_mean_log_probs: Floats of any shape, below 0.
        rejected_mean_log_probs: Floats of the shape and dtype of `chosen_mean_log_probs`, below 0.
        weight: The weight of the odds ratio; positive.

    Returns:
        Two arrays of the shape and dtype of `chosen_mean_log_probs`; at most -1, and at least 0.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `weight` is no number.
        ValueError: The two shapes differ, a log-probability is not below 0, or `weight` is not
            positive.

    Example:
        >>> import numpy as np
        >>> half = np.log(np.asarray([0.5]))
        >>> chosen, rejected = orpo_grad(half, half, weight=1.0)
        >>> chosen.round(4).tolist(), rejected.round(4).tolist()
        ([-2.0], [1.0])
    """
    weight = check_in(POSITIVE, weight=weight)
    xp = _check_mean_log_probs(chosen_mean_log_probs, rejected_mean_log_probs)
    miss, other_miss = -xp.expm1(chosen_mean_log_probs), -xp.expm1(rejected_mean_log_probs)
    # The sigmoid of -d is miss / total: its fraction is reduced, lest 0 be divided by 0.
    total = miss + xp.exp(chosen_mean_log_probs - rejected_mean_log_probs) * other_miss
    return -1 - weight / total, weight * (miss / total) / other_miss


def _check_mean_log_probs(chosen_mean_log_probs: Array, rejected_mean_log_probs: Array) -> Any:
    """Check two arrays of one shape with logarithms of probabilities; return the namespace."""
    arrays = {
        "chosen_mean_log_probs": chosen_mean_log_probs,
        "rejected_mean_log_probs": rejected_mean_log_probs,
    }
    xp = float_namespace(**arrays)
    check_values(_BELOW_ZERO, **arrays)
    return xp


def _log_odds(log_probs: Array) -> Array:
    return log_probs - stable.log1mexp(log_probs)


def simpo(
    chosen_mean_log_probs: Array,
    rejected_mean_log_probs: Array,
    *,
    beta: float = 2.0,
    margin: float = 1.0,
) -> Array:
    r"""Return the loss of simple preference optimisation for each pair of answers.

    Formula: $-\log \sigma(\beta (c - d) - \gamma)$, where c and d are the mean log-probabilities
    of the chosen and the rejected answer and $\gamma$ is `margin`. No reference policy is needed.

    Args:
        chosen_mean_log_probs: Floats of any shape: per token, the policy's.
        rejected_mean_log_probs: Floats of the shape and dtype of `chosen_mean_log_probs`.
        beta: The scale of the reward; positive.
        margin: By how much the chosen reward should exceed the other; at least 0.

    Returns:
        Array of the shape and dtype of `chosen_mean_log_probs`, in nats; at least 0.

    Gradient:
        $-\beta\,\sigma(\gamma - \beta (c - d))$ by the chosen mean log-probability and its opposite
        by the rejected one; see `simpo_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The two shapes differ, or a hyperparameter is out of its range.

    Numerics:
        See `stable.softplus`.

    Convention:
        Means of log-probabilities over the tokens of an answer, so that a long answer is neither
        favoured nor hurt by its length.

    Example:
        >>> import numpy as np
        >>> chosen, rejected = np.asarray([-1.0]), np.asarray([-1.5])
        >>> simpo(chosen, rejected, beta=2.0, margin=1.0).round(4).tolist()
        [0.6931]

    Reference:
        Meng et al. (2024), SimPO: Simple Preference Optimization with a Reference-Free Reward.
    """
    return stable.softplus(
        -_simpo_margin(chosen_mean_log_probs, rejected_mean_log_probs, beta, margin)[1]
    )


def simpo_grad(
    chosen_mean_log_probs: Array,
    rejected_mean_log_probs: Array,
    *,
    beta: float = 2.0,
    margin: float = 1.0,
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `simpo` by the two mean log-probabilities.

    Formula: $-\beta\,\sigma(\gamma - \beta (c - d))$ and its opposite, where c and d are the mean
    log-probabilities of the chosen and the rejected answer and $\gamma$ is `margin`.

    Args:
        chosen_mean_log_probs: Floats of any shape.
        rejected_mean_log_probs: Floats of the shape and dtype of `chosen_mean_log_probs`.
        beta: The scale of the reward; positive.
        margin: By how much the chosen reward should exceed the other; at least 0.

    Returns:
        Two arrays of the shape and dtype of `chosen_mean_log_probs`; in [-beta, 0] and in
        [0, beta].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The two shapes differ, or a hyperparameter is out of its range.

    Example:
        >>> import numpy as np
        >>> chosen, rejected = simpo_grad(np.asarray([-1.0]), np.asarray([-1.5]))
        >>> chosen.tolist(), rejected.tolist()
        ([-1.0], [1.0])
    """
    beta, gap = _simpo_margin(chosen_mean_log_probs, rejected_mean_log_probs, beta, margin)
    pull = beta * stable.sigmoid(-gap)
    return -pull, pull


def _simpo_margin(
    chosen_mean_log_probs: Array, rejected_mean_log_probs: Array, beta: float, margin: float
) -> tuple[float, Array]:
    """Check the arguments; return beta and by how much the reward's gap exceeds the margin."""
    float_namespace(
        chosen_mean_log_probs=chosen_mean_log_probs,
        rejected_mean_log_probs=rejected_mean_log_probs,
    )
    beta = check_in(POSITIVE, beta=beta)
    margin = check_in(NON_NEGATIVE, margin=margin)
    return beta, beta * (chosen_mean_log_probs - rejected_mean_log_probs) - margin


def grpo(
    log_probs: Array,
    old_log_probs: Array,
    reference_log_probs: Array,
    advantages: Array,
    *,
    clip: float = 0.2,
    beta: float = 0.04,
) -> Array:
    r"""Return the loss of each token in group relative policy optimisation.

    Formula: $C + \beta\,(e^{x} - 1 - x)$ with $x = \log q - \log p$, where C is `ppo_clip`, p is
    the token's probability under the policy and q under the reference. The second term estimates
    the divergence of the policy from its reference without bias, and is never negative.

    Args:
        log_probs: Floats of any shape: the policy's, of the tokens that were drawn.
        old_log_probs: Floats of the shape and dtype of `log_probs`, as recorded when the tokens
            were drawn; held constant.
        reference_log_probs: Floats of the shape and dtype of `log_probs`; held constant.
        advantages: Floats of the shape and dtype of `log_probs`: to each token that of its answer,
            such as `group_relative_advantages` gives; held constant.
        clip: By how much the ratio may differ from 1 to the policy's gain, in (0, 1).
        beta: The weight of the divergence; at least 0.

    Returns:
        Array of the shape and dtype of `log_probs`, without unit.

    Gradient:
        $C' + \beta\,(1 - e^{x})$ with the gradient $C'$ of `ppo_clip`; see `grpo_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, or a hyperparameter is out of its range.

    Numerics:
        $e^x - 1$ cancels near the reference; `expm1` does not.

    Convention:
        The mean is a choice of its own, made in `reduce`: the paper takes `sequence_mean`, in
        which a token of a long answer counts less; `token_mean` weighs all tokens alike; and
        `fixed_length_mean`, with `group_centred_advantages`, is Dr. GRPO.

    Example:
        >>> import numpy as np
        >>> same, advantages = np.zeros(2), np.asarray([1.0, -1.0])
        >>> grpo(same, same, same, advantages).tolist()
        [-1.0, 1.0]

    Reference:
        Shao et al. (2024), DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open
        Language Models; Liu et al. (2025), Understanding R1-Zero-Like Training.
    """
    losses = ppo_clip(log_probs, old_log_probs, advantages, clip=clip)
    xp, beta, x = _check_grpo(log_probs, old_log_probs, reference_log_probs, advantages, beta)
    # At 1e4 the exponential is inf long since: no inf - inf.
    return losses + beta * (xp.expm1(x) - xp.clip(x, max=1e4))


def grpo_grad(
    log_probs: Array,
    old_log_probs: Array,
    reference_log_probs: Array,
    advantages: Array,
    *,
    clip: float = 0.2,
    beta: float = 0.04,
) -> Array:
    r"""Return the derivative of the summed `grpo` by the log-probabilities.

    Formula: $C' + \beta\,(1 - e^{x})$ with $x = \log q - \log p$, where $C'$ is the gradient of
    `ppo_clip`, with its subgradient at the kink, and q is the reference's probability.

    Args:
        log_probs: Floats of any shape.
        old_log_probs: Floats of the shape and dtype of `log_probs`.
        reference_log_probs: Floats of the shape and dtype of `log_probs`.
        advantages: Floats of the shape and dtype of `log_probs`.
        clip: By how much the ratio may differ from 1 to the policy's gain, in (0, 1).
        beta: The weight of the divergence; at least 0.

    Returns:
        Array of the shape and dtype of `log_probs`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, or a hyperparameter is out of its range.

    Example:
        >>> import numpy as np
        >>> same, advantages = np.zeros(2), np.asarray([1.0, -1.0])
        >>> grpo_grad(same, same, same, advantages).tolist()
        [-1.0, 1.0]
    """
    gradient = ppo_clip_grad(log_probs, old_log_probs, advantages, clip=clip)
    xp, beta, x = _check_grpo(log_probs, old_log_probs, reference_log_probs, advantages, beta)
    return gradient - beta * xp.expm1(x)


def _check_grpo(
    log_probs: Array,
    old_log_probs: Array,
    reference_log_probs: Array,
    advantages: Array,
    beta: float,
) -> tuple[Any, float, Array]:
    """Check four arrays of one shape; return their namespace, beta and the reference's log-ratios.

    At a beta of 0 the ratios do not count, so their logarithms are 0: an exponential that overflows
    would make NaN of it.
    """
    xp = float_namespace(
        log_probs=log_probs,
        old_log_probs=old_log_probs,
        reference_log_probs=reference_log_probs,
        advantages=advantages,
    )
    beta = check_in(NON_NEGATIVE, beta=beta)
    x = stop_gradient(reference_log_probs) - log_probs
    return xp, beta, x if beta > 0 else stable.times(xp.zeros_like(x), x)


def group_relative_advantages(rewards: Array) -> Array:
    r"""Return how many standard deviations each reward lies above the mean of its group.

    Formula: $(R_i - \bar R) / \sqrt{\frac1G \sum_j (R_j - \bar R)^2}$ for the G answers to one
    question. A group of equal rewards teaches nothing: its advantages are 0.

    Args:
        rewards: Floats of shape (..., G): a row for each question.

    Returns:
        Array of the shape and dtype of `rewards`; each row has the mean 0 and the mean square 1,
        or is 0.

    Raises:
        TypeError: `rewards` is no array of floats.
        ValueError: `rewards` has no axis, or a group has no answer.

    Numerics:
        The mean of equal rewards is rounded, and would differ from them: three rewards of 0.1
        lie 1e-17 below theirs, which divided by their deviation is -1. Equal rewards are found by
        comparison. No square is taken of anything above 1.

    Convention:
        The deviation divides by G; some libraries divide by G - 1, and add a small number.

    Example:
        >>> import numpy as np
        >>> group_relative_advantages(np.asarray([[1.0, 0.0, 1.0, 0.0], [0.1] * 4])).tolist()
        [[1.0, -1.0, 1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]

    Reference:
        Shao et al. (2024), DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open
        Language Models.
    """
    xp, equal, centred = _centred(rewards)
    largest = xp.max(xp.abs(centred), axis=-1, keepdims=True)
    scaled = centred / xp.where(equal, xp.ones_like(largest), largest)
    mean_square = xp.mean(xp.square(scaled), axis=-1, keepdims=True)
    return scaled / xp.sqrt(xp.where(equal, xp.ones_like(mean_square), mean_square))


def group_centred_advantages(rewards: Array) -> Array:
    r"""Return how much each reward exceeds the mean of its group, without dividing by the spread.

    Formula: $R_i - \bar R$ for the answers to one question. Questions that are almost always
    answered right, or wrong, then weigh no more than others.

    Args:
        rewards: Floats of shape (..., G): a row for each question.

    Returns:
        Array of the shape and dtype of `rewards`, in their unit; each row has the mean 0.

    Raises:
        TypeError: `rewards` is no array of floats.
        ValueError: `rewards` has no axis, or a group has no answer.

    Convention:
        Dr. GRPO's, where `group_relative_advantages` is GRPO's.

    Example:
        >>> import numpy as np
        >>> group_centred_advantages(np.asarray([1.0, 0.0, 0.0, 0.0])).tolist()
        [0.75, -0.25, -0.25, -0.25]

    Reference:
        Liu et al. (2025), Understanding R1-Zero-Like Training: A Critical Perspective.
    """
    return _centred(rewards)[2]


def _centred(rewards: Array) -> tuple[Any, Array, Array]:
    """Return the namespace, where a group's rewards are equal, and the rewards less their mean."""
    xp = real_namespace(rewards=rewards)
    check_axes("... G", rewards=rewards)
    if rewards.shape[-1] == 0:
        raise ValueError("rewards: expected at least one answer in a group, got none")
    largest = xp.max(rewards, axis=-1, keepdims=True)
    equal = largest == xp.min(rewards, axis=-1, keepdims=True)
    centred = rewards - xp.mean(rewards, axis=-1, keepdims=True)
    return xp, equal, xp.where(equal, xp.zeros_like(rewards), centred)
