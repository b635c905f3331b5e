"""Losses of sequences: tokens one after another, aligned or not.

In every formula t counts the frames or tokens, z are logits, p their softmax and y is the label.
Each loss is followed by its gradient, the derivative of the summed loss by its first argument. A
batch is padded to one length: lengths (CTC) or a mask in `reduce.token_mean` (the others) tell what
is padding. The functions at the end choose what a model reads while it is trained.
"""

import math
from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    UNIT_CLOSED,
    UNIT_OPEN,
    Array,
    Interval,
    check_all,
    check_axes,
    check_in,
    check_labels,
    check_values,
    one_hot,
    real_namespace,
)
from losscourse.losses.classification import (
    smooth_labels,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_cross_entropy_with_integer_labels,
    softmax_cross_entropy_with_integer_labels_grad,
)

__all__ = [
    "ctc",
    "ctc_grad",
    "exponential_teacher_forcing",
    "inverse_sigmoid_teacher_forcing",
    "label_smoothed_cross_entropy",
    "label_smoothed_cross_entropy_grad",
    "linear_teacher_forcing",
    "scheduled_sampling",
    "token_cross_entropy",
    "token_cross_entropy_grad",
]

_IMPOSSIBLE = -1e30
"""The logarithm of probability 0: finite, so that no gradient is 0 times infinity."""
_UNIT_FROM_ZERO = Interval(0, 1, low_closed=True)
_FROM_ONE = Interval(1, math.inf, low_closed=True)


def ctc(
    log_probs: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0
) -> Array:
    r"""Return the connectionist temporal classification loss: labels whose place is not known.

    Formula: $-\log \sum_\pi \prod_t p_{t,\pi_t}$, where p are the exponentials of `log_probs` and
    the sum runs over the alignments $\pi$: a class or the blank for each frame, such that merging
    repeats and then dropping the blanks leaves the labels.

    Args:
        log_probs: Floats of shape (N, T, K): logarithms of probabilities, such as
            `stable.log_softmax` gives, for each of T frames.
        labels: Integers of shape (N, S), from 0 to K - 1, none of them the blank.
        input_lengths: Integers of shape (N,), from 0 to T: how many frames each sequence has.
        label_lengths: Integers of shape (N,), from 0 to S: how many labels. What stands in
            `log_probs` and `labels` beyond these lengths is padding and counts for nothing.
        blank: The class that stands for no label.

    Returns:
        Array of shape (N,) and the dtype of `log_probs`, in nats; at least 0 where the rows are
        log-probabilities, inf where no alignment exists: too few frames for the labels and for a
        blank between each two that are equal.

    Gradient:
        $-\gamma_{t,k}$, minus the posterior probability that frame t shows class k; see `ctc_grad`.

    Raises:
        TypeError: `log_probs` is no array of floats, another argument is no array of integers, two
            differ in library, or `blank` is no number.
        ValueError: The shapes do not fit, a label or a length is out of range, a label is the
            blank, or `blank` is no class.

    Numerics:
        There are exponentially many alignments. A recursion sums them frame by frame over 2S + 1
        states: the labels with a blank before, between and after. It runs from both ends at once,
        and the two meet in the middle, after T/2 steps. It stays in logarithms, since the product
        of 100 probabilities of 0.1 underflows float32. Half precision is computed in float32.

    Convention:
        `torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), labels, input_lengths,
        label_lengths, blank=blank, reduction="none")`: there the frames come first. Its "mean"
        divides each loss by its number of labels first. A sequence without alignment can be left
        out by a mask in `reduce`: its loss is inf, its gradient 0.

    Example:
        >>> import numpy as np
        >>> log_probs = np.log(np.full((1, 2, 2), 0.5))  # alignments of one label: 01, 10 and 11
        >>> lengths = np.asarray([2]), np.asarray([1])
        >>> ctc(log_probs, np.asarray([[1]]), *lengths).round(4).tolist()  # -log(3/4)
        [0.2877]

    Reference:
        Graves et al. (2006), Connectionist Temporal Classification, section 4.1.
    """
    xp, blank = _check_ctc(log_probs, labels, input_lengths, label_lengths, blank)
    states = _with_blanks(labels, label_lengths, blank)
    odd = log_probs.shape[1] % 2
    even = xp.concat([log_probs, xp.zeros_like(log_probs[:, :odd, :])], axis=1)
    scores = _scores(even, states, input_lengths)
    half = even.shape[1] // 2
    mirrored = xp.flip(scores[:, half:, :], axis=(1, 2))
    # Both recursions meet in the middle, after half of the frames each.
    both = _recursions(scores[:, :half, :], mirrored, states, label_lengths)[-1]
    count = labels.shape[0]
    alpha, beta = both[:count, :], xp.flip(both[count:, :], axis=1)
    total = stable.log_sum_exp(_move(xp, alpha, *_moves(states, scores)) + beta)
    losses = xp.where(_is_possible(total), 0 - total, xp.full_like(total, math.inf))
    return xp.astype(losses, log_probs.dtype)


