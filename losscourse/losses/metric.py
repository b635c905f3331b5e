r"""Losses on distances and similarities: which examples belong together?

In the formulas d is the Euclidean distance of two embeddings, and the cosine of two is the inner
product of their directions. A row of zeros has no direction: its cosine with any other is 0, and so
is its gradient. Each loss is followed by its gradient, the derivative of the summed loss by its
embeddings.
"""

import math
from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    REALS,
    Array,
    Interval,
    check_all,
    check_axes,
    check_in,
    check_labels,
    check_signs,
    one_hot,
    pick,
    real_namespace,
    stop_gradient,
)
from losscourse.losses.classification import (
    softmax_cross_entropy_with_integer_labels,
    softmax_cross_entropy_with_integer_labels_grad,
)

__all__ = [
    "arcface",
    "arcface_grad",
    "barlow_twins",
    "barlow_twins_grad",
    "batch_hard_triplets",
    "clip",
    "clip_grad",
    "contrastive",
    "contrastive_grad",
    "cosine_embedding",
    "cosine_embedding_grad",
    "info_nce",
    "info_nce_grad",
    "nt_xent",
    "nt_xent_grad",
    "siglip",
    "siglip_grad",
    "supervised_contrastive",
    "supervised_contrastive_grad",
    "triplet",
    "triplet_grad",
    "vicreg",
    "vicreg_grad",
]

_COSINES = Interval(-1, 1, low_closed=True, high_closed=True)
_ANGLES = Interval(0, math.pi / 2, low_closed=True, high_closed=True)


def _check_embeddings(axes: str, **named: Array) -> Any:
    """Check floats by their axes, the last of the first array at least 1; return the namespace."""
    xp = real_namespace(**named)
    check_axes(axes, **named)
    name, array = next(iter(named.items()))
    if array.shape[-1] == 0:
        raise ValueError(f"{name}: expected rows of at least one number, got {tuple(array.shape)}")
    return xp


def _check_batch(axes: str, rows: int = 1, **named: Array) -> Any:
    """Check embeddings that are compared with one another, `rows` of them at least."""
    xp = _check_embeddings(axes, **named)
    name, array = next(iter(named.items()))
    if array.shape[0] < rows:
        raise ValueError(f"{name}: expected a batch of {rows} or more, got {tuple(array.shape)}")
    return xp


def _numbers(xp: Any, like: Array, count: int) -> Array:
    """Return 0, 1, ... as labels on the device of an array."""
    return xp.arange(count, dtype=xp.int64, device=array_api_compat.device(like))


def _lengths(xp: Any, x: Array) -> Array:
    """Return the length of each row; no square overflows or underflows."""
    return _measured(xp, x)[0]


def _polar(xp: Any, x: Array) -> tuple[Array, Array]:
    """Return the length of each row and its direction; no square overflows or underflows.

    A row of zeros has the direction 0, and 0 is its derivative too. A row with an infinite element
    has the direction of its infinite elements.
    """
    lengths, scaled, roots = _measured(xp, x)
    return lengths, scaled / _or_infinite(xp, roots)


def _measured(xp: Any, x: Array) -> tuple[Array, Array, Array]:
    """Return the length of each row, the row over its largest element, and the length of that."""
    largest = xp.max(xp.abs(x), axis=-1, keepdims=True)
    bound = xp.finfo(x.dtype).max
    scale = xp.where(largest == 0, xp.ones_like(largest), xp.clip(largest, max=bound))
    scaled = xp.clip(x, min=-bound, max=bound) / scale
    roots = stable.sqrt(xp.sum(xp.square(scaled), axis=-1, keepdims=True))
    return xp.where(xp.isinf(largest), largest, scale * roots)[..., 0], scaled, roots


def _or_infinite(xp: Any, lengths: Array) -> Array:
    """Return lengths with inf for 0: what is divided by it is 0, and has the derivative 0."""
    return xp.where(lengths == 0, xp.full_like(lengths, math.inf), lengths)


def _by_row(xp: Any, slopes: Array, lengths: Array, directions: Array) -> Array:
    """Return the derivative by rows from that by their directions: 0 for a row of zeros."""
    along = xp.sum(slopes * directions, axis=-1, keepdims=True)
    return (slopes - along * directions) / _or_infinite(xp, lengths)[..., None]


def contrastive(first: Array, second: Array, signs: Array, *, margin: float = 1.0) -> Array:
    r"""Return the contrastive loss of each pair: it pulls like ones together, pushes others apart.

    Formula: $\tfrac12 d^2$ for a pair of sign 1 and $\tfrac12 \max(0, m - d)^2$ for one of sign
    -1, where d is the Euclidean distance of `first` and `second` and m is `margin`.

    Args:
        first: Floats of shape (..., D): one embedding of each pair.
        second: Floats of the shape and dtype of `first`: the other one.
        signs: Floats of shape (...): 1 for a pair that belongs together, -1 for one that does not.
        margin: The distance from which a pair of sign -1 costs nothing, in the embeddings' unit;
            positive.

    Returns:
        Array of the shape of `signs` and the dtype of `first`, in the embeddings' unit squared; at
        least 0.

    Gradient:
        $x_1 - x_2$ for sign 1, $-\max(0, m - d)\,(x_1 - x_2)/d$ for sign -1, by the first
        embedding; see `contrastive_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes do not fit, a sign is neither -1 nor 1, or `margin` is not positive.

    Numerics:
        The squares of a distance of 1000 overflow float16, those of 1e-4 vanish. Here the largest
        element is divided out first. The root's derivative at distance 0 is infinite; here it is 0.

    Convention:
        The paper's label Y is 0 for a pair that belongs together and 1 for another: here 1 and -1.
        The embeddings are not normalised. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> first, second = np.zeros((2, 2)), np.asarray([[0.3, 0.4], [0.3, 0.4]])
        >>> contrastive(first, second, np.asarray([1.0, -1.0])).tolist()
        [0.125, 0.125]

    Reference:
        Hadsell, Chopra and LeCun (2006), Dimensionality Reduction by Learning an Invariant Mapping.
    """
    xp = _check_pairs(first, second, signs)
    margin = check_in(POSITIVE, margin=margin)
    distances = _lengths(xp, first - second)
    same, other = (1 + signs) / 2, (1 - signs) / 2
    pulled = stable.times(same, distances)
    pushed = other * xp.clip(margin - stable.times(other, distances), min=0)
    return pulled * (pulled / 2) + pushed * (pushed / 2)


