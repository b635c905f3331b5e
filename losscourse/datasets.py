"""Data for the pages and the problem sets: generated; and larger public sets, fetched once.

What the site itself runs is generated or bundled with scikit-learn (`sklearn.datasets.load_...`):
`forest_cover` and `olivetti_faces` are for readers with a network, and nothing here needs them.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from losscourse.arrays import NON_NEGATIVE, UNIT_OPEN, Interval, check_in

__all__ = [
    "corrupt",
    "english_number",
    "forest_cover",
    "german_number",
    "noisy_line",
    "olivetti_faces",
]

_ENGLISH = (
    "- one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_ENGLISH_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"
_GERMAN = (
    "- ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn"
)
_GERMAN_TENS = "- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
_PATIENCE = 30.0
"""Seconds without a byte after which a fetch is given up."""


def noisy_line(
    n: int = 100,
    *,
    slope: float = 2.0,
    intercept: float = 3.0,
    noise: float = 0.5,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return points around a straight line: y = slope · x + intercept + noise · N(0, 1).

    Args:
        n: How many points; at least 1.
        slope: Slope of the line.
        intercept: Value of the line at x = 0.
        noise: Standard deviation of the Gaussian noise; at least 0.
        seed: Seed of the generator.

    Returns:
        x, uniform on [0, 5], and y: two float64 arrays of shape (n,).

    Raises:
        ValueError: `n` is below 1, or `noise` is negative.
    """
    if n < 1:
        raise ValueError(f"n: expected a whole number of at least 1, got {n}")
    check_in(NON_NEGATIVE, noise=noise)
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 5, n)
    return x, slope * x + intercept + noise * rng.standard_normal(n)


def corrupt(
    targets: np.ndarray, *, fraction: float, factor: float = 10.0, seed: int = 0
) -> np.ndarray:
    """Return targets of which a fraction slipped by a decimal place: multiplied by `factor`.

    Args:
        targets: Floats, shape (N,).
        fraction: Share of targets that slip, from 0 to below 1; rounded to whole examples.
        factor: What a slipped target is multiplied by.
        seed: Seed of the choice.

    Returns:
        A new array of the shape and dtype of `targets`.

    Raises:
        ValueError: `fraction` lies outside [0, 1).
    """
    check_in(Interval(0, UNIT_OPEN.high, low_closed=True), fraction=fraction)
    rng = np.random.default_rng(seed)
    slipped = rng.choice(len(targets), size=round(fraction * len(targets)), replace=False)
    result = targets.copy()
    result[slipped] *= factor
    return result


def english_number(n: int) -> list[str]:
    """Return a number in English words, without "and".

    Args:
        n: From 1 to 999,999.

    Returns:
        The words, in order.

    Raises:
        ValueError: `n` lies outside its range.

    Example:
        >>> english_number(1_397)
        ['one', 'thousand', 'three', 'hundred', 'ninety', 'seven']
    """
    powers = ((1000, "thousand"), (100, "hundred"))
    return _in_words(n, _ENGLISH, _ENGLISH_TENS, powers, lambda ten, one: [ten, one])


def german_number(n: int) -> list[str]:
    """Return a number in German, cut at its parts: the units come before the tens.

    Args:
        n: From 1 to 999,999.

    Returns:
        The parts, in order. Together, without spaces, they are the German word.

    Raises:
        ValueError: `n` lies outside its range.

    Example:
        >>> german_number(1_397)
        ['ein', 'tausend', 'drei', 'hundert', 'sieben', 'und', 'neunzig']
    """
    powers = ((1000, "tausend"), (100, "hundert"))
    words = _in_words(n, _GERMAN, _GERMAN_TENS, powers, lambda ten, one: [one, "und", ten])
    return [*words[:-1], "eins"] if words[-1] == "ein" else words


def forest_cover(folder: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the forest cover types: 581,012 patches of forest of seven kinds, one of them rare.

    The first call fetches 11 MB and takes a minute or two; later ones read the kept copy.

    Args:
        folder: Where the data is kept; without one, scikit-learn's own folder in your home.

    Returns:
        The features, float64 of shape (581012, 54), in the set's own units (elevation in metres,
        slope in degrees, 44 columns of 0 and 1 for area and soil), and the kinds, int32 of shape
        (581012,), from 1 to 7. Kind 4 has 2,747 patches, 0.5% of all.

    Raises:
        ConnectionError: The data is not kept here and could not be fetched whole.
    """
    from sklearn.datasets import fetch_covtype

    with _fetching("The forest cover types", "11 MB", "load_breast_cancer"):
        return fetch_covtype(data_home=folder, n_retries=1, return_X_y=True)


def olivetti_faces(folder: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the Olivetti faces: ten photographs of each of forty people.

    The first call fetches 4 MB; later ones read the kept copy.

    Args:
        folder: Where the data is kept; without one, scikit-learn's own folder in your home.

    Returns:
        The photographs, float32 of shape (400, 64, 64), from 0 (black) to 1 (white), and the
        people, int64 of shape (400,), from 0 to 39.

    Raises:
        ConnectionError: The data is not kept here and could not be fetched whole.
    """
    from sklearn.datasets import fetch_olivetti_faces

    with _fetching("The Olivetti faces", "4 MB", "load_digits"):
        faces = fetch_olivetti_faces(data_home=folder, n_retries=1)
    return faces.images, faces.target


def _in_words(
    n: int,
    ones: str,
    tens: str,
    powers: Sequence[tuple[int, str]],
    join: Callable[[str, str], list[str]],
) -> list[str]:
    """Return a number in the words of a language that joins a ten and a one in its own way."""
    if not 1 <= n < 1_000_000:
        raise ValueError(f"n: expected a whole number from 1 to 999999, got {n}")
    for size, power in powers:
        if n >= size:
            head, rest = divmod(n, size)
            tail = _in_words(rest, ones, tens, powers, join) if rest else []
            return [*_in_words(head, ones, tens, powers, join), power, *tail]
    if n < 20:
        return [ones.split()[n]]
    ten, one = tens.split()[n // 10], ones.split()[n % 10]
    return join(ten, one) if n % 10 else [ten]


@contextlib.contextmanager
def _fetching(what: str, size: str, bundled: str) -> Iterator[None]:
    """Give up on a line that is silent, and say in one sentence what did not come."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    except OSError as error:  # no network, a wall, a time-out, a damaged file
        reason = getattr(error, "reason", None) or error
        raise ConnectionError(
            f"{what} could not be fetched ({reason}). They are needed from the network once "
            f"({size}) and then kept; sklearn.datasets.{bundled} comes without one."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