def ctc_grad(
    log_probs: Array, labels: Array, input_lengths: Array, label_lengths: Array, *, blank: int = 0
) -> Array:
    r"""Return the derivative of the summed `ctc` by the log-probabilities.

    Formula: $-\gamma_{t,k}$ with $\gamma_{t,k} = \sum_{\pi: \pi_t = k} P(\pi) \,/\, \sum_\pi
    P(\pi)$: minus the posterior probability that frame t shows class k, given the labels. Each
    frame sums to -1. Through `stable.log_softmax` it becomes $p - \gamma$, whose frames sum to 0.

    Args:
        log_probs: Floats of shape (N, T, K): logarithms of probabilities.
        labels: Integers of shape (N, S), from 0 to K - 1, none of them the blank.
        input_lengths: Integers of shape (N,), from 0 to T.
        label_lengths: Integers of shape (N,), from 0 to S.
        blank: The class that stands for no label.

    Returns:
        Array of the shape and dtype of `log_probs`; in [-1, 0]. 0 in frames beyond the length, and
        in a sequence without alignment: nothing that could be moved would make it finite. The
        derivative takes the log-probabilities as free numbers. torch returns $p - \gamma$ already
        here, which is right after a log-softmax alone.

    Raises:
        TypeError: `log_probs` is no array of floats, another argument is no array of integers, two
            differ in library, or `blank` is no number.
        ValueError: The shapes do not fit, a label or a length is out of range, a label is the
            blank, or `blank` is no class.

    Example:
        >>> import numpy as np
        >>> log_probs = np.log(np.full((1, 2, 2), 0.5))
        >>> lengths = np.asarray([2]), np.asarray([1])
        >>> ctc_grad(log_probs, np.asarray([[1]]), *lengths).round(4).tolist()
        [[[-0.3333, -0.6667], [-0.3333, -0.6667]]]
    """
    xp, blank = _check_ctc(log_probs, labels, input_lengths, label_lengths, blank)
    states = _with_blanks(labels, label_lengths, blank)
    scores = _scores(log_probs, states, input_lengths)
    mirrored = xp.flip(scores, axis=(1, 2))
    both = xp.stack(_recursions(scores, mirrored, states, label_lengths), axis=1)[:, 1:, :]
    count = labels.shape[0]
    alphas, betas = both[:count, ...], xp.flip(both[count:, ...], axis=(1, 2))
    paths = alphas + betas - scores  # each of the two has the frame's score
    classes = one_hot(states, xp.astype(log_probs[:, :1, :], scores.dtype))
    gradient = 0 - stable.softmax(paths) @ classes
    counts = (_positions(log_probs, axis=1) < input_lengths[:, None])[..., None]
    counts = counts & _is_possible(xp.max(paths, axis=2, keepdims=True))
    gradient = xp.where(counts, gradient, xp.zeros_like(gradient))
    return xp.astype(gradient, log_probs.dtype)


