"""How fast a class is graded: `losscourse grade` against nbgrader's own autograde.

    make bench-grading                          both of these, into benchmarks/results/grading.json
    python -m benchmarks.grading                all sets; with names, these alone
    python -m benchmarks.grading --class 1000   a class of ps01 on its own, with its memory

Both grade the same submissions, block by block in turn, so that a busy moment meets both. nbgrader
runs as with an empty nbgrader_config.py; ours with the sandbox, on all cores. What each needs to
start is told apart. Each result is written when it is there: a run that was stopped loses nothing.
"""

import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import nbformat
import typer
from nbgrader.api import Gradebook
from rich.console import Console

from benchmarks.machine import about, write
from benchmarks.misses import OVERHEAD_MS, TIMES_AS_MANY
from benchmarks.sets import SETS, ProblemSet
from tests.exercises import problem_sets

__all__ = ["RESULTS"]

RESULTS = Path(__file__).parent / "results" / "grading.json"
ROOT = Path(__file__).parents[1]
PACKAGES = (
    "nbgrader", "nbclient", "nbconvert", "ipykernel", "jupyter_client", "numpy", "torch",
    "sqlalchemy", "sandlock",
)  # fmt: skip
SEED = 0
BLOCK = 12
"""Submissions of a block."""
BLOCKS = {"ps01": 8, "numpy": 6, "torch": 5}
"""Blocks of each set: so that all of it takes a quarter of an hour."""

_STOCK = "c = get_config()\nc.CourseDirectory.course_id = 'losscourse'\n"
_BEGINS = "Creating/updating student"  # what nbgrader logs when it begins with a submission


class Run(NamedTuple):
    """What a run of one side took.

    Args:
        start: Seconds until it had begun with the first submission.
        each: Seconds for each submission after that.
        cells: Seconds of each submission's cells, where they are known.
    """

    start: float
    each: float
    cells: list[float]


class Course:
    """A course folder with one problem set, generated.

    Args:
        folder: Where; it must not exist.
        chosen: The problem set.
        config: What its nbgrader_config.py holds.
    """

    def __init__(self, folder: Path, chosen: ProblemSet, config: str):
        self.folder, self.set = folder, chosen
        (folder / "source" / chosen.name).mkdir(parents=True)
        (folder / "nbgrader_config.py").write_text(config)
        name = f"{chosen.name}.ipynb"
        nbformat.write(chosen.source, folder / "source" / chosen.name / name)
        command = [sys.executable, "-m", "nbgrader", "generate_assignment", chosen.name]
        subprocess.run(command, cwd=folder, env=self.settings(), check=True, capture_output=True)
        self.released = nbformat.read(folder / "release" / chosen.name / name, as_version=4)

    def settings(self) -> dict[str, str]:
        """Return the environment of a command: this tree's package, and nobody's configuration."""
        return os.environ | {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",  # a line comes when it is written
            "IPYTHONDIR": str(self.folder / ".ipython"),
            "JUPYTER_CONFIG_DIR": str(self.folder / ".jupyter"),
        }

    def hand_in(self, answers: Mapping[str, str]) -> None:
        """Write submissions, no two of them alike.

        Args:
            answers: The answer's name by student.
        """
        for student, answer in answers.items():
            place = self.folder / "submitted" / student / self.set.name
            place.mkdir(parents=True)
            notebook = self.set.notebook(answer, self.released)
            for cell in problem_sets.solution_cells(notebook):
                cell.source += f"\n# {student}"
            nbformat.write(notebook, place / f"{self.set.name}.ipynb")

    def scores(self) -> dict[str, problem_sets.Scores]:
        """Return the score of each cell that a test decides, by student."""
        known = self.set.expected(problem_sets.REFERENCE)
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db", "losscourse") as book:
            return {
                one.student_id: {
                    grade.name: grade.auto_score
                    for notebook in one.notebooks
                    for grade in notebook.grades
                    if grade.name in known
                }
                for one in book.assignment_submissions(self.set.name)
            }

    def run_stock(self, students: Sequence[str]) -> Run:
        """Autograde what is not graded yet, as `nbgrader autograde` does.

        Args:
            students: Whose submissions those are.
        """
        command = [sys.executable, "-m", "nbgrader", "autograde", self.set.name]
        begun = time.perf_counter()
        times = self._times(command, len(students), lambda line: _BEGINS in line)
        return Run(times[0] - begun, (time.perf_counter() - times[0]) / len(students), [])

    def run_ours(self, students: Sequence[str], workers: int) -> Run:
        """Grade what is not graded yet, as `losscourse grade` does.

        Args:
            students: Whose submissions those are.
            workers: How many at a time.
        """
        kept = self.folder / "cells.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks.grading",
            "--ours",
            self.set.name,
            str(kept),
            str(workers),
        ]
        begun = time.perf_counter()
        times = self._times(command, len(students), lambda line: line.partition(":")[0] in students)
        each = (times[-1] - times[workers - 1]) / (len(times) - workers)
        return Run(times[0] - begun - each * workers, each, json.loads(kept.read_text()))

    def _times(
        self, command: Sequence[str], count: int, means: Callable[[str], bool]
    ) -> list[float]:
        """Run a command here; return when the lines came that mean a submission, one for each."""
        times, said = [], []
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.settings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout:
                said.append(line)
                if means(line):
                    times.append(time.perf_counter())
        if len(times) != count:
            raise RuntimeError(
                f"expected {count} submissions, got {len(times)}:\n{''.join(said[-40:])}"
            )
        return times


