"""The directive `benchmark`: the tables of benchmarks/results, and why a row misses its aim.

The tables of losses.json, and those of grading.json and cluster.json, whose names begin with
"grading".

No figure is written by hand: `make bench` measures, and this draws what is committed.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from course import ROOT, table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.insert(0, str(ROOT))  # the benchmarks are part of the repository, not of the package
from benchmarks.misses import (
    AIMS,
    OVERHEAD_MS,
    REASONS,
    RESULTS,
    TIMES_AS_MANY,
    compared,
    read,
)

HEADS = {
    "torch": ["Loss", "Elements", "Eager", "Compiled", "Both compiled"],
    "ctc": ["Batch", "Frames", "Classes", "Labels", "Ratio"],
    "numpy": ["Loss", "Elements", "Ratio"],
    "temporaries": ["Function", "Temporaries"],
    "import": ["NumPy, s", "NumPy and all losses, s", "Difference, s"],
    "about": ["What", "Value"],
    "grading-sets": [
        "Problem set", "Cells", "Submissions", "nbgrader, s each", "Ours, s each",
        "Times as many", "Overhead, ms of a core", "Its cells, ms of a core", "Scores that differ",
    ],
    "grading-class": ["What", "Value"],
    "grading-about": ["What", "Value"],
}  # fmt: skip

GRADING, CLUSTER = RESULTS.with_name("grading.json"), RESULTS.with_name("cluster.json")


class Benchmark(SphinxDirective):
    """One table, by its name in `HEADS`, or the list of `reasons` for what misses its aim."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in (*HEADS, "reasons"):
            raise self.error(f"benchmark: expected reasons, {', '.join(HEADS)}; got {name}")
        for file in (RESULTS, REASONS, GRADING, CLUSTER):
            self.env.note_dependency(str(file))
        if name.startswith("grading"):
            found = {file.stem: json.loads(file.read_text()) for file in (GRADING, CLUSTER)}
            return [table(HEADS[name], [[*map(_cell, row)] for row in ROWS[name](found)])]
        results, reasons = read()
        if name == "reasons":
            return [_reasons(results, reasons)]
        return [table(HEADS[name], [[*map(_cell, row)] for row in ROWS[name](results)])]


def _torch(results: dict[str, Any]) -> list[list[Any]]:
    return [
        [
            (name,),
            f"{found['elements']:,}",
            _ratio(found["eager"], "eager"),
            _ratio(found["compiled"], "compiled"),
            _ratio(found["both_compiled"]),
        ]
        for name, found in sorted(results["torch"].items())
    ]


def _ctc(results: dict[str, Any]) -> list[list[Any]]:
    found = results["ctc"]
    sizes = [str(found[size]) for size in ("batch", "frames", "classes", "labels")]
    return [[*sizes, _ratio(found, "ctc")]]


def _numpy(results: dict[str, Any]) -> list[list[Any]]:
    return [
        [(name,), f"{found['elements']:,}", _ratio(found, "numpy")]
        for name, found in sorted(results["numpy"].items())
    ]


def _temporaries(results: dict[str, Any]) -> list[list[Any]]:
    counts = {name: n for row in results["temporaries"].values() for name, n in row.items()}
    return [[(name,), _mark(n, "temporaries", ".1f")] for name, n in sorted(counts.items())]


def _import(results: dict[str, Any]) -> list[list[Any]]:
    found = results["import"]
    return [[f"{found[part]:.3f}" for part in ("numpy", "losses", "beyond_numpy")]]


