"""Which of the committed results miss their aim, and the reasons given for it."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "AIMS",
    "OVERHEAD_MS",
    "REASONS",
    "RESULTS",
    "TIMES_AS_MANY",
    "compared",
    "missed",
    "read",
]

RESULTS = Path(__file__).parent / "results" / "losses.json"
REASONS = Path(__file__).parent / "reasons.toml"

AIMS = {"eager": 6.0, "compiled": 1.15, "numpy": 1.2, "temporaries": 3.0, "ctc": 3.0}
"""The largest ratio, and the largest number of temporaries, that each comparison aims at.

`eager` and `compiled` are against torch's built-in as it is called, one fused kernel each way;
`both_compiled`, against the compiled built-in, has no aim. CTC, a recursion over time, has its
own, which holds through autograd (`ctc`) and in closed form (`ctc_grad`).
"""

TIMES_AS_MANY = {"ps01": 20.0, "numpy": 20.0, "torch": 50.0}
"""The least ratio of the grader's throughput to nbgrader's that each problem set aims at."""

OVERHEAD_MS = 100.0
"""The most time of a core beside the cells' own that a graded submission aims at."""


def read() -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Return the committed results and the reasons, by kind of comparison and loss."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    written = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return results, {
        kind: {loss: entry["why"] for entry in written.get(kind, []) for loss in entry["losses"]}
        for kind in AIMS
    }


def compared(results: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yield each comparison that has an aim: its kind, the loss, and what was measured."""
    for name, found in results.get("torch", {}).items():
        for way in ("eager", "compiled"):
            yield way, name, found[way]["ratio"]
    for name, found in results.get("numpy", {}).items():
        yield "numpy", name, found["ratio"]
    for functions in results.get("temporaries", {}).values():
        for name, count in functions.items():
            yield "temporaries", name, count
    if "ctc" in results:
        yield "ctc", "ctc", results["ctc"]["ratio"]
        yield "ctc", "ctc_grad", results["ctc"]["closed_form"]["ratio"]


def missed(results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the losses that miss an aim, by kind of comparison."""
    found: dict[str, list[str]] = {kind: [] for kind in AIMS}
    for kind, name, value in compared(results):
        if value > AIMS[kind]:
            found[kind].append(name)
    return found