def _check_ctc(
    log_probs: Array, labels: Array, input_lengths: Array, label_lengths: Array, blank: float
) -> tuple[Any, int]:
    """Check the arguments of CTC; return their namespace, and the blank as an integer."""
    xp = real_namespace(log_probs=log_probs)
    lengths = {"input_lengths": input_lengths, "label_lengths": label_lengths}
    check_axes("N T K, N S, N, N", log_probs=log_probs, labels=labels, **lengths)
    frames, classes = log_probs.shape[1:]
    check_labels(classes, log_probs=log_probs, labels=labels)
    check_labels(frames + 1, log_probs=log_probs, input_lengths=input_lengths)
    check_labels(labels.shape[1] + 1, log_probs=log_probs, label_lengths=label_lengths)
    blank = check_in(Interval(0, classes, low_closed=True), blank=blank)
    if blank != int(blank):
        raise ValueError(f"blank: expected a number without fraction, got {blank}")
    padding = _positions(labels, 1) >= label_lengths[:, None]
    check_all((labels != int(blank)) | padding, "no blank", labels=labels)
    return xp, int(blank)


def _positions(array: Array, axis: int) -> Array:
    """Return 0, 1, 2, ... along an axis of the array."""
    xp, device = array_api_compat.array_namespace(array), array_api_compat.device(array)
    return xp.arange(array.shape[axis], dtype=xp.int64, device=device)


def _with_blanks(labels: Array, label_lengths: Array, blank: int) -> Array:
    """Return the states of an alignment, shape (N, W), W = 2S + 1: a blank around each label.

    Labels beyond the length become blanks too.
    """
    xp = array_api_compat.array_namespace(labels)
    count, length = labels.shape
    labels = xp.astype(labels, xp.int64)
    blanks = xp.full_like(labels, blank)
    labels = xp.where(_positions(labels, axis=1) < label_lengths[:, None], labels, blanks)
    pairs = xp.reshape(xp.stack([blanks, labels], axis=-1), (count, 2 * length))
    last = xp.full((count, 1), blank, dtype=xp.int64, device=array_api_compat.device(labels))
    return xp.concat([pairs, last], axis=1)


def _scores(log_probs: Array, states: Array, input_lengths: Array) -> Array:
    """Return each state's log-probability in each frame, shape (N, T, W).

    In the padding a blank costs nothing, and no label comes.
    """
    xp = array_api_compat.array_namespace(log_probs)
    if xp.finfo(log_probs.dtype).bits < 32:
        log_probs = xp.astype(log_probs, xp.float32)
    scores = xp.take_along_axis(log_probs, states[:, None, :], axis=2)
    counts = _positions(log_probs, axis=1) < input_lengths[:, None]
    padding = _IMPOSSIBLE * xp.astype(_positions(states, axis=1) % 2, scores.dtype)
    return xp.clip(xp.where(counts[..., None], scores, padding), min=_IMPOSSIBLE)


def _recursions(scores: Array, mirrored: Array, states: Array, label_lengths: Array) -> list[Array]:
    """Return the log-probability of all paths to a state, after 0, 1, 2, ... frames: (2N, W) each.

    A path starts at the first blank, before the first frame. In the second half of the rows it
    starts at the last one, after the last frame: the backward recursion is the forward one of the
    sequence read from its end, and both run at once.
    """
    xp = array_api_compat.array_namespace(scores)
    ends = 2 * xp.astype(label_lengths, xp.int64)
    starts = xp.concat([xp.zeros_like(ends), states.shape[1] - 1 - ends])
    is_start = _positions(states, axis=1) == starts[:, None]
    moves = _moves(xp.concat([states, xp.flip(states, axis=1)]), scores)
    both = [(1 - xp.astype(is_start, scores.dtype)) * _IMPOSSIBLE]
    for score in xp.unstack(xp.concat([scores, mirrored]), axis=1):
        both.append(_move(xp, both[-1], *moves) + score)
    return both


def _moves(states: Array, scores: Array) -> tuple[Array, Array]:
    """Return the two states before the first, which are impossible, and the cost of a skip."""
    xp, device = array_api_compat.array_namespace(scores), array_api_compat.device(scores)
    before = xp.full((states.shape[0], 2), _IMPOSSIBLE, dtype=scores.dtype, device=device)
    # Blanks stand two apart, so what differs from its next but one are two labels.
    same = xp.astype(states[:, 2:] == states[:, :-2], scores.dtype)
    return before, xp.concat([before, same * _IMPOSSIBLE], axis=1)[:, : states.shape[1]]