def contrastive_grad(
    first: Array, second: Array, signs: Array, *, margin: float = 1.0
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `contrastive` by both embeddings.

    Formula: $g = x_1 - x_2$ for sign 1, $g = -\max(0, m - d)\,(x_1 - x_2)/d$ for sign -1, by the
    first embedding, and $-g$ by the second. At d = 0 both are 0.

    Args:
        first: Floats of shape (..., D).
        second: Floats of the shape and dtype of `first`.
        signs: Floats of shape (...), each -1 or 1.
        margin: The distance from which a pair of sign -1 costs nothing; positive.

    Returns:
        Two arrays of the shape and dtype of `first`, in the embeddings' unit.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes do not fit, a sign is neither -1 nor 1, or `margin` is not positive.

    Example:
        >>> import numpy as np
        >>> x, signs = np.asarray([[0.3, 0.4], [0.3, 0.4]]), np.asarray([1.0, -1.0])
        >>> contrastive_grad(x, np.zeros((2, 2)), signs)[0].round(4).tolist()
        [[0.3, 0.4], [-0.3, -0.4]]
    """
    xp = _check_pairs(first, second, signs)
    margin = check_in(POSITIVE, margin=margin)
    differences = first - second
    distances, directions = _polar(xp, differences)
    push = signs * xp.clip(margin - distances, min=0)
    gradient = xp.where(signs[..., None] > 0, differences, push[..., None] * directions)
    return gradient, -gradient


def _check_pairs(first: Array, second: Array, signs: Array) -> Any:
    """Check pairs of embeddings and their signs; return the namespace."""
    xp = _check_embeddings("... D, ... D, ...", first=first, second=second, signs=signs)
    check_signs(signs=signs)
    return xp


def triplet(anchors: Array, positives: Array, negatives: Array, *, margin: float = 1.0) -> Array:
    r"""Return the triplet loss of each anchor: its positive shall be nearer than its negative.

    Formula: $\max(0, d(a, p) - d(a, n) + m)$, where d is the Euclidean distance of an anchor a and
    its positive p or its negative n, and m is `margin`.

    Args:
        anchors: Floats of shape (..., D).
        positives: Floats of the shape and dtype of `anchors`: an embedding of the same class each.
        negatives: Floats of the shape and dtype of `anchors`: one of another class each.
        margin: By how much the negative must be farther, in the embeddings' unit; positive.

    Returns:
        Array of shape (...) and the dtype of `anchors`, in the embeddings' unit; at least 0.

    Gradient:
        $u - v$ by the anchor, $-u$ by the positive and $v$ by the negative where the loss is
        positive, with $u = (a - p)/d(a, p)$ and $v = (a - n)/d(a, n)$; see `triplet_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes differ, or `margin` is not positive.

    Numerics:
        The root's derivative is infinite where the positive is the anchor itself; here it is 0. No
        square overflows: see `contrastive`.

    Convention:
        Distances, as Hermans, Beyer and Leibe have it; FaceNet takes their squares. Nothing is
        normalised. `torch.nn.functional.triplet_margin_loss(anchors, positives, negatives,
        margin=margin, eps=0.0, reduction="none")`: by default torch adds 1e-6 to each difference.

    Example:
        >>> import numpy as np
        >>> anchors, positives = np.zeros((2, 2)), np.asarray([[0.3, 0.4], [0.3, 0.4]])
        >>> negatives = np.asarray([[0.6, 0.8], [3.0, 4.0]])
        >>> triplet(anchors, positives, negatives).tolist()
        [0.5, 0.0]

    Reference:
        Schroff, Kalenichenko and Philbin (2015), FaceNet: A Unified Embedding for Face Recognition
        and Clustering; with plain distances, Hermans, Beyer and Leibe (2017), In Defense of the
        Triplet Loss for Person Re-Identification.
    """
    xp = _check_triplets(anchors, positives, negatives)
    margin = check_in(POSITIVE, margin=margin)
    near, far = _lengths(xp, anchors - positives), _lengths(xp, anchors - negatives)
    return xp.clip(near - far + margin, min=0)


def triplet_grad(
    anchors: Array, positives: Array, negatives: Array, *, margin: float = 1.0
) -> tuple[Array, Array, Array]:
    r"""Return the derivatives of the summed `triplet` by anchors, positives and negatives.

    Formula: $(u - v,\, -u,\, v)$ where $d(a, p) - d(a, n) + m \ge 0$, else 0, with
    $u = (a - p)/d(a, p)$ and $v = (a - n)/d(a, n)$. A direction is 0 where its distance is 0.

    Args:
        anchors: Floats of shape (..., D).
        positives: Floats of the shape and dtype of `anchors`.
        negatives: Floats of the shape and dtype of `anchors`.
        margin: By how much the negative must be farther; positive.

    Returns:
        Three arrays of the shape and dtype of `anchors`: the rows of the first at most 2 long,
        those of the others 1 or 0.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes differ, or `margin` is not positive.

    Example:
        >>> import numpy as np
        >>> anchors, positives = np.zeros((1, 2)), np.asarray([[0.0, 2.0]])
        >>> by_anchor, _, _ = triplet_grad(anchors, positives, np.asarray([[2.0, 0.0]]))
        >>> by_anchor.tolist()
        [[1.0, -1.0]]
    """
    xp = _check_triplets(anchors, positives, negatives)
    margin = check_in(POSITIVE, margin=margin)
    near, toward = _polar(xp, anchors - positives)
    far, away = _polar(xp, anchors - negatives)
    slack = (near - far + margin)[..., None]
    idle = xp.zeros_like(anchors)
    toward, away = (xp.where(slack < 0, idle, direction) for direction in (toward, away))
    return toward - away, -toward, away


def _check_triplets(anchors: Array, positives: Array, negatives: Array) -> Any:
    """Check embeddings of anchors, positives and negatives; return the namespace."""
    return _check_embeddings(
        "... D, ... D, ... D", anchors=anchors, positives=positives, negatives=negatives
    )


def cosine_embedding(first: Array, second: Array, signs: Array, *, margin: float = 0.0) -> Array:
    r"""Return the cosine embedding loss of each pair: a contrastive loss of directions alone.

    Formula: $1 - c$ for a pair of sign 1 and $\max(0, c - m)$ for one of sign -1, where c is the
    cosine of `first` and `second` and m is `margin`.

    Args:
        first: Floats of shape (..., D): one embedding of each pair.
        second: Floats of the shape and dtype of `first`: the other one.
        signs: Floats of shape (...): 1 for a pair that belongs together, -1 for one that does not.
        margin: The cosine up to which a pair of sign -1 costs nothing; in [-1, 1].

    Returns:
        Array of the shape of `signs` and the dtype of `first`, without unit; in [0, 2].

    Gradient:
        $-(v - c\,u)/|x|$ for sign 1 and, where $c \ge m$, $(v - c\,u)/|x|$ for sign -1, by an
        embedding x of direction u, with v the other's direction; see `cosine_embedding_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes do not fit, a sign is neither -1 nor 1, or `margin` is outside
            [-1, 1].

    Numerics:
        1 - c cancels where the directions agree: within 1e-4 it rounds to 0 in float32. Here it is
        $\tfrac12 |u - v|^2$, which is equal and keeps its digits and its slope.

    Convention:
        The embeddings are normalised here: their lengths do not count. As
        `torch.nn.functional.cosine_embedding_loss(first, second, signs, margin=margin,
        reduction="none")`, which adds 1e-12 to the squared lengths. A row of zeros has cosine 0.

    Example:
        >>> import numpy as np
        >>> first, second = np.asarray([[3.0, 4.0]]), np.asarray([[4.0, 3.0]])
        >>> for sign in (1.0, -1.0):
        ...     cosine_embedding(first, second, np.asarray([sign])).round(4).tolist()
        [0.04]
        [0.96]

    Reference:
        Paszke et al. (2019), PyTorch: An Imperative Style, High-Performance Deep Learning Library,
        whose function it is.
    """
    xp = _check_pairs(first, second, signs)
    margin = check_in(_COSINES, margin=margin)
    (length, u), (other_length, v) = _polar(xp, first), _polar(xp, second)
    cosines = xp.sum(u * v, axis=-1)
    apart = xp.sum(xp.square(u - v), axis=-1) / 2
    apart = xp.where((length == 0) | (other_length == 0), xp.ones_like(apart), apart)
    return (1 + signs) / 2 * apart + (1 - signs) / 2 * xp.clip(cosines - margin, min=0)


def cosine_embedding_grad(
    first: Array, second: Array, signs: Array, *, margin: float = 0.0
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `cosine_embedding` by both embeddings.

    Formula: $-(v - c\,u)/|x|$ for sign 1 and, where $c \ge m$, $(v - c\,u)/|x|$ for sign -1, by
    an embedding x of direction u, with v the other's direction. By a row of zeros it is 0.

    Args:
        first: Floats of shape (..., D).
        second: Floats of the shape and dtype of `first`.
        signs: Floats of shape (...), each -1 or 1.
        margin: The cosine up to which a pair of sign -1 costs nothing; in [-1, 1].

    Returns:
        Two arrays of the shape and dtype of `first`; each row is at a right angle to its embedding.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes do not fit, a sign is neither -1 nor 1, or `margin` is outside
            [-1, 1].

    Example:
        >>> import numpy as np
        >>> x, y = np.asarray([[2.0, 0.0]]), np.asarray([[0.0, 1.0]])
        >>> by_first, by_second = cosine_embedding_grad(x, y, np.asarray([1.0]))
        >>> by_first.tolist(), by_second.tolist()
        ([[0.0, -0.5]], [[-1.0, 0.0]])
    """
    xp = _check_pairs(first, second, signs)
    margin = check_in(_COSINES, margin=margin)
    (length, u), (other_length, v) = _polar(xp, first), _polar(xp, second)
    idle = (signs < 0) & (xp.sum(u * v, axis=-1) < margin)
    weights = xp.where(idle, xp.zeros_like(signs), signs)[..., None]
    # Across u, -v is u - v, which keeps its digits where the two agree.
    by_first = _by_row(xp, weights * (u - v), length, u)
    return by_first, _by_row(xp, weights * (v - u), other_length, v)


def info_nce(queries: Array, keys: Array, *, temperature: float = 0.1) -> Array:
    r"""Return the InfoNCE loss of each query: which of the batch's keys is its own?

    Formula: $-\log \big(e^{c_{ii}/\tau} / \sum_j e^{c_{ij}/\tau}\big)$, where $c_{ij}$ is the
    cosine of query i and key j and $\tau$ is `temperature`.

    Args:
        queries: Floats of shape (N, D), at least one row.
        keys: Floats of the shape and dtype of `queries`: row i belongs to query i, the others are
            its negatives.
        temperature: What the cosines are divided by; positive. The smaller, the more the nearest
            negatives count.

    Returns:
        Array of shape (N,) and the dtype of `queries`, in nats; at least 0, log N where all
        cosines are equal.

    Gradient:
        By the cosines $(p_{ij} - 1_{ij})/\tau$ with p the softmax of each row, then by the
        directions and by the embeddings; see `info_nce_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes do not fit, there is no row, or `temperature` is not positive.

    Numerics:
        exp(1/temperature) overflows float32 at a temperature of 0.01: see `stable.log_softmax`. An
        embedding's square may overflow, its direction does not.

    Convention:
        The embeddings are normalised here: their lengths do not count. The paper scores a pair by
        a bilinear form. `torch.nn.functional.cross_entropy(cosines / temperature, arange(N),
        reduction="none")`. A loss depends on its whole batch: batches in parts are not the same.

    Example:
        >>> import numpy as np
        >>> queries, keys = np.eye(2), np.asarray([[2.0, 0.0], [3.0, 0.0]])
        >>> info_nce(queries, keys, temperature=1.0).round(4).tolist()
        [0.6931, 0.6931]

    Reference:
        van den Oord, Li and Vinyals (2018), Representation Learning with Contrastive Predictive
        Coding.
    """
    xp = _check_batch("N D, N D", queries=queries, keys=keys)
    temperature = check_in(POSITIVE, temperature=temperature)
    (_, u), (_, v) = _polar(xp, queries), _polar(xp, keys)
    own = _numbers(xp, queries, queries.shape[0])
    return softmax_cross_entropy_with_integer_labels(u @ xp.matrix_transpose(v) / temperature, own)


def info_nce_grad(queries: Array, keys: Array, *, temperature: float = 0.1) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `info_nce` by queries and keys.

    Formula: $S v$ by the queries' directions u and $S^\top u$ by the keys' directions v, with
    $S = (\operatorname{softmax}(c/\tau) - 1)/\tau$; then a slope g by a direction u is
    $(g - (g \cdot u)\,u)/|x|$ by its embedding x, and 0 for a row of zeros.

    Args:
        queries: Floats of shape (N, D), at least one row.
        keys: Floats of the shape and dtype of `queries`.
        temperature: What the cosines are divided by; positive.

    Returns:
        Two arrays of the shape and dtype of `queries`; each row is at a right angle to its
        embedding.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes do not fit, there is no row, or `temperature` is not positive.

    Example:
        >>> import numpy as np
        >>> x = np.eye(2)
        >>> by_queries, by_keys = info_nce_grad(x, x[::-1], temperature=1.0)
        >>> by_queries.round(4).tolist()
        [[0.0, -0.7311], [-0.7311, 0.0]]
    """
    xp = _check_batch("N D, N D", queries=queries, keys=keys)
    temperature = check_in(POSITIVE, temperature=temperature)
    (length, u), (key_length, v) = _polar(xp, queries), _polar(xp, keys)
    logits = u @ xp.matrix_transpose(v) / temperature
    own = _numbers(xp, queries, queries.shape[0])
    slopes = softmax_cross_entropy_with_integer_labels_grad(logits, own) / temperature
    by_keys = _by_row(xp, xp.matrix_transpose(slopes) @ u, key_length, v)
    return _by_row(xp, slopes @ v, length, u), by_keys


def clip(images: Array, texts: Array, *, temperature: float = 0.07) -> Array:
    r"""Return the CLIP loss of each pair: which text is the image's, and which image the text's?

    Formula: $-\tfrac12 \log \big(e^{c_{ii}/\tau} / \sum_j e^{c_{ij}/\tau}\big)
    - \tfrac12 \log \big(e^{c_{ii}/\tau} / \sum_j e^{c_{ji}/\tau}\big)$, where $c_{ij}$ is the
    cosine of image i and text j and $\tau$ is `temperature`.

    Args:
        images: Floats of shape (N, D), at least one row.
        texts: Floats of the shape and dtype of `images`: row i belongs to image i.
        temperature: What the cosines are divided by; positive.

    Returns:
        Array of shape (N,) and the dtype of `images`, in nats; at least 0, log N where all cosines
        are equal.

    Gradient:
        The mean of those of `info_nce` both ways; see `clip_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes do not fit, there is no row, or `temperature` is not positive.

    Numerics:
        See `info_nce`.

    Convention:
        The embeddings are normalised here. The mean over the batch is the paper's loss. CLIP learns
        the logarithm of 1/temperature, from 0.07, and keeps 1/temperature at 100 or below; here it
        is a hyperparameter. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> images, texts = np.eye(2), np.asarray([[2.0, 0.0], [3.0, 0.0]])
        >>> clip(images, texts, temperature=1.0).round(4).tolist()
        [0.5032, 1.0032]

    Reference:
        Radford et al. (2021), Learning Transferable Visual Models From Natural Language
        Supervision.
    """
    _check_batch("N D, N D", images=images, texts=texts)
    temperature = check_in(POSITIVE, temperature=temperature)
    which_text = info_nce(images, texts, temperature=temperature)
    which_image = info_nce(texts, images, temperature=temperature)
    return (which_text + which_image) / 2


def clip_grad(images: Array, texts: Array, *, temperature: float = 0.07) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `clip` by images and texts.

    Formula: by each the mean of `info_nce_grad` of images and texts and that of texts and images.

    Args:
        images: Floats of shape (N, D), at least one row.
        texts: Floats of the shape and dtype of `images`.
        temperature: What the cosines are divided by; positive.

    Returns:
        Two arrays of the shape and dtype of `images`; each row is at a right angle to its
        embedding.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes do not fit, there is no row, or `temperature` is not positive.

    Example:
        >>> import numpy as np
        >>> by_images, by_texts = clip_grad(np.eye(2), np.eye(2)[::-1], temperature=1.0)
        >>> by_images.round(4).tolist()
        [[0.0, -0.7311], [-0.7311, 0.0]]
    """
    _check_batch("N D, N D", images=images, texts=texts)
    temperature = check_in(POSITIVE, temperature=temperature)
    by_images, by_texts = info_nce_grad(images, texts, temperature=temperature)
    texts_too, images_too = info_nce_grad(texts, images, temperature=temperature)
    return (by_images + images_too) / 2, (by_texts + texts_too) / 2


def nt_xent(first: Array, second: Array, *, temperature: float = 0.5) -> Array:
    r"""Return the NT-Xent loss of each view: SimCLR's search for the other view of its example.

    Formula: $-\log \big(e^{c_{ij}/\tau} / \sum_{k \ne i} e^{c_{ik}/\tau}\big)$ for each view i of
    the 2N in the batch, where j is the other view of its example, $c_{ij}$ is the cosine of two
    views and $\tau$ is `temperature`.

    Args:
        first: Floats of shape (N, D), at least one row: one view of each example.
        second: Floats of the shape and dtype of `first`: another view of each.
        temperature: What the cosines are divided by; positive.

    Returns:
        Array of shape (N, 2) and the dtype of `first`, in nats: the losses of both views of each
        example; at least 0, log(2N - 1) where all cosines are equal.

    Gradient:
        As `info_nce`, with each view as query and as key; see `nt_xent_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes do not fit, there is no row, or `temperature` is not positive.

    Numerics:
        See `info_nce`. A view's cosine with itself is left out by a logit of -inf.

    Convention:
        The embeddings are normalised here: their lengths do not count. The mean of all 2N elements
        is the paper's loss. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> nt_xent(np.eye(2), np.eye(2), temperature=1.0).round(4).tolist()
        [[0.5514, 0.5514], [0.5514, 0.5514]]

    Reference:
        Chen, Kornblith, Norouzi and Hinton (2020), A Simple Framework for Contrastive Learning of
        Visual Representations, eq. 1.
    """
    xp = _check_batch("N D, N D", first=first, second=second)
    temperature = check_in(POSITIVE, temperature=temperature)
    _, u = _polar(xp, xp.concat([first, second]))
    logits, partners = _others(xp, u, temperature), _partners(xp, u)
    losses = softmax_cross_entropy_with_integer_labels(logits, partners)
    return xp.matrix_transpose(xp.reshape(losses, (2, first.shape[0])))


def nt_xent_grad(first: Array, second: Array, *, temperature: float = 0.5) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `nt_xent` by both views.

    Formula: $(S + S^\top)\,u$ by the directions u of all 2N views, with
    $S = (p - 1)/\tau$, where p is the softmax over the other views and 1 stands at the view's
    partner; then a slope g by a direction u is $(g - (g \cdot u)\,u)/|x|$ by its embedding x.

    Args:
        first: Floats of shape (N, D), at least one row.
        second: Floats of the shape and dtype of `first`.
        temperature: What the cosines are divided by; positive.

    Returns:
        Two arrays of the shape and dtype of `first`; each row is at a right angle to its embedding.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes do not fit, there is no row, or `temperature` is not positive.

    Example:
        >>> import numpy as np
        >>> by_first, _ = nt_xent_grad(np.eye(2), np.eye(2)[::-1], temperature=1.0)
        >>> by_first.round(4).tolist()
        [[0.0, -1.1522], [-1.1522, 0.0]]
    """
    xp = _check_batch("N D, N D", first=first, second=second)
    temperature = check_in(POSITIVE, temperature=temperature)
    length, u = _polar(xp, xp.concat([first, second]))
    logits, partners = _others(xp, u, temperature), _partners(xp, u)
    slopes = softmax_cross_entropy_with_integer_labels_grad(logits, partners) / temperature
    gradient = _by_row(xp, (slopes + xp.matrix_transpose(slopes)) @ u, length, u)
    return gradient[: first.shape[0], :], gradient[first.shape[0] :, :]


def _others(xp: Any, directions: Array, temperature: float) -> Array:
    """Return each row's cosines with all rows over the temperature, -inf with itself."""
    logits = directions @ xp.matrix_transpose(directions) / temperature
    rows = _numbers(xp, directions, directions.shape[0])
    itself = rows[:, None] == rows[None, :]
    return xp.where(itself, xp.full_like(logits, -float("inf")), logits)


def _partners(xp: Any, views: Array) -> Array:
    """Return where each view's other view stands: half of the rows on."""
    count = views.shape[0]
    return (_numbers(xp, views, count) + count // 2) % count


def siglip(images: Array, texts: Array, *, temperature: float = 0.1, bias: float = -10.0) -> Array:
    r"""Return the SigLIP loss of each image: is each text of the batch its own, yes or no?

    Formula: $\sum_j \log\big(1 + e^{-s_{ij} z_{ij}}\big)$ with $z_{ij} = c_{ij}/\tau + b$, where
    $c_{ij}$ is the cosine of image i and text j, $s_{ij}$ is 1 for i = j and -1 for the others,
    $\tau$ is `temperature` and b is `bias`.

    Args:
        images: Floats of shape (N, D), at least one row.
        texts: Floats of the shape and dtype of `images`: row i belongs to image i.
        temperature: What the cosines are divided by; positive.
        bias: What is added to each logit. It starts negative, since of N texts only one is right.

    Returns:
        Array of shape (N,) and the dtype of `images`, in nats; at least 0.

    Gradient:
        By the cosines $-s_{ij}\,\sigma(-s_{ij} z_{ij})/\tau$ with the sigmoid $\sigma$, then by the
        directions and by the embeddings; see `siglip_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes do not fit, there is no row, `temperature` is not positive, or `bias`
            is not finite.

    Numerics:
        See `stable.softplus`.

    Convention:
        The embeddings are normalised here. The mean over the images is the paper's loss: a sum over
        all pairs, divided by N. The paper multiplies by t, which starts at 10: 1/temperature. It
        learns t and b; here they are hyperparameters. Its pseudocode adds b to the logit, as here.

    Example:
        >>> import numpy as np
        >>> images, texts = np.eye(2), np.asarray([[2.0, 0.0], [3.0, 0.0]])
        >>> siglip(images, texts, temperature=1.0, bias=0.0).round(4).tolist()
        [1.6265, 1.3863]

    Reference:
        Zhai, Mustafa, Kolesnikov and Beyer (2023), Sigmoid Loss for Language Image Pre-Training.
    """
    xp = _check_batch("N D, N D", images=images, texts=texts)
    temperature, bias = check_in(POSITIVE, temperature=temperature), check_in(REALS, bias=bias)
    (_, u), (_, v) = _polar(xp, images), _polar(xp, texts)
    return xp.sum(stable.softplus(_verdicts(xp, u, v, temperature, bias)[1]), axis=-1)


def siglip_grad(
    images: Array, texts: Array, *, temperature: float = 0.1, bias: float = -10.0
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `siglip` by images and texts.

    Formula: $S v$ by the images' directions u and $S^\top u$ by the texts' directions v, with
    $S_{ij} = -s_{ij}\,\sigma(-s_{ij} z_{ij})/\tau$; then a slope g by a direction u is
    $(g - (g \cdot u)\,u)/|x|$ by its embedding x, and 0 for a row of zeros.

    Args:
        images: Floats of shape (N, D), at least one row.
        texts: Floats of the shape and dtype of `images`.
        temperature: What the cosines are divided by; positive.
        bias: What is added to each logit.

    Returns:
        Two arrays of the shape and dtype of `images`; each row is at a right angle to its
        embedding.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes do not fit, there is no row, `temperature` is not positive, or `bias`
            is not finite.

    Example:
        >>> import numpy as np
        >>> by_images, _ = siglip_grad(np.eye(2), np.eye(2)[::-1], temperature=1.0, bias=0.0)
        >>> by_images.round(4).tolist()
        [[0.0, -0.5], [-0.5, 0.0]]
    """
    xp = _check_batch("N D, N D", images=images, texts=texts)
    temperature, bias = check_in(POSITIVE, temperature=temperature), check_in(REALS, bias=bias)
    (length, u), (text_length, v) = _polar(xp, images), _polar(xp, texts)
    against, wrong = _verdicts(xp, u, v, temperature, bias)
    slopes = against * stable.sigmoid(wrong) / temperature
    by_texts = _by_row(xp, xp.matrix_transpose(slopes) @ u, text_length, v)
    return _by_row(xp, slopes @ v, length, u), by_texts


def _verdicts(xp: Any, u: Array, v: Array, temperature: float, bias: float) -> tuple[Array, Array]:
    """Return -1 for each own pair and 1 for the others, and the logits of pairs times that."""
    logits = u @ xp.matrix_transpose(v) / temperature + bias
    against = 1 - 2 * one_hot(_numbers(xp, u, u.shape[0]), logits)
    return against, against * logits


def supervised_contrastive(embeddings: Array, labels: Array, *, temperature: float = 0.1) -> Array:
    r"""Return the supervised contrastive loss of each anchor: all of its class are positives.

    Formula: $-\frac{1}{|P_i|} \sum_{p \in P_i} \log \big(e^{c_{ip}/\tau} /
    \sum_{a \ne i} e^{c_{ia}/\tau}\big)$, where $P_i$ are the other rows of the label of anchor i,
    $c_{ia}$ is the cosine of two rows and $\tau$ is `temperature`.

    Args:
        embeddings: Floats of shape (N, D), at least two rows.
        labels: Integers of shape (N,), from 0 on: the class of each row.
        temperature: What the cosines are divided by; positive.

    Returns:
        Array of shape (N,) and the dtype of `embeddings`, in nats; at least 0. An anchor without
        positives has the loss 0: leave it out of a mean with a mask.

    Gradient:
        By the cosines $(p_{ia} - [a \in P_i]/|P_i|)/\tau$ with p the softmax of the other rows, 0
        without positives; then by the directions and embeddings; see `supervised_contrastive_grad`.

    Raises:
        TypeError: `embeddings` is no array of floats, `labels` is no array of integers, the two
            differ in library, or `temperature` is no number.
        ValueError: The shapes do not fit, there are fewer than two rows, a label is negative, or
            `temperature` is not positive.

    Numerics:
        See `info_nce`. Without positives the mean would be 0/0.

    Convention:
        The paper's L_out: the mean stands outside of the logarithm. The embeddings are normalised
        here. With two views of each example and no classes it is `nt_xent`. The paper's code also
        multiplies by the temperature over 0.07. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> x, labels = np.asarray([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]), np.asarray([0, 0, 1])
        >>> supervised_contrastive(x, labels, temperature=1.0).round(4).tolist()
        [0.6931, 1.3133, 0.0]

    Reference:
        Khosla et al. (2020), Supervised Contrastive Learning, eq. 2.
    """
    xp = _check_groups(embeddings, labels)
    temperature = check_in(POSITIVE, temperature=temperature)
    _, u = _polar(xp, embeddings)
    log_probs = stable.log_softmax(_others(xp, u, temperature))
    return xp.sum(stable.times(_positives(xp, labels, log_probs), -log_probs), axis=-1)


def supervised_contrastive_grad(
    embeddings: Array, labels: Array, *, temperature: float = 0.1
) -> Array:
    r"""Return the derivative of the summed `supervised_contrastive` by the embeddings.

    Formula: $(S + S^\top)\,u$ by the directions u, with
    $S_{ia} = (p_{ia} - [a \in P_i]/|P_i|)/\tau$ for an anchor i with positives, else 0; then a
    slope g by a direction u is $(g - (g \cdot u)\,u)/|x|$ by its embedding x, and 0 for a row of
    zeros.

    Args:
        embeddings: Floats of shape (N, D), at least two rows.
        labels: Integers of shape (N,), from 0 on.
        temperature: What the cosines are divided by; positive.

    Returns:
        Array of the shape and dtype of `embeddings`; each row is at a right angle to its embedding.

    Raises:
        TypeError: `embeddings` is no array of floats, `labels` is no array of integers, the two
            differ in library, or `temperature` is no number.
        ValueError: The shapes do not fit, there are fewer than two rows, a label is negative, or
            `temperature` is not positive.

    Example:
        >>> import numpy as np
        >>> x, labels = np.asarray([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]), np.asarray([0, 0, 1])
        >>> supervised_contrastive_grad(x, labels, temperature=1.0).round(4).tolist()
        [[0.0, -0.7311], [-1.2311, 0.0], [0.25, 0.0]]
    """
    xp = _check_groups(embeddings, labels)
    temperature = check_in(POSITIVE, temperature=temperature)
    length, u = _polar(xp, embeddings)
    probs = stable.softmax(_others(xp, u, temperature))
    weights = _positives(xp, labels, probs)
    has_any = xp.astype(xp.any(weights > 0, axis=-1, keepdims=True), probs.dtype)
    slopes = (probs * has_any - weights) / temperature
    return _by_row(xp, (slopes + xp.matrix_transpose(slopes)) @ u, length, u)


def _check_groups(embeddings: Array, labels: Array) -> Any:
    """Check embeddings (N, D), two rows or more, and labels (N,); return the namespace."""
    check_axes("N D, N", embeddings=embeddings, labels=labels)
    xp = _check_batch("N D", 2, embeddings=embeddings)
    check_labels(None, embeddings=embeddings, labels=labels)
    return xp


def _alike(xp: Any, labels: Array, like: Array) -> tuple[Array, Array]:
    """Return which pairs of rows have one label, and which are a row with itself."""
    rows = _numbers(xp, like, like.shape[0])
    return labels[:, None] == labels[None, :], rows[:, None] == rows[None, :]


def _positives(xp: Any, labels: Array, like: Array) -> Array:
    """Return for each row equal weights of the other rows of its label, 0 where there is none."""
    same, itself = _alike(xp, labels, like)
    positive = xp.astype(same & ~itself, like.dtype)
    counts = xp.sum(positive, axis=-1, keepdims=True)
    return positive / xp.maximum(counts, xp.ones_like(counts))


def batch_hard_triplets(embeddings: Array, labels: Array) -> tuple[Array, Array, Array]:
    r"""Return for each row of a batch its hardest positive and its hardest negative.

    Formula: $\arg\max_{j \in P_i} d(i, j)$ and $\arg\min_{j \notin P_i,\, j \ne i} d(i, j)$, where
    $P_i$ are the other rows of the label of row i and d is the Euclidean distance.

    Args:
        embeddings: Floats of shape (N, D), at least two rows.
        labels: Integers of shape (N,), from 0 on: the class of each row.

    Returns:
        Three arrays of shape (N,): the farthest row of the same label, as an integer; the nearest
        row of another label, as an integer; and booleans, whether a row has both. A row without
        the one or the other has itself in its place: the booleans are the mask of the mean.

    Raises:
        TypeError: `embeddings` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, there are fewer than two rows, or a label is negative.

    Convention:
        The indices go into `triplet`: `triplet(x, x[positives], x[negatives])`. Of equal distances
        the first row counts. Indices have no gradient. The embeddings are not normalised, and must
        be finite.

    Example:
        >>> import numpy as np
        >>> x, labels = np.asarray([[0.0], [1.0], [3.0], [4.0]]), np.asarray([0, 0, 1, 0])
        >>> positives, negatives, complete = batch_hard_triplets(x, labels)
        >>> positives.tolist(), negatives.tolist(), complete.tolist()
        ([3, 3, 2, 0], [2, 2, 3, 2], [True, True, False, True])

    Reference:
        Hermans, Beyer and Leibe (2017), In Defense of the Triplet Loss for Person
        Re-Identification: "batch hard".
    """
    xp = _check_groups(embeddings, labels)
    same, itself = _alike(xp, labels, embeddings)
    distances, _ = _polar(xp, embeddings[:, None, :] - embeddings[None, :, :])
    unlike = xp.full_like(distances, float("inf"))
    farthest = xp.argmax(xp.where(same & ~itself, distances, -unlike), axis=-1)
    nearest = xp.argmin(xp.where(same, unlike, distances), axis=-1)
    has_positive, has_negative = xp.any(same & ~itself, axis=-1), xp.any(~same, axis=-1)
    rows = _numbers(xp, embeddings, embeddings.shape[0])
    positives = xp.where(has_positive, xp.astype(farthest, rows.dtype), rows)
    negatives = xp.where(has_negative, xp.astype(nearest, rows.dtype), rows)
    return positives, negatives, has_positive & has_negative


def arcface(cosines: Array, labels: Array, *, margin: float = 0.5, scale: float = 64.0) -> Array:
    r"""Return the ArcFace loss of each label: softmax over cosines, its own angle made harder.

    Formula: cross-entropy of the logits $s\,c_k$, but $s \cos(\theta + m)$ for the label, where
    $c_k$ are the cosines of an embedding with the centre of each class, $\theta = \arccos c_y$, m
    is `margin` and s is `scale`. Beyond $\theta + m = \pi$, where the cosine would rise again, the
    label's logit is $s\,(c_y - m \sin m)$.

    Args:
        cosines: Floats of shape (..., K), each in [-1, 1] up to rounding.
        labels: Integers of shape (...), from 0 to K - 1.
        margin: The angle that is added to the label's, in radians; in [0, π/2].
        scale: What the cosines are multiplied by; positive. It is an inverse temperature.

    Returns:
        Array of the shape of `labels` and the dtype of `cosines`, in nats; at least 0.

    Gradient:
        $s\,(p - 1_y)$, at the label times $\cos m + \sin m\,c_y/\sqrt{1 - c_y^2}$, or times 1
        beyond $\theta + m = \pi$; see `arcface_grad`.

    Raises:
        TypeError: `cosines` is no array of floats, `labels` is no array of integers, the two differ
            in library, or a hyperparameter is no number.
        ValueError: The shapes do not fit, a cosine is outside [-1, 1] by more than the root of the
            dtype's epsilon, a label or a hyperparameter is out of range.

    Numerics:
        No arccos: $\cos(\theta + m) = c \cos m - \sqrt{(1 - c)(1 + c)} \sin m$. The root's
        derivative is infinite at a cosine of 1; here it is 0. A direction's cosine with itself
        often comes out a little above 1, whose arccos is NaN; here the root is 0.

    Convention:
        The paper has $\cos(\theta + m)$ alone; what stands beyond $\pi$ is its authors' code, which
        keeps the loss falling in the cosine there, with a small jump. Their "easy margin", no
        margin for negative cosines, is not offered. Normalise embedding and centres before.

    Example:
        >>> import numpy as np
        >>> cosines, labels = np.asarray([[0.8, 0.1], [0.8, 0.1]]), np.asarray([0, 1])
        >>> arcface(cosines, labels, scale=10.0).round(4).tolist()
        [0.0422, 11.8926]

    Reference:
        Deng, Guo, Xue and Zafeiriou (2019), ArcFace: Additive Angular Margin Loss for Deep Face
        Recognition.
    """
    xp = _check_cosines(cosines, labels)
    margin, scale = check_in(_ANGLES, margin=margin), check_in(POSITIVE, scale=scale)
    hit, _ = _harder(xp, pick(cosines, labels), margin)
    logits = scale * xp.where(one_hot(labels, cosines) == 1, hit[..., None], cosines)
    return softmax_cross_entropy_with_integer_labels(logits, labels)


def arcface_grad(
    cosines: Array, labels: Array, *, margin: float = 0.5, scale: float = 64.0
) -> Array:
    r"""Return the derivative of the summed `arcface` by the cosines.

    Formula: $s\,(p - 1_y)$ with p the softmax of the logits, at the label times
    $\cos m + \sin m\,c_y/\sqrt{1 - c_y^2}$ where $c_y > -\cos m$, else times 1. At a cosine of 1
    the root's infinite slope is taken as 0.

    Args:
        cosines: Floats of shape (..., K), each in [-1, 1] up to rounding.
        labels: Integers of shape (...), from 0 to K - 1.
        margin: The angle that is added to the label's; in [0, π/2].
        scale: What the cosines are multiplied by; positive.

    Returns:
        Array of the shape and dtype of `cosines`: at most 0 by the label's, in [0, scale] by the
        others.

    Raises:
        TypeError: `cosines` is no array of floats, `labels` is no array of integers, the two differ
            in library, or a hyperparameter is no number.
        ValueError: The shapes do not fit, a cosine is outside [-1, 1] by more than the root of the
            dtype's epsilon, a label or a hyperparameter is out of range.

    Example:
        >>> import numpy as np
        >>> cosines, labels = np.asarray([[0.8, 0.1]]), np.asarray([1])
        >>> arcface_grad(cosines, labels, scale=10.0).round(2).tolist()
        [[10.0, -9.26]]
    """
    xp = _check_cosines(cosines, labels)
    margin, scale = check_in(_ANGLES, margin=margin), check_in(POSITIVE, scale=scale)
    hit, slope = _harder(xp, pick(cosines, labels), margin)
    is_label = one_hot(labels, cosines) == 1
    logits = scale * xp.where(is_label, hit[..., None], cosines)
    by_logits = softmax_cross_entropy_with_integer_labels_grad(logits, labels)
    return xp.where(is_label, slope[..., None], xp.ones_like(cosines)) * by_logits * scale


def _check_cosines(cosines: Array, labels: Array) -> Any:
    """Check cosines (..., K) and labels (...); return the namespace."""
    xp = real_namespace(cosines=cosines)
    check_axes("... K, ...", cosines=cosines, labels=labels)
    check_labels(cosines.shape[-1], cosines=cosines, labels=labels)
    # Rounding may carry the cosine of two directions beyond 1; `_harder` cuts it off.
    beyond = xp.abs(cosines) > 1 + math.sqrt(xp.finfo(cosines.dtype).eps)
    check_all(~beyond, f"values in {_COSINES}", cosines=cosines)
    return xp


def _harder(xp: Any, cosines: Array, margin: float) -> tuple[Array, Array]:
    """Return the cosines of angles with a margin added, and their derivatives."""
    cos, sin = math.cos(margin), math.sin(margin)
    sines = stable.sqrt(xp.clip((1 - cosines) * (1 + cosines), min=0))
    is_zero = sines == 0
    ratio = xp.where(is_zero, xp.zeros_like(sines), cosines)
    ratio = ratio / xp.where(is_zero, xp.ones_like(sines), sines)
    below = cosines > -cos
    added = xp.where(below, cosines * cos - sines * sin, cosines - margin * sin)
    return added, xp.where(below, cos + sin * ratio, xp.ones_like(cosines))


_VARIANCE_FLOOR = 1e-4


def vicreg(
    first: Array,
    second: Array,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> Array:
    r"""Return the VICReg loss of a batch: equal views, spread features, no two features alike.

    Formula: $\lambda\,s + \mu\,(v_1 + v_2) + \nu\,(c_1 + c_2)$ with
    $s = \tfrac1N \sum_i |x_i - y_i|^2$ and, of each batch of views with covariance matrix C,
    $v = \tfrac1D \sum_j \max\big(0, 1 - \sqrt{C_{jj} + 10^{-4}}\big)$ and
    $c = \tfrac1D \sum_{j \ne k} C_{jk}^2$.

    Args:
        first: Floats of shape (N, D), at least two rows: one view of each example.
        second: Floats of the shape and dtype of `first`: another view of each.
        invariance: The weight λ of the distance between the views; at least 0.
        variance: The weight μ of the spread that each feature lacks; at least 0.
        covariance: The weight ν of what features have in common; at least 0.

    Returns:
        A scalar of the dtype of `first`, without unit; at least 0. It belongs to the batch as a
        whole: nothing is left to reduce.

    Gradient:
        Of $s$, $2(x - y)/N$; of $v$, $-z_j/(D\,(N - 1)\,\sigma_j)$ where the standard deviation
        $\sigma_j \le 1$; of c, $4\,z\,C_{j \ne k}/(D\,(N - 1))$, with z the centred views; see
        `vicreg_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            weight is no number.
        ValueError: The shapes differ, there are fewer than two rows, or a weight is negative.

    Numerics:
        The variance has a floor of 1e-4, the paper's ε, so that the root has a slope where a
        feature has collapsed. In float16 squared covariances overflow from 256.

    Convention:
        The paper's equations: covariances are divided by N - 1, s is not divided by D. Its
        authors' code divides s by D and halves v: with `invariance` divided by D and `variance`
        halved, the two agree. The embeddings are not normalised. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> first, second = np.asarray([[1.0, 0.0], [-1.0, 0.0]]), np.zeros((2, 2))
        >>> float(vicreg(first, second, invariance=1.0, variance=0.0))
        1.0
        >>> round(float(vicreg(first, second, invariance=0.0, variance=1.0)), 3)
        1.485

    Reference:
        Bardes, Ponce and LeCun (2022), VICReg: Variance-Invariance-Covariance Regularization for
        Self-Supervised Learning.
    """
    xp = _check_batch("N D, N D", 2, first=first, second=second)
    invariance = check_in(NON_NEGATIVE, invariance=invariance)
    variance = check_in(NON_NEGATIVE, variance=variance)
    covariance = check_in(NON_NEGATIVE, covariance=covariance)
    total = invariance * xp.sum(xp.square(first - second)) / first.shape[0]
    for views in (first, second):
        _, deviations, shared = _spread(xp, views)
        lacking = xp.sum(xp.clip(1 - deviations, min=0))
        twins = xp.sum(xp.square(shared))
        total = total + (variance * lacking + covariance * twins) / first.shape[1]
    return total


def vicreg_grad(
    first: Array,
    second: Array,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> tuple[Array, Array]:
    r"""Return the derivatives of `vicreg` by both views.

    Formula: $\pm 2 \lambda (x - y)/N - \mu\,[\sigma_j \le 1]\,z_j/(D\,(N - 1)\,\sigma_j)
    + 4 \nu\,z\,C_{j \ne k}/(D\,(N - 1))$, where z are the centred views, C is their covariance
    matrix and $\sigma_j^2 = C_{jj} + 10^{-4}$.

    Args:
        first: Floats of shape (N, D), at least two rows.
        second: Floats of the shape and dtype of `first`.
        invariance: The weight λ of the distance between the views; at least 0.
        variance: The weight μ of the spread that each feature lacks; at least 0.
        covariance: The weight ν of what features have in common; at least 0.

    Returns:
        Two arrays of the shape and dtype of `first`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            weight is no number.
        ValueError: The shapes differ, there are fewer than two rows, or a weight is negative.

    Example:
        >>> import numpy as np
        >>> first, second = np.asarray([[3.0], [-3.0]]), np.asarray([[2.0], [-2.0]])
        >>> by_first, by_second = vicreg_grad(first, second)
        >>> by_first.tolist(), by_second.tolist()
        ([[25.0], [-25.0]], [[-25.0], [25.0]])
    """
    xp = _check_batch("N D, N D", 2, first=first, second=second)
    invariance = check_in(NON_NEGATIVE, invariance=invariance)
    variance = check_in(NON_NEGATIVE, variance=variance)
    covariance = check_in(NON_NEGATIVE, covariance=covariance)
    count, size = first.shape[0], first.shape[1] * (first.shape[0] - 1)
    pull = 2 * invariance * (first - second) / count
    pushes = []
    for views in (first, second):
        centred, deviations, shared = _spread(xp, views)
        lacking = xp.where(deviations > 1, xp.zeros_like(deviations), 1 / deviations)
        push = 4 * covariance / size * (centred @ shared) - variance / size * lacking * centred
        pushes.append(push)
    return pull + pushes[0], -pull + pushes[1]


def _centred(xp: Any, views: Array) -> Array:
    """Return each feature less its mean: exactly 0 for a constant one, whose mean may round."""
    shifted = views - stop_gradient(views[:1, :])
    return shifted - xp.mean(shifted, axis=0, keepdims=True)


def _spread(xp: Any, views: Array) -> tuple[Array, Array, Array]:
    """Return centred views, standard deviations above a floor, and covariances of two features."""
    centred = _centred(xp, views)
    products = xp.matrix_transpose(centred) @ centred / (views.shape[0] - 1)
    features = _numbers(xp, views, views.shape[1])
    itself = features[:, None] == features[None, :]
    nothing = xp.zeros_like(products)
    variances = xp.sum(xp.where(itself, products, nothing), axis=0)
    return centred, xp.sqrt(variances + _VARIANCE_FLOOR), xp.where(itself, nothing, products)


def barlow_twins(first: Array, second: Array, *, redundancy: float = 0.005) -> Array:
    r"""Return the Barlow Twins loss of a batch: correlations of the views shall be the identity.

    Formula: $\sum_j (1 - C_{jj})^2 + \lambda \sum_{j \ne k} C_{jk}^2$, where $C_{jk}$ is the
    correlation, over the batch, of feature j of the first view with feature k of the second and
    $\lambda$ is `redundancy`.

    Args:
        first: Floats of shape (N, D), at least two rows: one view of each example.
        second: Floats of the shape and dtype of `first`: another view of each.
        redundancy: The weight of the correlations of different features; at least 0.

    Returns:
        A scalar of the dtype of `first`, without unit; at least 0. It belongs to the batch as a
        whole: nothing is left to reduce.

    Gradient:
        By the correlations $2 (C_{jj} - 1)$ and $2 \lambda\,C_{jk}$, then by the centred features'
        directions and lengths; see `barlow_twins_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `redundancy` is no number.
        ValueError: The shapes differ, there are fewer than two rows, or `redundancy` is negative.

    Numerics:
        A feature that is constant over the batch has no correlation: 0 here, and gradient 0. Its
        mean may round, and what is left would correlate with itself: the first row is subtracted
        before the mean. No square overflows or underflows: see `contrastive`.

    Convention:
        Each feature is centred and divided by its length over the batch: shifts and scales of a
        feature do not count. The paper's code has batch normalisation do this, with an ε of 1e-5.
        torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> first = np.asarray([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
        >>> float(barlow_twins(first, 3.0 * first + 1.0))
        0.0
        >>> float(barlow_twins(first, first[:, ::-1], redundancy=0.5))
        3.0

    Reference:
        Zbontar, Jing, Misra, LeCun and Deny (2021), Barlow Twins: Self-Supervised Learning via
        Redundancy Reduction, eq. 1.
    """
    xp = _check_batch("N D, N D", 2, first=first, second=second)
    redundancy = check_in(NON_NEGATIVE, redundancy=redundancy)
    (_, u), (_, v) = _features(xp, first), _features(xp, second)
    excess, weights = _correlations(xp, u, v, redundancy)
    return xp.sum(weights * xp.square(excess))


def barlow_twins_grad(
    first: Array, second: Array, *, redundancy: float = 0.005
) -> tuple[Array, Array]:
    r"""Return the derivatives of `barlow_twins` by both views.

    Formula: $S v$ by the directions u of the first view's centred features and $S^\top u$ by the
    second's, v, with $S_{jj} = 2 (C_{jj} - 1)$ and $S_{jk} = 2 \lambda\,C_{jk}$; then a slope g
    by a direction u is $(g - (g \cdot u)\,u)/|z|$ by the centred feature z and by the feature.

    Args:
        first: Floats of shape (N, D), at least two rows.
        second: Floats of the shape and dtype of `first`.
        redundancy: The weight of the correlations of different features; at least 0.

    Returns:
        Two arrays of the shape and dtype of `first`; each column sums to 0.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `redundancy` is no number.
        ValueError: The shapes differ, there are fewer than two rows, or `redundancy` is negative.

    Example:
        >>> import numpy as np
        >>> first, second = np.asarray([[1.0], [0.0], [-1.0]]), np.asarray([[1.0], [-2.0], [1.0]])
        >>> by_first, _ = barlow_twins_grad(first, second)
        >>> by_first.round(4).tolist()
        [[-0.5774], [1.1547], [-0.5774]]
    """
    xp = _check_batch("N D, N D", 2, first=first, second=second)
    redundancy = check_in(NON_NEGATIVE, redundancy=redundancy)
    (length, u), (other_length, v) = _features(xp, first), _features(xp, second)
    excess, weights = _correlations(xp, u, v, redundancy)
    slopes = 2 * weights * excess
    by_first = _by_row(xp, slopes @ v, length, u)
    by_second = _by_row(xp, xp.matrix_transpose(slopes) @ u, other_length, v)
    return xp.matrix_transpose(by_first), xp.matrix_transpose(by_second)


def _features(xp: Any, views: Array) -> tuple[Array, Array]:
    """Return length and direction of each feature, centred over the batch."""
    return _polar(xp, xp.matrix_transpose(_centred(xp, views)))


def _correlations(xp: Any, u: Array, v: Array, redundancy: float) -> tuple[Array, Array]:
    """Return the correlations less the identity, and their weights."""
    same = one_hot(_numbers(xp, u, u.shape[0]), u @ xp.matrix_transpose(v))
    return u @ xp.matrix_transpose(v) - same, same + redundancy * (1 - same)
