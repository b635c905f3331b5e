"""From losses per example to one number: weights, masks and means.

No loss reduces. These functions do, and nothing else in the package does, so that the denominator
is chosen in one place and by name.

A mask selects: a loss that it leaves out has no influence, not even when it is inf or NaN. The
loss's own derivative comes before the mask, though, and 0 · NaN is NaN: where a missing target is
NaN, put a number in its place before the loss, and mask it here.

Sums of half-precision losses are taken in float32, since 70,000 losses of 1 overflow float16. While
torch.compile traces, no values are checked: the mean of nothing is then NaN.
"""

from typing import Any

from losscourse.arrays import POSITIVE, Array, check_all, check_in, check_mask, float_namespace

__all__ = ["fixed_length_mean", "sequence_mean", "sum_and_count", "token_mean", "weighted_mean"]


def sum_and_count(
    losses: Array, *, weights: Array | None = None, mask: Array | None = None
) -> tuple[Array, Array]:
    r"""Return the weighted sum of the losses and the sum of the weights.

    Formula: $\left(\sum_i m_i w_i \ell_i,\ \sum_i m_i w_i\right)$ with $w_i = 1$ and $m_i = 1$
    where they are not given. Added up over micro-batches, the two sums give exactly the mean of
    the full batch; a mean of micro-batch means does not.

    Args:
        losses: Losses per example, any shape, real floats.
        weights: Weight of each loss, shape and dtype of `losses`, finite, at least 0. Default: 1
            each.
        mask: Booleans of the shape of `losses`; True selects. Default: all.

    Returns:
        Two scalars: the sum in the unit of the losses, and the count in the unit of the weights;
        float32 for half-precision losses, else the dtype of `losses`.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, or a selected weight is negative or not
            finite.

    Example:
        >>> import numpy as np
        >>> total, count = sum_and_count(np.asarray([1.0, 5.0, np.nan]),
        ...                              mask=np.asarray([True, True, False]))
        >>> float(total), float(count)
        (6.0, 2.0)
    """
    xp, weighted, selected = _selected(losses, weights, mask)
    return xp.sum(weighted), xp.sum(selected)


def weighted_mean(
    losses: Array, *, weights: Array | None = None, mask: Array | None = None
) -> Array:
    r"""Return the mean of the losses, weighted and masked.

    Formula: $\sum_i m_i w_i \ell_i \,/\, \sum_i m_i w_i$. The divisor is the sum of the weights
    that the mask selects, not the number of examples.

    Args:
        losses: Losses per example, any shape, real floats.
        weights: Weight of each loss, shape and dtype of `losses`, finite, at least 0. Default: 1
            each.
        mask: Booleans of the shape of `losses`; True selects. Default: all.

    Returns:
        A scalar of the dtype of `losses`, in their unit.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, a selected weight is negative or not finite,
            or the total weight is 0: the mean of nothing is an error, not NaN.

    Numerics:
        A weight of 0 does not hide an infinite loss, since 0 · inf is NaN. A mask does.

    Example:
        >>> import numpy as np
        >>> float(weighted_mean(np.asarray([1.0, 5.0]), weights=np.asarray([3.0, 1.0])))
        2.0
    """
    xp, weighted, selected = _selected(losses, weights, mask)
    count = xp.sum(selected)
    _require_weight(count)
    return xp.astype(xp.sum(weighted) / count, losses.dtype)


def token_mean(losses: Array, *, mask: Array) -> Array:
    r"""Return the mean over all selected tokens of a batch of sequences.

    Formula: $\sum_{b,t} m_{bt}\ell_{bt} / \sum_{b,t} m_{bt}$. Every token counts the same, so a
    long sequence counts more than a short one.

    Args:
        losses: Losses per token, shape (batch, time), real floats.
        mask: Booleans, shape (batch, time); True selects.

    Returns:
        A scalar of the dtype of `losses`, in their unit per token.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, or no token is selected.

    Example:
        >>> import numpy as np
        >>> mask = np.asarray([[True, True, True], [True, False, False]])
        >>> float(token_mean(np.asarray([[1.0, 1.0, 1.0], [5.0, 0.0, 0.0]]), mask=mask))
        2.0
    """
    _require_sequences(losses)
    return weighted_mean(losses, mask=mask)


