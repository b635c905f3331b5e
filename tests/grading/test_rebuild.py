"""Malformed submissions: graded where the student's text can be found, else named, alone."""

import contextlib
import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import from_dict

from losscourse.grading.judge import Report, Verdict
from losscourse.grading.rebuild import (
    MOST_BYTES,
    Cell,
    Rebuilt,
    Unreadable,
    choose,
    handed_in,
    read,
    rebuild,
)
from tests.grading.malformed.cases import CASES
from tests.grading.malformed.problem_set import ANSWERS, POINTS, released, solved, source

SOURCE = source()
GOOD = json.dumps(solved(), indent=1).encode()
BLANK = json.dumps(released()).encode()
WRONG = json.dumps(solved(double="def double(x):\n    return x\n")).encode()
PROSE = ("why", "limits")


def grade(warm, rebuilt):
    """Return the report, and the tests that gave less than their points."""
    report = rebuilt.marked(warm.grade(rebuilt.steps, rebuilt.names, cell_seconds=3.0))
    tests = {v.cell: v.score for v in report.verdicts if v.kind == "test"}
    assert tests.keys() == POINTS.keys()
    return report, {name for name, score in tests.items() if score != POINTS[name]}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_each_ends_as_it_must_and_the_next_is_graded(warm, name):
    case = CASES[name]
    data = case.make(GOOD)
    if case.fault:
        with pytest.raises(Unreadable, match=case.fault):
            rebuild(SOURCE, read(data))
        return
    rebuilt = rebuild(SOURCE, read(data))
    report, lost = grade(warm, rebuilt)
    assert lost == set(case.lost), report
    assert report.state == ("needs a person" if case.person else "graded")
    assert re.search(case.person, report.reason)
    assert not case.note or any(re.search(case.note, note) for note in report.notes), report.notes
    assert not case.prose or {name: rebuilt.texts[name] for name in PROSE} == {
        name: ANSWERS[name] for name in PROSE
    }
    after, lost = grade(warm, rebuild(SOURCE, read(GOOD)))
    assert (after.state, after.notes, lost) == ("graded", [], set())


# --- the files that were handed in ----------------------------------------------------------------


def chosen(**files):
    """Return what is run of files by name, "ps" and "other" for short."""
    names = {"ps": "ps.ipynb", "other": "ps (1).ipynb", "third": "Untitled.ipynb"}
    return choose(SOURCE, {names.get(key, key): data for key, data in files.items()}, "ps.ipynb")


def test_a_renamed_notebook_is_graded_and_noted():
    found = chosen(other=GOOD, data=b"1,2\n", figure=b"\x89PNG")
    assert found.texts == chosen(ps=GOOD).texts
    assert found.notes == ["ps (1).ipynb was graded in the place of ps.ipynb, which is missing"]


def test_of_extra_notebooks_the_one_with_the_name_counts(warm):
    assert chosen(ps=GOOD, other=GOOD).doubts == []
    report, lost = grade(warm, chosen(other=WRONG, ps=GOOD))
    assert (report.state, lost) == ("graded", set())
    report, lost = grade(warm, chosen(ps=BLANK, other=GOOD))
    assert (report.state, lost) == ("needs a person", set(POINTS))
    assert report.reason == "ps (1).ipynb, handed in beside it, holds other answers"


def test_a_broken_notebook_beside_a_whole_one_is_passed_over():
    found = chosen(ps=GOOD[:500], other=GOOD)
    assert found.texts == chosen(ps=GOOD).texts
    assert "in the place of ps.ipynb, which cannot be read: it is cut off" in found.notes[-1]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({}, "there is no notebook: hand in ps.ipynb"),
        ({"other": GOOD[:500]}, "cut off or damaged"),
        ({"ps": b"", "other": GOOD[:500]}, "it is empty"),
        ({"data": b"1", "figure": b"\x89PNG"}, "there is no notebook: hand in ps.ipynb"),
        ({"other": GOOD, "third": WRONG}, r"Untitled.* and ps \(1\).* hand in one, as ps.ipynb"),
    ],
)
def test_where_no_one_notebook_can_be_meant_the_message_says_what_to_do(files, fault):
    with pytest.raises(Unreadable, match=fault):
        chosen(**files)


