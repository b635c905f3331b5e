r"""Losses on distances and similarities: which examples belong together?

In the formulas d is the Euclidean distance of two embeddings, and the cosine of two is the inner
product of their directions. A row of zeros has no direction: its cosine with any other is 0, and so
is its gradient. Each loss is followed by its gradient, the derivative of the summed loss by its
embeddings.
"""

from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    POSITIVE,
    Array,
    Interval,
    check_axes,
    check_in,
    check_signs,
    real_namespace,
)
from losscourse.losses.classification import (
    softmax_cross_entropy_with_integer_labels,
    softmax_cross_entropy_with_integer_labels_grad,
)

__all__ = [
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
    "triplet",
    "triplet_grad",
]

_COSINES = Interval(-1, 1, low_closed=True, high_closed=True)


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
        raise ValueError(f"{name}: expected {rows} rows or more, got {tuple(array.shape)}")
    return xp


def _numbers(xp: Any, like: Array, count: int) -> Array:
    """Return 0, 1, ... as labels on the device of an array."""
    return xp.arange(count, dtype=xp.int64, device=array_api_compat.device(like))


def _polar(xp: Any, x: Array) -> tuple[Array, Array]:
    """Return the length of each row and its direction; no square overflows or underflows.

    A row of zeros has the direction 0, and 0 is its derivative too. A row with an infinite element
    has the direction of its infinite elements.
    """
    largest = xp.max(xp.abs(x), axis=-1, keepdims=True)
    bound = xp.finfo(x.dtype).max
    is_zero = largest == 0
    scale = xp.where(is_zero, xp.ones_like(largest), xp.clip(largest, max=bound))
    scaled = xp.clip(x, min=-bound, max=bound) / scale
    root = stable.sqrt(xp.sum(xp.square(scaled), axis=-1, keepdims=True))
    length = xp.where(xp.isinf(largest), largest, scale * root)
    direction = scaled / xp.where(is_zero, xp.ones_like(root), root)
    return length[..., 0], xp.where(is_zero, xp.zeros_like(x), direction)


def _by_row(xp: Any, slopes: Array, length: Array, direction: Array) -> Array:
    """Return the derivative by rows from that by their directions: 0 for a row of zeros."""
    across = slopes - xp.sum(slopes * direction, axis=-1, keepdims=True) * direction
    length = length[..., None]
    is_zero = length == 0
    across = xp.where(is_zero, xp.zeros_like(across), across)
    return across / xp.where(is_zero, xp.ones_like(length), length)


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
    distances, _ = _polar(xp, first - second)
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
    same, other = (1 + signs) / 2, (1 - signs) / 2
    pushed = other * xp.clip(margin - stable.times(other, distances), min=0)
    pulled = stable.times(same[..., None] * xp.ones_like(differences), differences)
    gradient = pulled - pushed[..., None] * directions
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
        Schroff, Kalenichenko and Philbin (2015), FaceNet; with plain distances, Hermans, Beyer and
        Leibe (2017), In Defense of the Triplet Loss for Person Re-Identification.
    """
    xp = _check_triplets(anchors, positives, negatives)
    margin = check_in(POSITIVE, margin=margin)
    near, _ = _polar(xp, anchors - positives)
    far, _ = _polar(xp, anchors - negatives)
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
    r"""Return the cosine embedding loss of each pair: the contrastive loss of directions.

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
        Paszke et al. (2019), PyTorch, whose function it is.
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
    below = xp.sum(u * v, axis=-1) < margin
    same, other = ((1 + signs) / 2)[..., None], ((1 - signs) / 2)[..., None]
    other = xp.where(below[..., None], xp.zeros_like(other), other)
    by_u, by_v = same * (u - v) + other * v, same * (v - u) + other * u
    return _by_row(xp, by_u, length, u), _by_row(xp, by_v, other_length, v)


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