def _grade_here(name: str, kept: str, workers: str) -> None:
    """Be `losscourse grade` in this folder, and keep what each submission's cells took."""
    from losscourse.grading import coordinator, evening

    cells: list[float] = []

    class Timed(coordinator.Warm):
        def grade(self, *args: Any, **named: Any) -> Any:
            report = super().grade(*args, **named)
            cells.append(sum(verdict.seconds for verdict in report.verdicts))
            return report

    coordinator.Coordinator.__init__.__kwdefaults__["make_warm"] = Timed
    status = evening.grade(name, course=Path(), workers=int(workers))
    Path(kept).write_text(json.dumps([round(seconds, 4) for seconds in cells]))
    sys.exit(status)


# --- pair by pair ---------------------------------------------------------------------------------


def compare(
    chosen: ProblemSet, folder: Path, *, blocks: int, size: int, workers: int
) -> Iterator[dict[str, Any]]:
    """Grade the same submissions on both sides, block by block; yield the result so far.

    Args:
        chosen: The problem set.
        folder: Where the courses are made.
        blocks: How many blocks.
        size: How many submissions each has, more than `workers`.
        workers: How many ours grades at a time.
    """
    stock = Course(folder / "stock", chosen, _STOCK)
    config = (ROOT / "exercises" / "nbgrader_config.py").read_text()
    ours = Course(folder / "ours", chosen, config)
    names = chosen.names
    random.Random(SEED).shuffle(names)
    answers: dict[str, str] = {}
    runs: list[tuple[Run, Run]] = []
    for block in range(blocks):
        places = range(block * size, (block + 1) * size)
        new = {f"s{place:04}": names[place % len(names)] for place in places}
        answers |= new
        stock.hand_in(new)
        ours.hand_in(new)
        runs.append((stock.run_stock(list(new)), ours.run_ours(list(new), workers)))
        yield {
            "cells": len([c for c in chosen.source.cells if c.cell_type == "code"]),
            "submissions": len(answers),
            "answers": len(set(answers.values())),
            "block": size,
            "workers": workers,
            "seed": SEED,
            **_figures(runs, workers),
            **_agreement(answers, stock.scores(), ours.scores()),
        }