def test_of_a_folder_only_real_notebooks_of_a_readable_size_are_read(tmp_path):
    (tmp_path / "secret").write_text("{}")
    folder = tmp_path / "handed in"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / "folder.ipynb").mkdir()
    (folder / "link.ipynb").symlink_to(tmp_path / "secret")
    (folder / "data.csv").write_text("1")
    (folder / "next.ipynb").write_bytes(GOOD)
    (folder / "PS.IPYNB").write_bytes(GOOD)
    with (folder / "large.ipynb").open("wb") as file:
        file.truncate(2**40)
    files = handed_in(folder, {"next.ipynb"})
    assert sorted(files) == ["PS.IPYNB", "large.ipynb"]
    assert len(files["large.ipynb"]) == MOST_BYTES + 1
    assert choose(SOURCE, files, "ps.ipynb").texts["double"] == ANSWERS["double"]

    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(Unreadable, match="a link to another folder"):
        handed_in(tmp_path / "link")
    for number in range(20):
        (folder / f"{number}.ipynb").touch()
    with pytest.raises(Unreadable, match="23 notebooks: hand in the one that counts"):
        handed_in(folder)


@pytest.mark.parametrize("name", ["\x1b]0;graded\x07", "\udcff", "\u202ebypi.", "a\nb"], ids=ascii)
def test_a_files_name_neither_steers_a_terminal_nor_stops_it(name):
    alone = choose(SOURCE, {f"{name}.ipynb": GOOD}, "ps.ipynb")
    beside = choose(SOURCE, {"ps.ipynb": GOOD, f"{name}.ipynb": WRONG}, "ps.ipynb")
    with pytest.raises(Unreadable) as fault:
        choose(SOURCE, {"a.ipynb": GOOD, f"{name}.ipynb": WRONG}, "ps.ipynb")
    for told in (*alone.notes, *beside.doubts, str(fault.value)):
        assert told.isprintable()
        assert ascii(name)[1:-1] in told


# --- questions that ask for the same name ---------------------------------------------------------


def test_of_two_questions_that_ask_for_one_name_neither_takes_the_others_text():
    two = [from_dict(cell) for cell in SOURCE.cells]
    two += [from_dict(two[3])]
    two[-1].metadata.nbgrader.grade_id = "double-again"
    again = SOURCE | {"cells": two}
    found = rebuild(from_dict(again), [Cell("code", cell.source, None) for cell in solved().cells])
    assert (found.texts["double"], found.texts["double-again"]) == ("", "")
    assert ANSWERS["double"] in {step.code for step in found.steps}  # and yet it runs
    assert any(doubt.startswith("double: its cell is missing") for doubt in found.doubts)


# --- what a report says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "state", "doubts", "becomes"),
    [
        (1.0, "graded", ["d"], "graded"),
        (0.5, "graded", ["d"], "needs a person"),
        (0.5, "graded", [], "graded"),
        (None, "needs a person", ["d"], "needs a person"),
        (0.0, "failed", ["d"], "failed"),
    ],
)
def test_a_doubt_asks_for_a_person_where_points_are_lost(score, state, doubts, becomes):
    report = Report(state, "r", [Verdict("t", "test", 1.0, score)])
    marked = Rebuilt(doubts=doubts, notes=["n"]).marked(report)
    assert (marked.state, marked.notes) == (becomes, ["n", *doubts])
    assert marked.reason == ("r; d" if becomes == "needs a person" else "r")
    assert report.notes == []


# --- any bytes, any cells -------------------------------------------------------------------------

