"""The cases of `losscourse.losses.sequence`."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import array_api_compat
import mpmath
import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F

from losscourse import stable
from losscourse.arrays import Array, one_hot, pick
from losscourse.losses import classification, sequence
from tests.losscourse.libraries import FORMATS, make
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import (
    balanced_labels,
    draw_labelled,
    exact_log_softmax,
    hard,
    wrong,
)
from tests.losscourse.losses.helper import Helper

INF = math.inf
FRAMES, CLASSES, LABELS = 3, 4, 2


def collapse(path: tuple[int, ...], blank: int, *, merge: bool = True) -> tuple[int, ...]:
    """Return the labels that an alignment shows: repeats merged, then the blanks dropped."""
    merged = [k for k, _ in itertools.groupby(path)] if merge else path
    return tuple(k for k in merged if k != blank)


@functools.cache
def alignments(
    labels: tuple[int, ...], frames: int, blank: int, *, merge: bool = True
) -> list[tuple[int, ...]]:
    """Return every path through the frames that shows the labels: by trying them all."""
    paths = itertools.product(range(CLASSES), repeat=frames)
    return [path for path in paths if collapse(path, blank, merge=merge) == labels]


def draw_aligned(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities, labels 1 and 2, and lengths that leave room for an alignment."""
    log_probs = scipy.special.log_softmax(scale * rng.normal(size=(n, FRAMES, CLASSES)), axis=-1)
    labels = rng.integers(1, 3, size=(n, LABELS))
    label_lengths = rng.integers(0, LABELS + 1, size=n)
    needed = label_lengths + ((label_lengths == 2) & (labels[:, 0] == labels[:, 1]))
    input_lengths = rng.integers(needed, FRAMES + 1)
    input_lengths[2::3] = FRAMES
    return log_probs, labels, input_lengths, label_lengths


def aligned_corners() -> tuple[tuple[np.ndarray, ...], ...]:
    """Return frames that say nothing, for each kind of labels: none, one, two, a repeated one."""
    labels, lengths = np.asarray([[1, 2], [1, 2], [1, 2], [1, 1]]), np.asarray([0, 1, 2, 2])
    log_probs = np.full((4, FRAMES, CLASSES), -math.log(CLASSES))
    return ((log_probs, labels, np.full(4, FRAMES), lengths),)


def exact_ctc(log_probs: list, labels: list, frames: Any, length: Any, blank: int = 0) -> Any:
    """Return the loss in mpmath, by adding up the probability of every alignment."""
    shown = tuple(int(k) for k in labels[: int(length)])
    paths = alignments(shown, int(frames), int(blank))
    total = mpmath.fsum(
        mpmath.exp(mpmath.fsum(log_probs[t][k] for t, k in enumerate(path))) for path in paths
    )
    return -mpmath.log(total) if paths else mpmath.inf


def torch_ctc(
    log_probs: np.ndarray, labels: np.ndarray, *lengths: np.ndarray, blank: int = 0
) -> np.ndarray:
    """Return torch's loss, whose frames come first."""
    frames_first = torch.as_tensor(log_probs).transpose(0, 1)
    rest = map(torch.as_tensor, (labels, *lengths))
    return F.ctc_loss(frames_first, *rest, blank=int(blank), reduction="none").numpy()


def over_paths(
    combine: Callable[[np.ndarray], float], *, merge: bool = True
) -> Callable[..., np.ndarray]:
    """Return a wrong loss that combines the alignments' log-probabilities in another way."""

    def body(xp, log_probs, labels, input_lengths, label_lengths, blank=0):
        losses = []
        for rows, shown, frames, length in zip(
            np.asarray(log_probs), np.asarray(labels), input_lengths, label_lengths, strict=True
        ):
            wanted = tuple(int(k) for k in shown[: int(length)])
            paths = alignments(wanted, int(frames), int(blank), merge=merge)
            scores = [sum(rows[t, k] for t, k in enumerate(path)) for path in paths]
            losses.append(-combine(np.asarray(scores)) if scores else INF)
        return xp.asarray(losses, dtype=log_probs.dtype)

    return body


