"""How fast the losses are, against torch's built-ins and hand-written NumPy.

    make bench-losses                      all tables, into benchmarks/results/losses.json
    make bench-losses LOSSES="huber ctc"   these losses alone; the others keep their results

Each result is written when it is there: a run that was stopped loses nothing.
"""

import json
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
import typer
from rich.console import Console

from benchmarks.machine import about, write
from benchmarks.misses import RESULTS, missed
from benchmarks.timing import interleaved, ratio
from losscourse.catalogue import CATALOGUE
from losscourse.losses import classification, margin, regression
from tests.losscourse.losses.case import Case
from tests.losscourse.losses.cases import CASES

ELEMENTS = 10**6
ROUNDS = 30
CLASSES = 100

CTC_SIZES = {"batch": 16, "frames": 100, "classes": 30, "labels": 20}


def _numpy_huber(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    residuals = np.subtract(predictions, targets)
    clipped = np.clip(residuals, -1.0, 1.0)
    residuals -= clipped / 2
    residuals *= clipped
    return residuals


def _numpy_squared(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    residuals = np.subtract(predictions, targets)
    return np.multiply(residuals, residuals, out=residuals)


def _numpy_absolute(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    residuals = np.subtract(predictions, targets)
    return np.abs(residuals, out=residuals)


def _numpy_pinball(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    residuals = np.subtract(targets, predictions)
    below = residuals * -0.5
    residuals *= 0.5
    return np.maximum(residuals, below, out=residuals)


def _numpy_hinge(logits: np.ndarray, signs: np.ndarray) -> np.ndarray:
    margins = np.multiply(logits, signs)
    np.subtract(1.0, margins, out=margins)
    return np.maximum(margins, 0.0, out=margins)


def _numpy_binary_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    losses = np.abs(logits)
    np.negative(losses, out=losses)
    np.exp(losses, out=losses)
    np.log1p(losses, out=losses)
    losses += np.maximum(logits, 0.0)
    losses -= logits * targets
    return losses


def _numpy_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    picked = shifted[np.arange(len(labels)), labels]
    np.exp(shifted, out=shifted)
    return np.log(shifted.sum(axis=-1)) - picked


NUMPY_PEERS: dict[Callable, Callable] = {
    regression.squared_error: _numpy_squared,
    regression.absolute_error: _numpy_absolute,
    regression.huber: _numpy_huber,
    regression.pinball: _numpy_pinball,
    margin.hinge: _numpy_hinge,
    classification.sigmoid_binary_cross_entropy: _numpy_binary_cross_entropy,
    classification.softmax_cross_entropy_with_integer_labels: _numpy_cross_entropy,
}
"""The fastest NumPy that we could write for each: in place wherever the result allows it."""


def has_peer(case: Case) -> bool:
    """Whether torch has a built-in for the loss whose cost grows with the number of examples."""
    return CATALOGUE[case.name].torch is not None and not case.coupled and case.name != "ctc"


_OF_CLASSES = (["logits", "labels"], ["log_probs", "labels"], ["logits", "targets"])


def inputs(case: Case, elements: int) -> list[np.ndarray]:
    """Return a case's arrays, the largest with about so many elements, floats in float32.

    A loss of classes gets `CLASSES` of them: the handful of its tests is no size that anyone
    trains at.
    """
    rng = np.random.default_rng(0)
    few = case.draw(rng, 4, 1.0)
    if case.arrays in _OF_CLASSES and few[0].ndim == 2:
        return _classes(rng, elements, case.arrays)
    largest = max(a.size for a, each in zip(few, case.per_example, strict=True) if each) // 4
    arrays = case.draw(rng, max(1, elements // largest), 1.0)
    return [a.astype(np.float32) if a.dtype == np.float64 else a for a in arrays]


def _classes(rng: np.random.Generator, elements: int, names: list[str]) -> list[np.ndarray]:
    logits = rng.normal(size=(max(1, elements // CLASSES), CLASSES)).astype(np.float32)
    labels = rng.integers(CLASSES, size=len(logits))
    if names[1] == "targets":
        return [logits, np.eye(CLASSES, dtype=np.float32)[labels]]
    if names[0] == "log_probs":
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return [logits, labels]


def _stepper(
    function: Callable[..., torch.Tensor], tensors: list[torch.Tensor], by: int
) -> Callable[[], None]:
    """Return a training step's part: the losses, and their gradients from one upstream weight."""
    upstream = torch.ones_like(function(*tensors))

    def step() -> None:
        for tensor in tensors[:by]:
            tensor.grad = None
        function(*tensors).backward(upstream)

    return step


def torch_table(case: Case, elements: int, rounds: int) -> dict[str, Any]:
    """Return eager and compiled ratios against torch's built-in, forward and backward."""
    entry = CATALOGUE[case.name]
    names = ", ".join(case.arrays)
    theirs = eval(f"lambda {names}: {entry.torch}", {"F": F, "torch": torch, **entry.defaults})
    tensors = [torch.as_tensor(a) for a in inputs(case, elements)]
    for tensor in tensors[: case.by]:
        tensor.requires_grad_()
    torch._dynamo.reset()
    contestants = {
        "ours": case.loss,
        "theirs": theirs,
        "ours compiled": torch.compile(case.loss, fullgraph=True),
        "theirs compiled": torch.compile(theirs),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dynamo's, about array-api-compat's look-ups
        steps = {name: _stepper(f, tensors, case.by) for name, f in contestants.items()}
        seconds = interleaved(steps, rounds=rounds)
    return {
        "peer": entry.torch,
        "elements": max(t.numel() for t in tensors),
        "eager": ratio(seconds, "ours", "theirs"),
        "compiled": ratio(seconds, "ours compiled", "theirs"),
        "both_compiled": ratio(seconds, "ours compiled", "theirs compiled"),
    }


def numpy_table(case: Case, elements: int, rounds: int) -> dict[str, Any]:
    """Return the ratio against hand-written NumPy, forward, in float64."""
    arrays = [a.astype(np.float64) if a.dtype == np.float32 else a for a in inputs(case, elements)]
    peer = NUMPY_PEERS[case.loss]
    np.testing.assert_allclose(peer(*arrays), case.loss(*arrays), rtol=1e-9, atol=1e-12)
    contestants = {"ours": lambda: case.loss(*arrays), "theirs": lambda: peer(*arrays)}
    return {
        "elements": max(a.size for a in arrays),
        **ratio(interleaved(contestants, rounds=rounds), "ours", "theirs"),
    }


def ctc_table(rounds: int) -> dict[str, Any]:
    """Return the ratios against torch's CTC on the CPU, forward and backward.

    Ours goes backward through autograd, and in closed form: `ctc`, then `ctc_grad`.
    """
    from losscourse.losses.sequence import ctc, ctc_grad

    rng = np.random.default_rng(0)
    n, t, k, s = CTC_SIZES.values()
    logits = torch.as_tensor(rng.normal(size=(n, t, k)), dtype=torch.float32)
    log_probs = torch.log_softmax(logits, dim=-1).requires_grad_()
    labels = torch.as_tensor(rng.integers(1, k, size=(n, s)))
    frames, lengths = torch.full((n,), t), torch.full((n,), s)

    def theirs(log_probs: torch.Tensor) -> torch.Tensor:
        rows = log_probs.transpose(0, 1)
        return F.ctc_loss(rows, labels, frames, lengths, reduction="none")

    constant = log_probs.detach()
    contestants = {
        "ours": _stepper(lambda x: ctc(x, labels, frames, lengths), [log_probs], 1),
        "closed form": lambda: [f(constant, labels, frames, lengths) for f in (ctc, ctc_grad)],
        "theirs": _stepper(theirs, [log_probs], 1),
    }
    seconds = interleaved(contestants, rounds=rounds)
    closed_form = ratio(seconds, "closed form", "theirs")
    return CTC_SIZES | ratio(seconds, "ours", "theirs") | {"closed_form": closed_form}


def temporaries(function: Callable, arrays: list[np.ndarray]) -> float:
    """Return how much a call holds at its peak beside its arguments and its result.

    The unit is the largest argument's size. NumPy reports its buffers to tracemalloc.
    """
    function(*arrays)
    tracemalloc.start()
    try:
        out = function(*arrays)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    parts = out if isinstance(out, tuple) else (out,)
    return (peak - sum(part.nbytes for part in parts)) / max(a.nbytes for a in arrays)


def import_table(rounds: int) -> dict[str, Any]:
    """Return the seconds of a fresh interpreter that imports NumPy, and all losses after it."""
    losses = ", ".join(sorted({f"losscourse.losses.{case.loss.__module__[18:]}" for case in CASES}))
    starts = {"numpy": "import numpy", "losses": f"import numpy, {losses}"}
    seconds: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, code in starts.items():
            before = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds[name].append(time.perf_counter() - before)
    medians = {name: round(float(np.median(times)), 4) for name, times in seconds.items()}
    return medians | {"beyond_numpy": round(medians["losses"] - medians["numpy"], 4)}


def measurements(
    names: list[str], elements: int, rounds: int
) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Yield table, row and what measures it; every loss where no names are given."""
    for case in CASES:
        if names and case.name not in names:
            continue
        if has_peer(case):
            yield "torch", case.name, lambda case=case: torch_table(case, elements, rounds)
        if case.loss in NUMPY_PEERS:
            yield "numpy", case.name, lambda case=case: numpy_table(case, elements, rounds)
        if not case.coupled and not case.torch_only:
            yield "temporaries", case.name, lambda case=case: _temporaries(case, elements // 10)
    if not names or "ctc" in names:
        yield "ctc", "", lambda: ctc_table(rounds)
    if not names:
        yield "import", "", lambda: import_table(max(3, rounds // 3))


def _temporaries(case: Case, elements: int) -> dict[str, float]:
    arrays = inputs(case, elements)
    return {f.__name__: round(temporaries(f, arrays), 2) for f in case.functions}


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Losses; default: all.")] = None,
    elements: Annotated[int, typer.Option(help="Elements of the largest array.")] = ELEMENTS,
    rounds: Annotated[int, typer.Option(help="Rounds of each comparison.")] = ROUNDS,
    out: Annotated[Path, typer.Option(help="Where the results are kept.")] = RESULTS,
) -> None:
    """Measure the losses against their peers, and print and keep the ratios."""
    names = names or []
    unknown = sorted(set(names) - set(CATALOGUE))
    if unknown:
        raise typer.BadParameter(f"expected names of losses, got {', '.join(unknown)}")
    torch.set_num_threads(1)
    console = Console(soft_wrap=True)
    results = json.loads(out.read_text(encoding="utf-8")) if names and out.exists() else {}
    packages = ("numpy", "torch", "array-api-compat", "scipy")
    results["about"] = about(packages) | {"threads": torch.get_num_threads()}
    for table, row, measure in measurements(names, elements, rounds):
        found = measure()
        if row:
            results.setdefault(table, {})[row] = found
        else:
            results[table] = found
        write(out, results)
        console.print(f"{table:12}{row:48}{_said(table, found)}", highlight=False)
    for kind, losses in missed(results).items():
        console.print(f"{kind}: {len(losses)} miss the aim  {' '.join(losses)}", highlight=False)


_WAYS = ("eager", "compiled", "both_compiled", "closed_form")


def _said(table: str, found: dict[str, Any]) -> str:
    """Return a result in a few words."""
    if table == "temporaries":
        return "  ".join(f"{count:.1f}" for count in found.values())
    if table == "import":
        return f"{found['beyond_numpy']:.3f} s beyond NumPy's {found['numpy']:.3f} s"
    parts = {"": found} if "ratio" in found else {}
    parts |= {name: found[name] for name in _WAYS if name in found}
    return "  ".join(
        f"{name} {part['ratio']:.2f} [{part['low']:.2f}, {part['high']:.2f}]"
        for name, part in parts.items()
    )


if __name__ == "__main__":
    typer.run(main)
