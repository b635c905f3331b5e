"""`losscourse similar`: what it finds, what it leaves alone, and what it makes of hostile texts."""

import csv
import json
import random
import re
import shutil
import time
from collections import Counter

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from losscourse import cli
from losscourse.grading.similarity import Answer, Comparison, compare
from tests.grading import similar_class

SIGNS = ("+", "-", "*", "/", "//", "**", "%", "<", ">", "<=", ">=", "==", "@")


def program(hand, lines=12):
    """Return a function of random arithmetic."""
    body = [
        f"    v{hand.randrange(9)} = v{hand.randrange(9)} {hand.choice(SIGNS)} "
        f"(v{hand.randrange(9)} {hand.choice(SIGNS)} f.m{hand.randrange(40)}(v{hand.randrange(9)}))"
        for _ in range(lines)
    ]
    return "\n".join(["def g(v0):", *body, "    return v1"])


def essay(hand, words=60):
    return " ".join(f"word{hand.randrange(300)}" for _ in range(words))


def make_works(students=30, questions=3, seed=0):
    hand = random.Random(seed)
    names = [f"q{number}" for number in range(questions)]
    return {f"s{n:02d}": {q: program(hand) for q in names} for n in range(students)}


def compared(works, known=None, read=Answer.of_code):
    questions = sorted({question for answers in works.values() for question in answers})
    known = {q: [read(text) for text in (known or {}).get(q, [])] for q in questions}
    return compare({s: {q: read(t) for q, t in a.items()} for s, a in works.items()}, known)


def named(comparison: Comparison):
    return [(pair.first, pair.second) for pair in comparison.pairs]


# --- what is read of code ---


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("total = a.sum() + b[0] * 2", "t = x.sum() + y[1] * 3.5e-6", 9),
        ("x = [a, b, c, d, e]", "y = [a,\n     b,  # two\n     c, d, e]", 8),
        ('def f(a):\n    """Doc."""\n    return a + 1', "def g(b):\n    return b + 1", 5),
        ("x = f('one') + g(u'two') + 1", 'y = h("1") + i("2") + 1', 8),
        ("x = a.sum() + b", "x = a.max() + b", 0),
        ("x = abs(a) + abs(b) - c", "x = len(a) + len(b) - c", 0),
        ("x = a + b * c - d / e", "x = a - b / c + d * e", 0),
    ],
    ids=["names", "form", "docstring", "strings", "attribute", "builtin", "signs"],
)
def test_names_constants_and_form_hide_nothing(first, second, common):
    one, two = (set(Answer.of_code(text).grams.tolist()) for text in (first, second))
    assert len(one & two) == common
    assert min(len(one), len(two)) > 0


@pytest.mark.parametrize(
    "text",
    ["", "\0", "'", '"""', "def f(:", "\\", "é = ‮x", "x" * 50_000, "'\\" * 20_000, '"' * 30_001],
    ids=range(10),
)
def test_any_text_is_read_in_no_time(text):
    start = time.process_time()
    for read in (Answer.of_code, Answer.of_prose):
        answer = read(text)
        assert len(answer.grams) == len(answer.places)
    assert time.process_time() - start < 2


# --- who stands out ---


def test_in_a_class_that_works_alone_few_stand_out():
    pairs = [pair for seed in range(4) for pair in named(compared(make_works(60, 6, seed)))]
    assert len(pairs) <= 4  # of 240 students


def test_a_disguised_copy_stands_out_alone_and_says_where():
    works = make_works()
    hand = random.Random(1)
    works["s07"] = similar_class.renamed(works["s03"], hand)
    works["s07"]["q1"] = program(hand)
    found = compared(works)
    assert named(found) == [("s03", "s07")]
    assert set(found.pairs[0].questions) >= {"q0", "q2"}
    assert found.pairs[0].score == pytest.approx(sum(found.pairs[0].questions.values()))
    assert found.nearest["s03"] == found.pairs[0].score >= found.limit


def test_copied_prose_stands_out():
    hand = random.Random(0)
    works = {f"s{n:02d}": {"a": essay(hand), "b": essay(hand)} for n in range(30)}
    works["s09"] = {q: text.upper().replace(" ", ", ") for q, text in works["s04"].items()}
    assert named(compared(works, read=Answer.of_prose)) == [("s04", "s09")]


def test_what_is_handed_out_or_our_own_solution_is_no_trace():
    works, known = make_works(), {f"q{n}": [program(random.Random(n))] for n in range(3)}
    for student in ("s03", "s07"):
        works[student] = {q: texts[0] for q, texts in known.items()}
    assert ("s03", "s07") in named(compared(works))
    assert compared(works, known).nearest["s03"] < 1


def test_what_a_quarter_of_the_class_writes_does_not_count():
    works = make_works()
    for n in range(8):
        works[f"s{n:02d}"]["q0"] = works["s00"]["q0"]
    found = compared(works)
    assert found.nearest["s00"] < found.limit
    assert not named(found)


def test_an_answer_that_many_share_says_less_than_one_that_two_share():
    works = make_works(40)
    for n in range(6):
        works[f"s{n:02d}"]["q0"] = works["s00"]["q0"]
    works["s07"]["q1"] = works["s06"]["q1"]
    found = compared(works)
    assert found.nearest["s06"] > found.nearest["s00"]


def test_the_order_of_students_changes_nothing():
    works = make_works()
    works["s07"] = works["s03"] | {"q1": works["s07"]["q1"]}
    turned = dict(reversed(works.items()))
    assert [set(pair) for pair in named(compared(works))] == [
        set(pair) for pair in named(compared(turned))
    ]


def test_too_small_a_class_is_an_error():
    with pytest.raises(ValueError, match=r"expected 10 students or more.*got 9"):
        compared(make_works(9))