def through_ctc(
    change: Callable[..., Array], of: Callable[..., Array] = sequence.ctc
) -> Callable[..., Array]:
    """Return a wrong body that changes arguments or result: `change(xp, call, *arrays, blank)`."""

    def body(xp, *arrays, blank=0):
        def call(*changed: Array, blank: float = blank) -> Array:
            return of(*changed, blank=int(blank))

        return change(xp, call, *arrays, blank=blank)

    return body


def aligned(n: int = 50) -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_aligned(np.random.default_rng(0), n, 2.0)


def renamed(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Return the same sequences with the classes in another order: 0, 1, 2, 3 become 3, 1, 0, 2."""
    log_probs, labels, *lengths = arrays
    to = np.asarray([3, 1, 0, 2])
    return log_probs[..., np.argsort(to)], to[labels], *lengths


HALF = math.log(0.5)
NO_BLANK = (-INF, HALF, HALF, -INF)

CTC = Case(
    loss=sequence.ctc,
    gradient=sequence.ctc_grad,
    settings=({}, {"blank": CLASSES - 1}),
    draw=draw_aligned,
    oracle=("torch ctc_loss", torch_ctc),
    exact=exact_ctc,
    limits=lambda blank=0: (
        Point((((HALF, HALF, HALF, HALF),), (1, 1), 1, 2), [0] * 4, INF),
        Point(((NO_BLANK, NO_BLANK), (1, 2), 2, 1), [0, -1, 0, 0] * 2, 2 * math.log(2)),
        Point(((NO_BLANK, NO_BLANK), (1, 2), 2, 2), [0, -1, 0, 0, 0, 0, -1, 0], 2 * math.log(2)),
        Point(((NO_BLANK, NO_BLANK), (1, 2), 2, 0), [0] * 8, INF),
        Point(((NO_BLANK, NO_BLANK), (1, 2), 0, 0), [0] * 8, 0.0),
    ),
    corners=aligned_corners,
    wrong_values={
        "labels": (-1, CLASSES),
        "input_lengths": (-1, FRAMES + 1),
        "label_lengths": (-1, LABELS + 1),
    },
    any_leading_axes=False,
    rounding=10.0,
    without={
        "minimiser_is_the_statistic": "unbounded below in numbers that are not normalised",
    },
    identities=(
        Identity(
            "one label in one frame: negative log-likelihood",
            lambda loss: (
                loss(aligned()[0][:, :1], aligned()[1][:, :1], *np.ones((2, 50), int)),
                classification.negative_log_likelihood(aligned()[0][:, 0], aligned()[1][:, 0]),
            ),
        ),
        Identity(
            "no label: blanks all along",
            lambda loss: (
                loss(*aligned()[:2], np.full(50, FRAMES), np.zeros(50, int)),
                -aligned()[0][..., 0].sum(axis=-1),
            ),
        ),
        Identity(
            "as many labels as frames: one alignment",
            lambda loss: (
                loss(aligned()[0][:, :2], np.tile([1, 2], (50, 1)), *np.full((2, 50), 2)),
                -aligned()[0][:, 0, 1] - aligned()[0][:, 1, 2],
            ),
        ),
        Identity(
            "other names for the classes",
            lambda loss: (loss(*aligned()), loss(*renamed(aligned()), blank=3)),
        ),
        Identity(
            "through the log-softmax, each frame's gradient sums to 0",
            lambda loss: (
                frame_sums(sequence.ctc_grad(*aligned()), aligned()[0]),
                np.zeros((50, FRAMES)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", through_ctc(lambda xp, ctc, *arrays, blank: -ctc(*arrays))),
        wrong("loss", "best alignment alone", over_paths(np.max)),
        wrong("loss", "mean over the alignments", over_paths(lambda s: np.log(np.exp(s).mean()))),
        wrong("loss", "repeats not merged", over_paths(np.logaddexp.reduce, merge=False)),
        wrong(
            "loss",
            "blank is always 0",
            through_ctc(lambda xp, ctc, *arrays, blank: ctc(*arrays, blank=0)),
        ),
        wrong(
            "loss",
            "divided by the number of labels",
            through_ctc(
                lambda xp, ctc, *arrays, blank: (
                    ctc(*arrays) / xp.astype(xp.clip(arrays[3], min=1), arrays[0].dtype)
                )
            ),
        ),
        wrong(
            "loss",
            "frames of padding counted",
            through_ctc(
                lambda xp, ctc, log_probs, labels, frames, lengths, blank: ctc(
                    log_probs, labels, 0 * frames + log_probs.shape[1], lengths
                )
            ),
        ),
        wrong(
            "loss",
            "probabilities for their logarithms",
            through_ctc(lambda xp, ctc, first, *rest, blank: ctc(xp.exp(first), *rest)),
        ),
        wrong(
            "loss",
            "normalised again",
            through_ctc(lambda xp, ctc, first, *rest, blank: ctc(stable.log_softmax(first), *rest)),
        ),
        wrong(
            "loss",
            "0 where no alignment exists",
            through_ctc(
                lambda xp, ctc, *arrays, blank: xp.where(
                    xp.isinf(ctc(*arrays)), xp.zeros_like(ctc(*arrays)), ctc(*arrays)
                )
            ),
        ),
        wrong(
            "gradient",
            "sign",
            through_ctc(lambda xp, grad, *arrays, blank: -grad(*arrays), sequence.ctc_grad),
        ),
        wrong(
            "gradient",
            "through the log-softmax, as torch has it",
            through_ctc(
                lambda xp, grad, first, *rest, blank: grad(first, *rest) + xp.exp(first),
                sequence.ctc_grad,
            ),
        ),
        wrong(
            "gradient",
            "lengths ignored",
            through_ctc(
                lambda xp, grad, first, labels, frames, lengths, blank: grad(
                    first, labels, 0 * frames + first.shape[1], lengths
                ),
                sequence.ctc_grad,
            ),
        ),
        wrong(
            "gradient",
            "posterior times the prior",
            through_ctc(
                lambda xp, grad, first, *rest, blank: grad(first, *rest) * xp.exp(first),
                sequence.ctc_grad,
            ),
        ),
    ),
)


def frame_sums(gradient: np.ndarray, log_probs: np.ndarray) -> np.ndarray:
    """Return the sums over the classes of a gradient carried through the log-softmax."""
    through = gradient - np.exp(log_probs) * gradient.sum(axis=-1, keepdims=True)
    return through.sum(axis=-1)


PLACES = 3


def draw_tokens(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of four tokens at each of three places, and the tokens that come there."""
    logits = scale * rng.normal(size=(n, PLACES, CLASSES))
    return logits, rng.integers(0, CLASSES, size=(n, PLACES))


def sample_tokens(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return tokens whose frequencies differ, and differ from place to place."""
    frequencies = ([0.5, 0.25, 0.15, 0.1], [0.2, 0.3, 0.3, 0.2], [0.1, 0.1, 0.2, 0.6])
    return (np.stack([rng.choice(CLASSES, size=101, p=p) for p in frequencies], axis=-1),)


def place_frequencies(tokens: np.ndarray) -> np.ndarray:
    """Return how often each token comes at each place."""
    return np.stack([np.mean(tokens == k, axis=0) for k in range(CLASSES)], axis=-1)


def balanced_tokens() -> tuple[np.ndarray, np.ndarray]:
    """Return logits 0, and each token once at each place."""
    labels = (np.arange(CLASSES)[:, None] + np.arange(PLACES)) % CLASSES
    return np.zeros((CLASSES, PLACES, CLASSES)), labels


def hard_tokens() -> tuple[np.ndarray, np.ndarray]:
    """Return sure predictions, right and wrong."""
    logits = 1e4 * np.eye(CLASSES)[balanced_tokens()[1]]
    return logits, np.zeros((CLASSES, PLACES), dtype=int)


def torch_tokens(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return torch's cross-entropy, with the classes on axis 1."""
    z, y = torch.as_tensor(logits), torch.as_tensor(labels)
    return F.cross_entropy(z.transpose(1, 2), y, reduction="none").numpy()


def exact_tokens(logits: list, labels: list) -> list:
    """Return each token's cross-entropy in mpmath."""
    return [-exact_log_softmax(z)[int(y)] for z, y in zip(logits, labels, strict=True)]


def tokens() -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_tokens(np.random.default_rng(0), 50, 2.0)


TOKEN_CROSS_ENTROPY = Case(
    loss=sequence.token_cross_entropy,
    gradient=sequence.token_cross_entropy_grad,
    settings=({},),
    draw=draw_tokens,
    oracle=("torch cross_entropy", torch_tokens),
    exact=exact_tokens,
    statistic=place_frequencies,
    sample=sample_tokens,
    link=lambda logits: scipy.special.softmax(logits.reshape(PLACES, CLASSES), axis=-1),
    chance=balanced_tokens,
    limits=lambda: (
        Point((((-INF, 0.0),), (1,)), [0, 0], 0.0),
        Point((((-INF, 0.0),), (0,)), [-1, 1], INF),
    ),
    corners=lambda: (balanced_tokens(), hard_tokens()),
    wrong_values={"labels": (-1, CLASSES, -100)},
    any_leading_axes=False,
    rounding=1.0,
    identities=(
        Identity(
            "softmax cross-entropy of all tokens in one row",
            lambda loss: (
                loss(*tokens()).ravel(),
                classification.softmax_cross_entropy_with_integer_labels(
                    tokens()[0].reshape(-1, CLASSES), tokens()[1].ravel()
                ),
            ),
        ),
        Identity(
            "the sum over the places: minus the log-likelihood of the whole sequence",
            lambda loss: (
                loss(*tokens()).sum(axis=-1),
                -np.log(np.prod(pick(scipy.special.softmax(tokens()[0], -1), tokens()[1]), -1)),
            ),
        ),
        Identity(
            "the gradient of each place sums to 0",
            lambda loss: (
                sequence.token_cross_entropy_grad(*tokens()).sum(axis=-1),
                np.zeros((50, PLACES)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, z, y: pick(stable.log_softmax(z), y)),
        wrong(
            "loss",
            "tokens one place late",
            lambda xp, z, y: -pick(stable.log_softmax(z), xp.roll(y, 1, axis=1)),
        ),
        wrong(
            "loss",
            "softmax over the places",
            lambda xp, z, y: -pick(stable.log_softmax(z, axis=1), y),
        ),
        wrong(
            "loss",
            "mean over the places",
            lambda xp, z, y: xp.mean(-pick(stable.log_softmax(z), y), axis=1),
        ),
        wrong("loss", "logits for log-probabilities", lambda xp, z, y: -pick(z, y)),
        wrong(
            "loss",
            "token 0 taken for padding",
            lambda xp, z, y: -pick(stable.log_softmax(z), y) * xp.astype(y != 0, z.dtype),
        ),
        wrong("gradient", "sign", lambda xp, z, y: one_hot(y, z) - stable.softmax(z)),
        wrong(
            "gradient",
            "divided by the places",
            lambda xp, z, y: (stable.softmax(z) - one_hot(y, z)) / z.shape[1],
        ),
        wrong(
            "gradient",
            "token 0 taken for padding",
            lambda xp, z, y: (
                (stable.softmax(z) - one_hot(y, z)) * xp.astype(y != 0, z.dtype)[..., None]
            ),
        ),
    ),
)


def torch_smoothed(logits: np.ndarray, labels: np.ndarray, smoothing: float = 0.1) -> np.ndarray:
    """Return torch's cross-entropy, which smooths the labels itself."""
    z, y = torch.as_tensor(logits), torch.as_tensor(labels)
    return F.cross_entropy(z, y, label_smoothing=smoothing, reduction="none").numpy()


def exact_smoothed(z: list, y: Any, smoothing: float = 0.1) -> Any:
    """Return the smoothed cross-entropy in mpmath: the mean cost under the smoothed label."""
    part = mpmath.mpf(smoothing)
    shares = [part / len(z) + (1 - part) * (k == int(y)) for k in range(len(z))]
    return -mpmath.fsum(s * p for s, p in zip(shares, exact_log_softmax(z), strict=True))


def wrong_smoothing(
    targets: Callable[[Array, float], Array],
) -> Callable[..., Array]:
    """Return a loss whose smoothed targets are made from the one-hot rows in another way."""

    def body(xp, z, y, smoothing=0.1):
        rows = targets(one_hot(y, z), smoothing)
        return xp.sum(stable.times(rows, -stable.log_softmax(z)), axis=-1)

    return body


SMOOTHED_CROSS_ENTROPY = Case(
    loss=sequence.label_smoothed_cross_entropy,
    gradient=sequence.label_smoothed_cross_entropy_grad,
    settings=({}, {"smoothing": 0.0}),
    draw=draw_labelled,
    oracle=(
        "torch cross_entropy",
        torch_smoothed,
    ),
    exact=exact_smoothed,
    chance=balanced_labels,
    limits=lambda smoothing=0.1: (
        Point(((-INF, 0.0), 0), [smoothing / 2 - 1, 1 - smoothing / 2], INF),
        *([] if smoothing else [Point(((-INF, 0.0), 1), [0, 0], 0.0)]),
    ),
    corners=lambda: (balanced_labels(), hard(1e4), hard(10.0)),
    wrong_values={"labels": (-1, CLASSES, -100)},
    rounding=1.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: the frequencies, smoothed",
    },
    identities=(
        Identity(
            "cross-entropy of each token at smoothing 0",
            lambda loss: (loss(*tokens(), smoothing=0.0), sequence.token_cross_entropy(*tokens())),
        ),
        Identity(
            "softmax cross-entropy against smooth_labels",
            lambda loss: (
                loss(*tokens(), smoothing=0.3),
                classification.softmax_cross_entropy(
                    tokens()[0],
                    classification.smooth_labels(np.eye(CLASSES)[tokens()[1]], smoothing=0.3),
                ),
            ),
        ),
        Identity(
            "the gradient is 0 at the logarithms of the smoothed label",
            lambda loss: (
                sequence.label_smoothed_cross_entropy_grad(
                    np.log([[0.1, 0.7, 0.1, 0.1]]), np.asarray([1]), smoothing=0.4
                ),
                np.zeros((1, CLASSES)),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                sequence.label_smoothed_cross_entropy_grad(*tokens()).sum(axis=-1),
                np.zeros((50, PLACES)),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "ε/(K - 1) on the wrong classes",
            wrong_smoothing(lambda t, s: (1 - s) * t + s * (1 - t) / (t.shape[-1] - 1)),
        ),
        wrong("loss", "ε on each class", wrong_smoothing(lambda t, s: (1 - s) * t + s)),
        wrong(
            "loss", "label keeps its whole part", wrong_smoothing(lambda t, s: t + s / t.shape[-1])
        ),
        wrong("loss", "not smoothed", wrong_smoothing(lambda t, s: t)),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z, y, smoothing=0.1: (
                (smoothing - 1) * pick(stable.log_softmax(z), y)
                - smoothing * xp.mean(stable.log_softmax(z), axis=-1)
            ),
        ),
        wrong(
            "loss",
            "mean of the probabilities",
            lambda xp, z, y, smoothing=0.1: (
                -xp.log((1 - smoothing) * pick(stable.softmax(z), y) + smoothing / z.shape[-1])
            ),
        ),
        wrong(
            "gradient",
            "of cross-entropy",
            lambda xp, z, y, smoothing=0.1: stable.softmax(z) - one_hot(y, z),
        ),
        wrong(
            "gradient",
            "smoothing scales it",
            lambda xp, z, y, smoothing=0.1: (1 - smoothing) * (stable.softmax(z) - one_hot(y, z)),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, y, smoothing=0.1: (
                -sequence.label_smoothed_cross_entropy_grad(z, y, smoothing=smoothing)
            ),
        ),
    ),
)


def draw_choice(n: int = 4000) -> tuple[np.ndarray, ...]:
    """Return the model's tokens, other true ones, and uniforms."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 50, (n // 4, 4))
    return labels + 50, labels, rng.random((n // 4, 4))


def true_tokens_come_as_often_as_asked(mix: Callable) -> None:
    predictions, labels, uniforms = draw_choice()
    for probability in (0.0, 0.25, 0.9, 1.0):
        tokens = mix(predictions, labels, uniforms, teacher_forcing=probability)
        assert ((tokens == labels) | (tokens == predictions)).all()
        assert np.mean(tokens == labels) == pytest.approx(probability, abs=0.02)


def the_ends_are_one_source_alone(mix: Callable) -> None:
    predictions, labels, _ = draw_choice()
    for uniform in (0.0, np.nextafter(1.0, 0.0)):
        uniforms = np.full(labels.shape, uniform)
        for probability, expected in ((0.0, predictions), (1.0, labels)):
            tokens = mix(predictions, labels, uniforms, teacher_forcing=probability)
            np.testing.assert_array_equal(tokens, expected)


def a_true_token_stays_when_teacher_forcing_grows(mix: Callable) -> None:
    predictions, labels, uniforms = draw_choice()
    kept = [
        mix(predictions, labels, uniforms, teacher_forcing=p) == labels for p in (0.2, 0.5, 0.8)
    ]
    assert (kept[0] <= kept[1]).all()
    assert (kept[1] <= kept[2]).all()


def tokens_keep_library_dtype_and_shape(mix: Callable) -> None:
    for library, dtype in FORMATS:
        predictions, labels, uniforms = (make(library, dtype, a[:3]) for a in draw_choice())
        tokens = mix(predictions, labels, uniforms, teacher_forcing=np.float64(0.5))
        assert type(tokens) is type(labels)
        assert (tokens.dtype, tokens.shape) == (labels.dtype, labels.shape)
    predictions, labels, uniforms = draw_choice()
    tokens = mix(predictions, labels.astype(np.int32), uniforms, teacher_forcing=0.5)
    assert tokens.dtype == np.int32


def wrong_mixtures_are_refused(mix: Callable) -> None:
    good = dict(zip(("predictions", "labels", "uniforms"), draw_choice(8), strict=True))
    for name, bad, error in (
        ("predictions", good["predictions"][:1], ValueError),
        ("predictions", good["predictions"] * 1.0, TypeError),
        ("predictions", -good["predictions"], ValueError),
        ("labels", good["labels"][..., None], ValueError),
        ("labels", torch.as_tensor(good["labels"]), TypeError),
        ("labels", -1 - good["labels"], ValueError),
        ("uniforms", good["labels"], TypeError),
        ("uniforms", good["uniforms"] + 1, ValueError),
        ("uniforms", [0.5], TypeError),
    ):
        with pytest.raises(error, match=f"^{name}: expected .*got "):
            mix(**{**good, name: bad}, teacher_forcing=0.5)
    for bad, error in ((1.5, ValueError), (-0.1, ValueError), ("1", TypeError), (True, TypeError)):
        with pytest.raises(error, match=r"^teacher_forcing: expected .*got "):
            mix(**good, teacher_forcing=bad)


def _mixing(body: Callable[..., Array]) -> Callable[..., Array]:
    def mutant(
        predictions: Array, labels: Array, uniforms: Array, *, teacher_forcing: float
    ) -> Array:
        sequence.scheduled_sampling(predictions, labels, uniforms, teacher_forcing=teacher_forcing)
        return body(predictions, labels, uniforms, float(teacher_forcing))

    return mutant


def _choice(condition: Array, yes: Array, no: Array) -> Array:
    return array_api_compat.array_namespace(yes).where(condition, yes, no)


SCHEDULED_SAMPLING = Helper(
    function=sequence.scheduled_sampling,
    checks=(
        true_tokens_come_as_often_as_asked,
        the_ends_are_one_source_alone,
        a_true_token_stays_when_teacher_forcing_grows,
        tokens_keep_library_dtype_and_shape,
        wrong_mixtures_are_refused,
    ),
    mutants={
        "the model's token where the true one belongs": _mixing(
            lambda model, true, u, p: _choice(u < p, model, true)
        ),
        "true tokens at 0 too": _mixing(lambda model, true, u, p: _choice(u <= p, true, model)),
        "uniforms from above": _mixing(lambda model, true, u, p: _choice(u > p, true, model)),
        "never": _mixing(lambda model, true, u, p: true),
        "tokens averaged": _mixing(lambda model, true, u, p: p * true + (1 - p) * model),
        "a draw of its own": _mixing(
            lambda model, true, u, p: np.where(
                np.random.default_rng().random(u.shape) < p, true, model
            )
        ),
        "unchecked": lambda predictions, labels, uniforms, *, teacher_forcing: _choice(
            uniforms < teacher_forcing, labels, predictions
        ),
    },
)


def schedule_checks(
    domains: dict[str, tuple[float, tuple[float, ...]]], expected: dict[float, float]
) -> tuple[Callable, ...]:
    """Return the checks of a schedule: from arguments' good and bad values, and from its values."""
    good = {name: value for name, (value, _) in domains.items()}

    def has_the_values_of_the_formula(schedule: Callable) -> None:
        for step, value in expected.items():
            assert schedule(step, **good) == pytest.approx(value, rel=1e-12, abs=1e-300)

    def falls_from_at_most_1_to_at_least_0(schedule: Callable) -> None:
        values = [schedule(step, **good) for step in (*range(200), 1e4, 1e300)]
        assert 0 <= min(values) <= max(values) <= 1
        assert all(later <= earlier for earlier, later in itertools.pairwise(values))
        assert values[0] > values[5] > values[10]
        assert all(type(value) is float for value in values)

    def bad_numbers_are_refused(schedule: Callable) -> None:
        for name, (_, bad) in {"step": (0.0, (-1.0,)), **domains}.items():
            for value in (*bad, math.nan):
                with pytest.raises(ValueError, match=f"^{name}: expected a number in .*got "):
                    schedule(**{"step": 1.0, **good, name: value})
            for value in ("1", True, None):
                with pytest.raises(TypeError, match=f"^{name}: expected a real number.*got "):
                    schedule(**{"step": 1.0, **good, name: value})

    return (
        has_the_values_of_the_formula,
        falls_from_at_most_1_to_at_least_0,
        bad_numbers_are_refused,
    )


def _scheduled(
    schedule: Callable[..., float], bodies: dict[str, Callable[..., float]]
) -> dict[str, Callable[..., float]]:
    """Return wrong schedules that check their arguments, and an unchecked one."""

    def checked(body: Callable[..., float]) -> Callable[..., float]:
        def mutant(step: float, **named: float) -> float:
            schedule(step, **named)
            return body(step, **named)

        return mutant

    unguarded = mock.patch.object(
        sequence, "check_in", lambda interval, **named: next(iter(named.values()))
    )
    wrong_ones = {name: checked(body) for name, body in bodies.items()}
    return {**wrong_ones, "unchecked": unguarded(schedule)}


LINEAR = Helper(
    function=sequence.linear_teacher_forcing,
    checks=schedule_checks(
        {
            "slope": (0.01, (-0.1, INF)),
            "start": (0.9, (-0.1, 1.1)),
            "floor": (0.2, (-0.1, 1.1)),
        },
        {0: 0.9, 10: 0.8, 70: 0.2, 80: 0.2},
    ),
    mutants=_scheduled(
        sequence.linear_teacher_forcing,
        {
            "no floor": lambda step, *, slope, start, floor: start - slope * step,
            "floor added": lambda step, *, slope, start, floor: (
                floor + max(0.0, start - slope * step)
            ),
            "rises": lambda step, *, slope, start, floor: min(start, floor + slope * step),
            "starts at 1": lambda step, *, slope, start, floor: max(floor, 1 - slope * step),
            "an integer at the start": lambda step, **named: (
                1 if step == 0 else sequence.linear_teacher_forcing(step, **named)
            ),
        },
    ),
)

EXPONENTIAL = Helper(
    function=sequence.exponential_teacher_forcing,
    checks=schedule_checks({"base": (0.9, (0.0, 1.0, -0.5))}, {0: 1.0, 1: 0.9, 2: 0.81}),
    mutants=_scheduled(
        sequence.exponential_teacher_forcing,
        {
            "falls with e": lambda step, *, base: math.exp(-base * step),
            "base over the step": lambda step, *, base: base / (step + 1),
            "rises": lambda step, *, base: 1 - base**step,
            "one step late": lambda step, *, base: base ** (step + 1),
        },
    ),
)

INVERSE_SIGMOID = Helper(
    function=sequence.inverse_sigmoid_teacher_forcing,
    checks=schedule_checks(
        {"scale": (10.0, (0.0, 0.9, -1.0, INF))},
        {
            0: 10 / 11,
            10: 10 / (10 + math.e),
            10 * math.log(10): 0.5,
            5000: 10 * math.exp(-500),
            1e300: 0.0,
        },
    ),
    mutants=_scheduled(
        sequence.inverse_sigmoid_teacher_forcing,
        {
            "overflows": lambda step, *, scale: scale / (scale + math.exp(step / scale)),
            "sigmoid": lambda step, *, scale: 1 / (1 + math.exp(-min(step / scale, 700.0))),
            "step not scaled": lambda step, *, scale: scale / (scale + math.exp(min(step, 700.0))),
            "starts at ½": lambda step, *, scale: 1 / (1 + math.exp(min(step / scale, 700.0))),
        },
    ),
)

CASES = [CTC, TOKEN_CROSS_ENTROPY, SMOOTHED_CROSS_ENTROPY]
HELPERS = [SCHEDULED_SAMPLING, LINEAR, EXPONENTIAL, INVERSE_SIGMOID]
