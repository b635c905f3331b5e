"""The benchmark of the losses: it runs, its peers are right, its results whole and explained."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import losses, misses
from tests.losscourse.losses.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--elements", "2000", "--rounds", "5"]


def run(*arguments):
    command = [sys.executable, "-m", "benchmarks.losses", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_run_keeps_every_table_of_a_loss_and_what_was_there(tmp_path):
    out = tmp_path / "losses.json"
    out.write_text(json.dumps({"numpy": {"hinge": {"ratio": 9.0}}}))
    done = run("huber", *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    kept = json.loads(out.read_text())
    assert kept["numpy"]["hinge"] == {"ratio": 9.0}
    assert kept["torch"]["huber"]["compiled"]["ratio"] > 0
    assert kept["torch"]["huber"]["elements"] == 2000
    assert kept["numpy"]["huber"]["rounds"] == 5
    assert set(kept["temporaries"]["huber"]) == {"huber", "huber_grad"}
    assert {"numpy", "torch", "processor", "date"} <= set(kept["about"])
    assert not list(tmp_path.glob("*.part"))
    assert re.search(r"^numpy: \d miss the aim .*\bhinge\b", done.stdout, re.MULTILINE)


@pytest.mark.slow
def test_an_unknown_loss_is_refused_before_anything_is_measured(tmp_path):
    done = run("hubber", "--out", tmp_path / "losses.json")
    assert done.returncode == 2
    assert "expected names of losses, got hubber" in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.loss in losses.NUMPY_PEERS], ids=lambda c: c.name
)
def test_a_numpy_peer_computes_the_loss(case):
    arrays = [a.astype(float) if a.dtype == np.float32 else a for a in losses.inputs(case, 3000)]
    peer = losses.NUMPY_PEERS[case.loss]
    copies = [a.copy() for a in arrays]
    np.testing.assert_allclose(peer(*arrays), case.loss(*arrays), rtol=1e-9, atol=1e-12)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def two_of_them(x):
    one, two = x + 1, x + 2
    return one * two


def test_temporaries_are_counted_beside_the_result():
    x = np.zeros(100_000)
    assert losses.temporaries(lambda x: x + 1, [x]) == pytest.approx(0, abs=0.05)
    assert losses.temporaries(two_of_them, [x]) == pytest.approx(2, abs=0.05)


def test_results_hold_every_loss_that_has_a_peer():
    results, _ = misses.read()
    peers = {case.name for case in CASES if losses.has_peer(case)}
    assert peers == set(results["torch"])
    assert {f.__name__ for f in losses.NUMPY_PEERS} == set(results["numpy"])
    assert {"ctc", "import", "about"} <= set(results)


def test_every_miss_has_its_reason_and_no_reason_is_idle():
    results, reasons = misses.read()
    given = {kind: sorted(reasons[kind]) for kind in misses.AIMS}
    assert given == {kind: sorted(names) for kind, names in misses.missed(results).items()}
    assert all(text.strip().endswith(".") for kind in reasons for text in reasons[kind].values())


def test_a_miss_is_what_lies_above_its_aim():
    results = {
        "torch": {"a": {"eager": {"ratio": 6.0}, "compiled": {"ratio": 1.16}}},
        "numpy": {"a": {"ratio": 1.21}, "b": {"ratio": 1.2}},
        "temporaries": {"a": {"a": 3.01, "a_grad": 3.0}},
        "ctc": {"ratio": 3.5, "closed_form": {"ratio": 3.0}},
    }
    expected = {"eager": [], "compiled": ["a"], "numpy": ["a"], "temporaries": ["a"]}
    assert misses.missed(results) == expected | {"ctc": ["ctc"]}