def _move(xp: Any, alpha: Array, before: Array, skips: Array) -> Array:
    """Return the log-probability of all paths to a state, before the frame's own score.

    A path stays, moves on by a state, or skips the blank between two labels that differ.
    """
    padded = xp.concat([before, alpha], axis=1)
    stays_or_moves = xp.logaddexp(alpha, padded[:, 1:-1])
    return xp.logaddexp(stays_or_moves, padded[:, :-2] + skips)


def _is_possible(total: Array) -> Array:
    """Whether there is an alignment. NaN passes: it comes out as NaN."""
    return ~(total < _IMPOSSIBLE / 2)


def token_cross_entropy(logits: Array, labels: Array) -> Array:
    r"""Return the cross-entropy of each token of each sequence: what teacher forcing minimises.

    Formula: $-\log p_{t,y_t}$, where `p = softmax(logits)` along the last axis and $y_t$ is the
    token that comes at place t.

    Args:
        logits: Floats of shape (N, T, K): at each of T places, one logit for each of K tokens.
        labels: Integers of shape (N, T), from 0 to K - 1: the token to predict there. If the model
            reads a token at place t, it is the next token that stands here. Padding gets any token
            in range, and False in the mask of the mean.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats per token; at least 0,
        log K where all logits are equal.

    Gradient:
        $p - 1_y$; see `token_cross_entropy_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Numerics:
        See `stable.log_softmax`.

    Convention:
        `torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")`: there
        the classes are on axis 1. Averaged by `reduce.token_mean(losses, mask=mask)`; its
        exponential is the perplexity. torch's `ignore_index` is that mask, written into the labels.

    Example:
        >>> import numpy as np
        >>> from losscourse.reduce import token_mean
        >>> losses = token_cross_entropy(np.zeros((1, 3, 4)), np.asarray([[1, 2, 0]]))
        >>> losses.round(4).tolist()
        [[1.3863, 1.3863, 1.3863]]
        >>> float(token_mean(losses, mask=np.asarray([[True, True, False]])).round(4))
        1.3863

    Reference:
        Williams and Zipser (1989), A Learning Algorithm for Continually Running Fully Recurrent
        Neural Networks, for teacher forcing; Sutskever et al. (2014), Sequence to Sequence
        Learning with Neural Networks.
    """
    _check_tokens(logits, labels)
    return softmax_cross_entropy_with_integer_labels(logits, labels)