def sequence_mean(losses: Array, *, mask: Array) -> Array:
    r"""Return the mean over sequences of each sequence's mean over its selected tokens.

    Formula: $\frac1B \sum_b \left(\sum_t m_{bt}\ell_{bt} / \sum_t m_{bt}\right)$. Every sequence
    counts the same, so a token of a long sequence counts less.

    Args:
        losses: Losses per token, shape (batch, time), real floats.
        mask: Booleans, shape (batch, time); True selects.

    Returns:
        A scalar of the dtype of `losses`, in their unit per token.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, there is no sequence, or a sequence has no
            selected token.

    Example:
        >>> import numpy as np
        >>> mask = np.asarray([[True, True, True], [True, False, False]])
        >>> float(sequence_mean(np.asarray([[1.0, 1.0, 1.0], [5.0, 0.0, 0.0]]), mask=mask))
        3.0
    """
    _require_sequences(losses)
    xp, weighted, selected = _selected(losses, None, mask)
    count = xp.sum(selected, axis=1)
    _require_weight(count)
    return xp.astype(xp.mean(xp.sum(weighted, axis=1) / count), losses.dtype)


def fixed_length_mean(losses: Array, *, mask: Array, length: float) -> Array:
    r"""Return the mean over sequences of each sequence's sum divided by one fixed length.

    Formula: $\frac{1}{BL} \sum_{b,t} m_{bt}\ell_{bt}$, where L is `length`. A token counts the same
    in every sequence and in every batch, whatever lengths stand beside it.

    Args:
        losses: Losses per token, shape (batch, time), real floats.
        mask: Booleans, shape (batch, time); True selects.
        length: The divisor, such as the longest length that a sequence may have; positive.

    Returns:
        A scalar of the dtype of `losses`, in their unit.

    Raises:
        TypeError: An argument's dtype or library does not fit, or `length` is no number.
        ValueError: An argument's shape does not fit, `length` is not positive, or no token is
            selected.

    Example:
        >>> import numpy as np
        >>> mask = np.asarray([[True, True, True], [True, False, False]])
        >>> losses = np.asarray([[1.0, 1.0, 1.0], [5.0, 0.0, 0.0]])
        >>> float(fixed_length_mean(losses, mask=mask, length=4))
        1.0
    """
    _require_sequences(losses)
    length = check_in(POSITIVE, length=length)
    total, count = sum_and_count(losses, mask=mask)
    xp = float_namespace(losses=losses)
    _require_weight(count)
    return xp.astype(total / (length * losses.shape[0]), losses.dtype)


def _selected(losses: Array, weights: Array | None, mask: Array | None) -> tuple[Any, Array, Array]:
    """Return the namespace, the weighted losses and the weights, both 0 where masked out."""
    if weights is None:
        xp = float_namespace(losses=losses)
        weights = xp.ones_like(losses)
    else:
        xp = float_namespace(losses=losses, weights=weights)
    if mask is not None:
        check_mask(mask, like=losses)
        # Before the product, so that autograd never multiplies by what is left out.
        zero = xp.zeros_like(losses)
        losses, weights = xp.where(mask, losses, zero), xp.where(mask, weights, zero)
    finite = xp.isfinite(weights) & (weights >= 0)
    check_all(finite, "finite numbers of at least 0", weights=weights)
    if xp.finfo(losses.dtype).bits < 32:
        losses, weights = xp.astype(losses, xp.float32), xp.astype(weights, xp.float32)
    return xp, losses * weights, weights


def _require_weight(count: Array) -> None:
    """Raise unless there is a total weight and it, or each sequence's, is positive."""
    if 0 in count.shape:
        raise ValueError("losses: expected a total weight above 0, got 0: there is no loss")
    check_all(count > 0, "a total weight above 0", losses=count)


def _require_sequences(losses: Array) -> None:
    """Raise unless the losses have two axes, batch and time."""
    float_namespace(losses=losses)
    if len(losses.shape) != 2:
        raise ValueError(f"losses: expected shape (batch, time), got {tuple(losses.shape)}")