def test_blank_answers_are_alike_to_nobodys():
    works = make_works()
    for student in ("s03", "s07"):
        works[student] = dict.fromkeys(works[student], "")
    found = compared(works)
    assert found.nearest["s03"] == 0
    assert not named(found)


def test_the_marks_cover_what_is_shared_and_nothing_else():
    works = make_works()
    lines = works["s03"]["q0"].splitlines()
    works["s07"]["q0"] = "\n".join([*works["s07"]["q0"].splitlines()[:6], *lines[6:]])
    found = compared(works)
    text = works["s07"]["q0"]
    marked = np.zeros(len(text), bool)
    for start, end in found.shared("s07", "s03", "q0"):
        marked[start:end] = True
    middle = text.index(lines[6])
    ink = np.array([not letter.isspace() for letter in text])
    assert marked[middle:][ink[middle:]].mean() > 0.9
    assert marked[:middle][ink[:middle]].mean() < 0.3


# --- on ps01, with planted copies ---


@pytest.mark.slow
def test_planted_copies_of_ps01_are_found():
    """The figures of `python -m tests.grading.similar_class` are better; these are the least."""
    found, wrong = Counter(), 0
    for seed in range(3):
        work, planted = similar_class.make_class(98, seed)
        for pair in named(similar_class.compared(work)):
            kind = planted.get(frozenset(pair))
            found[kind] += 1
            wrong += kind is None
    assert found["verbatim"] == found["comments"] == 3
    assert sum(found[kind] for kind in similar_class.COPIES) >= 12  # of 21
    assert wrong <= 3


# --- the command ---

DATA = {"schema_version": 3, "solution": True, "locked": False, "task": False}
EVIL = "<script>alert(1)</script>"


def submission(code, prose, extra=()):
    double = {"nbgrader": DATA | {"grade_id": "double", "grade": False}}
    why = {"nbgrader": DATA | {"grade_id": "why", "grade": True, "points": 5}}
    cells = [new_code_cell(code, metadata=double), new_markdown_cell(prose, metadata=why)]
    return nbformat.writes(new_notebook(cells=cells))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of 15 students: two with one text, a hostile one, and one that cannot be read."""
    folder, hand = tmp_path_factory.mktemp("course"), random.Random(5)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    (folder / "source" / "ps").mkdir(parents=True)
    source = "def g(v0):\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    (folder / "source" / "ps" / "ps.ipynb").write_text(submission(source, "Because."))
    texts = {f"s{n:02d}": (program(hand), essay(hand)) for n in range(12)}
    texts["<b>eve"] = (
        f"raise SystemExit({EVIL!r})  # \u202e\n" + program(hand),
        EVIL + essay(hand),
    )
    texts["=fay"] = texts["<b>eve"]
    for student, (code, prose) in texts.items():
        place = folder / "submitted" / student / "ps"
        place.mkdir(parents=True)
        (place / "ps.ipynb").write_text(submission(code, prose))
    broken = folder / "submitted" / "gus" / "ps"
    broken.mkdir(parents=True)
    (broken / "ps.ipynb").write_text("{")
    return folder


def run(course, *arguments):
    command = ["similar", "ps", "--course", str(course), *map(str, arguments)]
    done = CliRunner().invoke(cli.app, command)
    return done.exit_code, done.output


def test_the_command_names_the_pair_and_who_is_left_out(course):
    status, said = run(course)
    assert status == 0
    assert "14 students, 1 pair stands out" in said
    assert "<b>eve, =fay" in said
    assert "They share what few others wrote" in said
    assert "Left out: gus: it is cut off or damaged" in said
    assert not any(path.suffix == ".html" for path in course.iterdir())


def test_where_no_pair_stands_out_nothing_is_said_of_one(course, tmp_path):
    alone = shutil.copytree(course, tmp_path / "alone")
    shutil.rmtree(alone / "submitted" / "=fay")
    status, said = run(alone)
    assert (status, "13 students, no pairs stand out" in said) == (0, True), said
    assert "They share" not in said


def test_the_page_is_one_file_in_which_nothing_runs(course, tmp_path):
    status, _ = run(course, "--to", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert status == 0
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<img|<link|<iframe|\son\w+=|https?:", page, re.IGNORECASE)
    assert "<b>eve" not in page
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in page
    assert page.count("<mark>") > 2
    assert "&lt;b&gt;eve" in page


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_the_pairs_are_also_data(course, tmp_path, suffix):
    file = tmp_path / f"pairs{suffix}"
    assert run(course, "--to", file)[0] == 0
    if suffix == ".json":
        found = json.loads(file.read_text())
        assert [(pair["first"], pair["second"]) for pair in found["pairs"]] == [("<b>eve", "=fay")]
        assert len(found["nearest"]) == 14
        assert list(found["left_out"]) == ["gus"]
    else:
        (row,) = csv.DictReader(file.open(newline=""))
        assert (row["first"], row["second"]) == ("<b>eve", "'=fay")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "x.pdf"], "--to ends in .html, .json, .csv, not in '.pdf'"),
        (["--to", "none/x.csv"], "none/x.csv: cannot be written: No such file"),
    ],
    ids=["suffix", "nowhere"],
)
def test_what_cannot_be_written_says_why(course, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, output = run(course, *arguments)
    assert (status, said in output) == (2, True), output


def test_a_course_without_enough_to_compare_says_so(course, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    status, said = run(tmp_path)
    assert (status, "There is no notebook of 'ps'" in said) == (2, True)
    (tmp_path / "source" / "ps").mkdir(parents=True)
    (tmp_path / "source" / "ps" / "ps.ipynb").write_text(submission("", ""))
    status, said = run(tmp_path)
    assert (status, "0 submissions of ps can be read" in said) == (2, True)