def _figures(runs: Sequence[tuple[Run, Run]], workers: int) -> dict[str, Any]:
    stock, ours = zip(*runs, strict=True)
    ratios = [theirs.each / mine.each for theirs, mine in runs]
    overheads = [1e3 * (mine.each * workers - statistics.fmean(mine.cells)) for mine in ours]
    return {
        "ratio": _quartiles(ratios, 2),
        "nbgrader_s": _quartiles([run.each for run in stock], 3),
        "ours_s": _quartiles([run.each for run in ours], 4),
        "cells_s": _quartiles([one for run in ours for one in run.cells], 4),
        "overhead_ms": _quartiles(overheads, 1),
        "start_s": {
            "nbgrader": round(statistics.median(run.start for run in stock), 1),
            "ours": round(statistics.median(run.start for run in ours), 1),
        },
    }


def _quartiles(values: Sequence[float], digits: int) -> dict[str, float]:
    """Return the median and the quartiles; of one value, that value."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    )
    named = {"median": middle, "low": low, "high": high}
    return {name: round(value, digits) for name, value in named.items()}


def _agreement(
    answers: Mapping[str, str],
    stock: Mapping[str, problem_sets.Scores],
    ours: Mapping[str, problem_sets.Scores],
) -> dict[str, Any]:
    """Return how many scores agree, and the cells that do not, with the answer's name."""
    differences: Counter[str] = Counter()
    compared = 0
    for student, answer in answers.items():
        for cell, score in ours[student].items():
            theirs = stock.get(student, {}).get(cell)
            compared += 1
            if theirs != score:
                differences[f"{answer}, {cell}: nbgrader {theirs}, ours {score}"] += 1
    return {"scores": compared, "differences": dict(differences)}


# --- a class --------------------------------------------------------------------------------------


