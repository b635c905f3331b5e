"""The benchmark of the grader: its sets give the scores that they say, a run keeps its results."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from benchmarks import grading
from benchmarks.sets import SETS
from losscourse.grading.rebuild import read, rebuild
from losscourse.grading.warm import Warm
from tests.exercises import problem_sets

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    command = [sys.executable, "-m", "benchmarks.grading", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def warm():
    with Warm() as parent:
        yield parent


@pytest.mark.slow
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_each_answer_gets_its_scores(name, warm):
    chosen = SETS[name]()
    wrong = {}
    for answer in chosen.names:
        if answer == problem_sets.UNTOUCHED:
            continue
        notebook = chosen.notebook(answer, chosen.source)
        rebuilt = rebuild(chosen.source, read(nbformat.writes(notebook).encode()))
        report = warm.grade(rebuilt.steps, rebuilt.names)
        given = {v.cell: v.score for v in report.verdicts if v.kind == "test"}
        wrong |= {answer: given} if given != chosen.expected(answer) else {}
    assert not wrong
    assert len(chosen.names) == 6


@pytest.mark.slow
def test_a_run_compares_both_and_keeps_what_was_there(tmp_path):
    out = tmp_path / "grading.json"
    out.write_text(json.dumps({"sets": {"torch": {"ratio": 9.0}}}))
    done = run("numpy", "--blocks", 1, "--size", 4, "--workers", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    kept = json.loads(out.read_text())
    assert kept["sets"]["torch"] == {"ratio": 9.0}
    found = kept["sets"]["numpy"]
    assert found["submissions"] == 4
    assert found["scores"] == 4 * 6
    assert not found["differences"]
    assert found["ratio"]["median"] == pytest.approx(
        found["nbgrader_s"]["median"] / found["ours_s"]["median"], rel=0.02
    )
    assert 0 < found["cells_s"]["median"] < found["ours_s"]["median"]
    assert {"nbgrader", "sandlock", "kernel", "processor"} <= set(kept["about"])
    assert done.stdout.startswith("numpy")


@pytest.mark.slow
def test_a_class_is_watched_and_nobody_is_lost(tmp_path, monkeypatch):
    found = grading.grade_class(SETS["numpy"](), tmp_path, students=12, workers=1)
    assert (found["states"], found["lost"], found["wrong"]) == ({"graded": 12}, 0, [])
    assert found["memory_mb"]["parents"]["most"] > found["memory_mb"]["coordinator"]["early"] > 20
    assert found["memory"][-1]["s"] <= found["wall_s"]


@pytest.mark.slow
def test_bad_arguments_are_refused_before_anything_is_measured(tmp_path):
    out = tmp_path / "grading.json"
    for arguments, said in (
        (["nump"], "expected sets of ps01, numpy, torch, got nump"),
        (["--size", 2, "--workers", 2], "expected blocks of more than 2 submissions, got 2"),
    ):
        done = run(*arguments, "--out", out)
        assert done.returncode == 2
        assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not out.exists()


def test_the_published_results_lose_nobody_and_are_whole():
    found = json.loads(grading.RESULTS.read_text())
    assert found["sets"].keys() == SETS.keys()
    assert not [name for name, got in found["sets"].items() if got["differences"]]
    assert (found["class"]["submissions"], found["class"]["lost"]) == (1000, 0)
    assert found["class"]["wrong"] == []
    spread = json.loads(grading.RESULTS.with_name("cluster.json").read_text())
    assert (spread["submissions"], spread["killed"], spread["same grades"]) == (1000, 1, True)