def token_cross_entropy_grad(logits: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `token_cross_entropy` by the logits.

    Formula: $p - 1_y$, where `p = softmax(logits)` and $1_y$ is the one-hot row of the token.

    Args:
        logits: Floats of shape (N, T, K).
        labels: Integers of shape (N, T), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1]. Each place sums to 0.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> token_cross_entropy_grad(np.zeros((1, 1, 2)), np.asarray([[1]])).tolist()
        [[[0.5, -0.5]]]
    """
    _check_tokens(logits, labels)
    return softmax_cross_entropy_with_integer_labels_grad(logits, labels)


def _check_tokens(logits: Array, labels: Array) -> None:
    """Check logits (N, T, K) and labels (N, T): what two axes of places would let through."""
    real_namespace(logits=logits)
    check_axes("N T K, N T", logits=logits, labels=labels)


def label_smoothed_cross_entropy(logits: Array, labels: Array, *, smoothing: float = 0.1) -> Array:
    r"""Return the cross-entropy of each label mixed with the uniform distribution.

    Formula: $-(1 - \varepsilon) \log p_y - \frac{\varepsilon}{K} \sum_k \log p_k$, where
    `p = softmax(logits)`, y is the label and $\varepsilon$ is `smoothing`.

    Args:
        logits: Floats of shape (..., K): (N, T, K) for the tokens of sequences.
        labels: Integers of shape (...), from 0 to K - 1. Padding gets any label in range, and False
            in the mask of the mean.
        smoothing: The part of the label's probability that is spread over all K classes, in
            [0, 1). At 0 the loss is the cross-entropy.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats; at least the entropy of
        the smoothed label, so a perfect fit does not cost 0.

    Gradient:
        $p - (1 - \varepsilon)\,1_y - \varepsilon/K$; see `label_smoothed_cross_entropy_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `smoothing` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `smoothing` is not in [0, 1).

    Numerics:
        See `stable.log_softmax`. A class with the logit -inf makes the loss inf, since smoothing
        asks for each class: mask no logits here.

    Convention:
        `torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing,
        reduction="none")`, there with the classes on axis 1. It is `softmax_cross_entropy` of what
        `smooth_labels` returns. With ε/(K - 1) on the wrong classes alone, the same name means
        another loss: that of ε K/(K - 1) here.

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[[0.0, 0.0], [8.0, 0.0]]]), np.asarray([[0, 0]])
        >>> label_smoothed_cross_entropy(logits, labels, smoothing=0.2).round(4).tolist()
        [[0.6931, 0.8003]]

    Reference:
        Müller et al. (2019), When Does Label Smoothing Help?; Vaswani et al. (2017),
        Attention Is All You Need, section 5.4, for translation.
    """
    targets = _smoothed(logits, labels, smoothing)
    return softmax_cross_entropy(logits, targets)


def label_smoothed_cross_entropy_grad(
    logits: Array, labels: Array, *, smoothing: float = 0.1
) -> Array:
    r"""Return the derivative of the summed `label_smoothed_cross_entropy` by the logits.

    Formula: $p - (1 - \varepsilon)\,1_y - \varepsilon/K$, where `p = softmax(logits)` and $1_y$ is
    the one-hot row of the label. It is 0 at the probability $1 - \varepsilon + \varepsilon/K$ of
    the label, so the logits stay finite.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        smoothing: The part of the label's probability that is spread, in [0, 1).

    Returns:
        Array of the shape and dtype of `logits`; in
        $[-1 + \varepsilon - \varepsilon/K,\ 1 - \varepsilon/K]$. Each row sums to 0.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `smoothing` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `smoothing` is not in [0, 1).

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0]]), np.asarray([1])
        >>> label_smoothed_cross_entropy_grad(logits, labels, smoothing=0.5).tolist()
        [[0.25, -0.25]]
    """
    targets = _smoothed(logits, labels, smoothing)
    return softmax_cross_entropy_grad(logits, targets)


def _smoothed(logits: Array, labels: Array, smoothing: float) -> Array:
    """Return the smoothed target distributions, once labels and logits are seen to fit."""
    real_namespace(logits=logits)
    check_axes("... K, ...", logits=logits, labels=labels)
    check_labels(logits.shape[-1], logits=logits, labels=labels)
    return smooth_labels(one_hot(labels, logits), smoothing=smoothing)


def scheduled_sampling(
    predictions: Array, labels: Array, uniforms: Array, *, teacher_forcing: float
) -> Array:
    r"""Return the tokens that a model reads while it is trained: true ones, or its own by chance.

    Formula: $y_t$ where $u_t < \varepsilon$, else the model's token $\hat y_t$, where y are the
    labels, u the uniforms and $\varepsilon$ is `teacher_forcing`. With teacher forcing alone a
    model never reads its own mistakes, until it is used.

    Args:
        predictions: Integers of any shape: the tokens that the model has predicted or sampled.
        labels: Integers of the shape of `predictions`: the true tokens at these places.
        uniforms: Floats of that shape, drawn uniformly from [0, 1). The draw is the caller's, so
            that it can be repeated.
        teacher_forcing: The probability of the true token, in [0, 1].

    Returns:
        Array of the shape and dtype of `labels`. No gradient runs through the choice.

    Raises:
        TypeError: `uniforms` is no array of floats, another argument is no array of integers, two
            differ in library, or `teacher_forcing` is no number.
        ValueError: The shapes differ, a token is negative, a uniform lies outside [0, 1), or
            `teacher_forcing` outside [0, 1].

    Convention:
        The published form draws once for each token. The loss of what the model then predicts is
        `token_cross_entropy` against the labels, whichever token it read. Since the tokens read and
        the labels may then disagree, the minimiser need not be the true distribution.

    Example:
        >>> import numpy as np
        >>> predictions, labels = np.asarray([7, 7, 7]), np.asarray([1, 2, 3])
        >>> uniforms = np.asarray([0.1, 0.9, 0.4])
        >>> scheduled_sampling(predictions, labels, uniforms, teacher_forcing=0.5).tolist()
        [1, 7, 3]

    Reference:
        Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent Neural
        Networks.
    """
    xp = real_namespace(uniforms=uniforms)
    check_axes("..., ..., ...", uniforms=uniforms, predictions=predictions, labels=labels)
    for name, tokens in (("predictions", predictions), ("labels", labels)):
        check_labels(2**31, uniforms=uniforms, **{name: tokens})
    check_values(_UNIT_FROM_ZERO, uniforms=uniforms)
    teacher_forcing = check_in(UNIT_CLOSED, teacher_forcing=teacher_forcing)
    return xp.where(uniforms < teacher_forcing, labels, xp.astype(predictions, labels.dtype))


def linear_teacher_forcing(
    step: float, *, slope: float, start: float = 1.0, floor: float = 0.0
) -> float:
    r"""Return the probability of the true token after so many steps: a straight line to a floor.

    Formula: $\max(f,\ k - c\,i)$, where i is `step`, k is `start`, c is `slope` and f is `floor`.

    Args:
        step: How many steps of training are done; at least 0.
        slope: How much the probability falls per step; at least 0.
        start: The probability at step 0, in [0, 1].
        floor: The least probability, in [0, 1].

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument lies outside its domain.

    Convention:
        The floor is the ε of the paper, where ε with an index is the probability.

    Example:
        >>> linear_teacher_forcing(300, slope=0.002), linear_teacher_forcing(900, slope=0.002)
        (0.4, 0.0)

    Reference:
        Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent Neural
        Networks.
    """
    step, slope = check_in(NON_NEGATIVE, step=step), check_in(NON_NEGATIVE, slope=slope)
    start, floor = check_in(UNIT_CLOSED, start=start), check_in(UNIT_CLOSED, floor=floor)
    return max(floor, start - slope * step)


def exponential_teacher_forcing(step: float, *, base: float) -> float:
    r"""Return the probability of the true token after so many steps: it falls at a constant rate.

    Formula: $k^i$, where i is `step` and k is `base`.

    Args:
        step: How many steps of training are done; at least 0.
        base: The factor per step, in (0, 1).

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument lies outside its domain.

    Convention:
        It halves every $\log(1/2)/\log k$ steps: 693 for a base of 0.999.

    Example:
        >>> exponential_teacher_forcing(2, base=0.5)
        0.25

    Reference:
        Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent Neural
        Networks.
    """
    step, base = check_in(NON_NEGATIVE, step=step), check_in(UNIT_OPEN, base=base)
    return base**step


def inverse_sigmoid_teacher_forcing(step: float, *, scale: float) -> float:
    r"""Return the probability of the true token after so many steps: high, then falling, then low.

    Formula: $k / (k + e^{i/k})$, where i is `step` and k is `scale`.

    Args:
        step: How many steps of training are done; at least 0.
        scale: How slowly the probability falls, in steps; at least 1.

    Returns:
        A number in [0, 1].

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument lies outside its domain.

    Convention:
        It starts at k/(k + 1) and passes ½ at step $k \log k$.

    Example:
        >>> inverse_sigmoid_teacher_forcing(0, scale=3), inverse_sigmoid_teacher_forcing(9, scale=1)
        (0.75, 0.00012339457598623172)

    Reference:
        Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent Neural
        Networks.
    """
    step, scale = check_in(NON_NEGATIVE, step=step), check_in(_FROM_ONE, scale=scale)
    fall = math.exp(-step / scale)  # e^(i/k) would overflow
    return scale * fall / (scale * fall + 1)