def grade_class(chosen: ProblemSet, folder: Path, *, students: int, workers: int) -> dict[str, Any]:
    """Grade a class at once, and look each second at how much memory that takes.

    Args:
        chosen: The problem set.
        folder: Where the course is made.
        students: How many.
        workers: How many are graded at a time.
    """
    config = (ROOT / "exercises" / "nbgrader_config.py").read_text()
    course = Course(folder / "class", chosen, config)
    answers = {f"s{place:04}": chosen.names[place % len(chosen.names)] for place in range(students)}
    course.hand_in(answers)
    kept = course.folder / "cells.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.grading",
        "--ours",
        chosen.name,
        str(kept),
        str(workers),
    ]
    begun = time.perf_counter()
    states: Counter[str] = Counter()
    memory: list[dict[str, float]] = []
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            command, cwd=course.folder, env=course.settings(), stdout=said, stderr=said
        )
        while process.poll() is None:
            time.sleep(1.0)
            memory.append({"s": round(time.perf_counter() - begun, 1), **_memory(process.pid)})
    wall = time.perf_counter() - begun
    for line in (folder / "said.txt").read_text().splitlines():
        student, _, rest = line.partition(": ")
        if student in answers:
            states[rest.partition(",")[0].partition(":")[0]] += 1
    scores = course.scores()
    wrong = {
        f"{answer}: {fault}"
        for student, answer in answers.items()
        for fault in problem_sets.differences(chosen.expected(answer), scores.get(student, {}))
    }
    whole = [look for look in memory if look["parents"]]
    fifth = max(1, len(whole) // 5)
    return {
        "submissions": students,
        "workers": workers,
        "status": process.returncode,
        "states": dict(states),
        "lost": students - states.total(),
        "wrong": sorted(wrong),
        "wall_s": round(wall, 1),
        "cells_s": _quartiles(json.loads(kept.read_text()), 4),
        "memory_mb": {
            name: {
                "early": round(statistics.median(look[name] for look in whole[fifth : 2 * fifth])),
                "late": round(statistics.median(look[name] for look in whole[-fifth:])),
                "most": round(max(look[name] for look in whole)),
            }
            for name in ("coordinator", "parents", "all")
        },
        "memory": whole[:: max(1, len(whole) // 60)],
    }


def _memory(pid: int) -> dict[str, float]:
    """Return the resident memory of a coordinator, of its warm parents, and of all below it, in MB.

    Of all, pages that several share count in parts.
    """
    children = _children()
    parents, below = children.get(pid, []), [pid]
    for one in below:
        below += children.get(one, [])
    return {
        "coordinator": _field(pid, "status", "VmRSS"),
        "parents": sum(_field(one, "status", "VmRSS") for one in parents),
        "all": sum(_field(one, "smaps_rollup", "Pss") for one in below),
    }


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, after = int(stat.parent.name), stat.read_text().rpartition(")")[2]
        except OSError:
            continue  # it has ended
        found.setdefault(int(after.split()[1]), []).append(pid)
    return found


def _field(pid: int, file: str, name: str) -> float:
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0.0
    return round(int(text.partition(f"\n{name}:")[2].split()[0]) / 1024, 1) if name in text else 0.0


# --- on the command line --------------------------------------------------------------------------


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Sets; default: all.")] = None,
    students: Annotated[
        int, typer.Option("--class", help="Grade a class of this many of ps01, and nothing else.")
    ] = 0,
    blocks: Annotated[int, typer.Option(help="Blocks of a set. Default: as published.")] = 0,
    size: Annotated[int, typer.Option(help="Submissions of a block.")] = BLOCK,
    workers: Annotated[int, typer.Option(help="How many at a time.")] = os.cpu_count() or 1,
    out: Annotated[Path, typer.Option(help="Where the results are kept.")] = RESULTS,
) -> None:
    """Measure the grader against nbgrader's autograde, and print and keep the ratios."""
    names = names or list(SETS)
    if unknown := sorted(set(names) - set(SETS)):
        raise typer.BadParameter(f"expected sets of {', '.join(SETS)}, got {', '.join(unknown)}")
    if size <= workers:
        raise typer.BadParameter(f"expected blocks of more than {workers} submissions, got {size}")
    console = Console(soft_wrap=True, highlight=False)
    results = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    results["about"] = about(PACKAGES) | {"kernel": platform.release()}
    with tempfile.TemporaryDirectory(prefix="losscourse-bench-") as name:
        folder = Path(name)
        if students:
            results["class"] = grade_class(
                SETS["ps01"](), folder, students=students, workers=workers
            )
            write(out, results)
            console.print(_class_line(results["class"]))
            return
        for chosen in names:
            count = blocks or BLOCKS[chosen]
            for found in compare(
                SETS[chosen](), folder / chosen, blocks=count, size=size, workers=workers
            ):
                results.setdefault("sets", {})[chosen] = found
                write(out, results)
                console.print(_line(chosen, found))
            shutil.rmtree(folder / chosen)


def _line(name: str, found: Mapping[str, Any]) -> str:
    """Return a set's result in a line."""
    ratio, overhead = found["ratio"], found["overhead_ms"]
    misses = [
        f"aim {TIMES_AS_MANY[name]:g}×" * (ratio["median"] < TIMES_AS_MANY[name]),
        f"aim {OVERHEAD_MS:g} ms" * (overhead["median"] > OVERHEAD_MS),
    ]
    return (
        f"{name:6} {found['submissions']:4} submissions  "
        f"{ratio['median']:.1f}× [{ratio['low']:.1f}, {ratio['high']:.1f}]  "
        f"nbgrader {found['nbgrader_s']['median']:.2f} s, ours {found['ours_s']['median']:.3f} s, "
        f"overhead {overhead['median']:.0f} ms  {len(found['differences'])} differences  "
        + " ".join(filter(None, misses))
    )


def _class_line(found: Mapping[str, Any]) -> str:
    parents = found["memory_mb"]["parents"]
    return (
        f"class of {found['submissions']}: {found['wall_s']:.0f} s, {found['lost']} lost, "
        f"{len(found['wrong'])} wrong; parents {parents['early']} MB early, {parents['late']} late"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        _grade_here(*sys.argv[2:])
    typer.run(main)