TEXTS = st.sampled_from([*ANSWERS.values(), "RATE = 2.0\n", "---", "x = 1", "def f(", "", "\ud800"])
NAMES = st.sampled_from([*ANSWERS, *POINTS, "setup", "title", "else", "", 3, None])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "worksheets", "source", "input", "metadata"]), inner
        )
    ),
    max_leaves=12,
)
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "other"])},
    optional={
        "source": TEXTS | st.lists(TEXTS, max_size=2) | VALUES,
        "metadata": NAMES.map(lambda name: {"nbgrader": {"grade_id": name}}) | VALUES,
    },
)
FILES = (
    st.binary(max_size=300)
    | VALUES.map(lambda tree: json.dumps(tree).encode())
    | st.lists(CELLS | VALUES, max_size=12).map(lambda c: json.dumps({"cells": c}).encode())
    | st.tuples(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)), st.binary(max_size=8)).map(
        lambda cut: GOOD[: cut[0]] + cut[2] + GOOD[cut[1] :]
    )
)
OURS = [
    (cell.metadata["nbgrader"]["grade_id"], cell.source)
    for cell in SOURCE.cells
    if cell.cell_type == "code" and not cell.metadata["nbgrader"]["solution"]
]


@settings(max_examples=400, deadline=None)
@given(FILES)
def test_any_bytes_give_cells_and_steps_or_are_unreadable(data):
    try:
        cells = read(data)
        found = rebuild(SOURCE, cells)
    except Unreadable:
        return
    texts = {cell.text for cell in cells} | {""}
    assert [(s.cell, s.code) for s in found.steps if s.kind != "student"] == OURS
    assert {s.code for s in found.steps if s.kind == "student"} <= texts
    assert found.names == ["double", "halve", "STEP", "shift"]
    assert found.texts.keys() == ANSWERS.keys()
    "".join(step.code for step in found.steps).encode()  # no lone surrogate reaches the student's


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=20, max_size=20))
def test_no_answer_goes_to_another_question_and_none_is_left_out(choices):
    """Cells deleted, copied and stripped of their names, in any combination."""
    cells = []
    for cell, (kept, twice, named) in zip(solved().cells, choices, strict=False):
        name = cell.metadata.get("nbgrader", {}).get("grade_id") if named else None
        kind = "code" if cell.cell_type == "code" else "prose"
        cells += [Cell(kind, cell.source, name)] * (kept * (1 + twice))
    try:
        found = rebuild(SOURCE, cells)
    except Unreadable:
        assert not {cell.text for cell in cells} & {ANSWERS[name] for name in found_by_name()}
        return
    for name, text in ANSWERS.items():
        assert found.texts[name] in ("", text)
        run = {step.code for step in found.steps if step.kind == "student"}
        there = any(cell.text == text for cell in cells)
        assert name in PROSE or (text in run) == there
        assert (found.texts[name] == "") == any(d.startswith(f"{name}: ") for d in found.doubts)


def found_by_name():
    """Return the answers that are found wherever they stand: the functions."""
    return ANSWERS.keys() - set(PROSE)


def cell_of(text, times=1):
    cells = [{"cell_type": "code", "source": text}] * times
    return json.dumps({"cells": [*cells, {"source": "def double(x): 1"}]}).encode()


SIZE = 2 * 2**20
LONG = {
    "letters": cell_of("a" * SIZE),
    "names": cell_of("a," * SIZE),
    "assignments": cell_of("a = " * (SIZE // 4)),
    "lines": cell_of("a=\n" * (SIZE // 3)),
    "half a definition": cell_of("async def\t" * (SIZE // 10)),
    "spaces": cell_of(" " * SIZE),
    "many cells": cell_of("double = 1\n" * 100, 1999),
    "many keys": b"{" + b",".join(b'"%d":1' % i for i in range(SIZE // 12)) + b"}",
    "opened and never closed": b'{"cells":[' * (SIZE // 10),
    "half a mark of a merge": b"<<<<<<" * (SIZE // 6),
}


@pytest.mark.parametrize("data", LONG.values(), ids=LONG)
def test_long_inputs_take_time_in_proportion(data):
    start = time.process_time()
    with contextlib.suppress(Unreadable):
        rebuild(SOURCE, read(data))
    assert time.process_time() - start < 2  # 0.3 s at most were seen