def _reasons(results: dict[str, Any], reasons: dict[str, Any]) -> nodes.bullet_list:
    """Return one point for each reason: what it is about, the reason, and who misses the aim."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for kind, name, value in compared(results):
        if value > AIMS[kind]:
            losses = grouped.setdefault((kind, reasons[kind][name]), [])
            losses.append(f"{name} {value:.2f}")
    points = [
        nodes.paragraph(
            "",
            "",
            nodes.strong(text=f"{kind.capitalize()}, aim {AIMS[kind]:g}. "),
            nodes.Text(f"{why} {', '.join(losses)}."),
        )
        for (kind, why), losses in grouped.items()
    ]
    return nodes.bullet_list("", *[nodes.list_item("", point) for point in points])


def _about(results: dict[str, Any]) -> list[list[Any]]:
    return [[name, str(value)] for name, value in results["about"].items()]


def _grading_sets(found: dict[str, Any]) -> list[list[Any]]:
    """Return a row for each set; strong where an aim is missed."""
    rows = []
    for name, got in found["grading"]["sets"].items():
        ratio, overhead = got["ratio"], got["overhead_ms"]
        times = f"{ratio['median']:.1f} [{ratio['low']:.1f}, {ratio['high']:.1f}]"
        beside = f"{overhead['median']:.0f} [{overhead['low']:.0f}, {overhead['high']:.0f}]"
        rows.append(
            [
                (name,),
                str(got["cells"]),
                str(got["submissions"]),
                f"{got['nbgrader_s']['median']:.2f}",
                f"{got['ours_s']['median']:.3f}",
                _strong(times, ratio["median"] < TIMES_AS_MANY[name]),
                _strong(beside, overhead["median"] > OVERHEAD_MS),
                f"{1e3 * got['cells_s']['median']:.0f}",
                f"{sum(got['differences'].values())} of {got['scores']:,}",
            ]
        )
    return rows


def _grading_class(found: dict[str, Any]) -> list[list[Any]]:
    got, spread = found["grading"]["class"], found["cluster"]
    states = ", ".join(f"{count} {state}" for state, count in sorted(got["states"].items()))
    memory = {
        name: "{early} MB early, {late} late, {most} at most".format(**got["memory_mb"][name])
        for name in ("coordinator", "parents", "all")
    }
    there = spread["on the cluster"]
    same = "the same" if spread["same grades"] else "NOT the same"
    return [
        ["Submissions", f"{got['submissions']:,}: {states}"],
        ["Lost", str(got["lost"])],
        ["With another score than they must have", str(len(got["wrong"]))],
        ["Time", f"{got['wall_s']:.0f} s on {got['workers']} cores"],
        ["Memory of the coordinator", memory["coordinator"]],
        ["Memory of the warm parents", memory["parents"]],
        ["Memory of all processes", memory["all"]],
        [
            f"On {spread['workers']} Dask workers, one killed half-way",
            f"{there['seconds']:.0f} s, exported grades byte for byte {same}",
        ],
    ]


def _grading_about(found: dict[str, Any]) -> list[list[Any]]:
    return _about(found["grading"])


def _strong(text: str, missed: bool) -> Any:
    return nodes.strong(text=text) if missed else text


ROWS: dict[str, Callable[..., list[list[Any]]]] = {
    "torch": _torch,
    "ctc": _ctc,
    "numpy": _numpy,
    "temporaries": _temporaries,
    "import": _import,
    "about": _about,
    "grading-sets": _grading_sets,
    "grading-class": _grading_class,
    "grading-about": _grading_about,
}


def _ratio(found: dict[str, float], kind: str | None = None) -> Any:
    """Return a ratio with the quartiles of its rounds, strong where it misses its aim."""
    text = f"{found['ratio']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"
    return nodes.strong(text=text) if kind and found["ratio"] > AIMS[kind] else text


def _mark(value: float, kind: str, form: str) -> Any:
    text = format(value, form)
    return nodes.strong(text=text) if value > AIMS[kind] else text


def _cell(value: Any) -> nodes.Node:
    """Return a cell: a name in a tuple is code, a node is itself, all else is text."""
    if isinstance(value, tuple):
        return nodes.literal(text=value[0])
    return value if isinstance(value, nodes.Node) else nodes.Text(value)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("benchmark", Benchmark)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
