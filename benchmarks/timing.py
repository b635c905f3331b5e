"""How a ratio is measured: the contestants take turns in one process, round after round."""

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["Seconds", "interleaved", "ratio"]

Seconds = dict[str, list[float]]
"""Times by contestant, one for each round."""


def interleaved(
    contestants: Mapping[str, Callable[[], object]], *, rounds: int, enough: float = 10.0
) -> Seconds:
    """Time each contestant once in each round, so that a busy moment meets them all.

    Args:
        contestants: Functions without arguments, by name. Each runs twice before the first round.
        rounds: How many rounds.
        enough: Seconds after which no further round begins, once there are five.

    Returns:
        Seconds by contestant, one for each round.
    """
    for run in contestants.values():
        run()
        run()
    seconds: Seconds = {name: [] for name in contestants}
    start = time.perf_counter()
    for done in range(rounds):
        if done >= 5 and time.perf_counter() - start > enough:
            break
        for name, run in contestants.items():
            before = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - before)
    return seconds


def ratio(seconds: Seconds, ours: str, theirs: str) -> dict[str, float]:
    """Return the median times in milliseconds and their ratio, with the quartiles of the rounds'.

    Args:
        seconds: What `interleaved` returned.
        ours: The contestant whose time is divided.
        theirs: The peer.

    Returns:
        `ours_ms`, `theirs_ms`, `ratio` (of the medians), `low` and `high` (quartiles of the
        ratios within a round) and `rounds`.
    """
    mine, peers = seconds[ours], seconds[theirs]
    low, _, high = statistics.quantiles([a / b for a, b in zip(mine, peers, strict=True)], n=4)
    a, b = statistics.median(mine), statistics.median(peers)
    return {
        "ours_ms": round(1e3 * a, 4),
        "theirs_ms": round(1e3 * b, 4),
        "ratio": round(a / b, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "rounds": len(mine),
    }
