"""*Teach this course*, followed literally with twelve submissions, one late and one broken."""

import csv
import html
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass

import nbformat
import pytest
from nbgrader.api import Gradebook

from tests.exercises import problem_sets
from tests.guides.terminal import GUIDES, ROOT, Terminal, blocks, until, wait_for

PAGE = "teach-this-course.md"
MUTANTS = 8
REFERENCE, UNTOUCHED, LATE, BROKEN, ABSENT = "ada", "untouched", "late", "cut", "grace"
LATE_UPLOAD = "2026-03-04-10-00-00"  # 34 hours after the due date that the page sets: two days
LATE_PENALTY = 20.0


@dataclass
class Class:
    """The class's submissions as the upload's file name and content, and their due scores."""

    uploads: dict[str, str]
    expected: dict[str, problem_sets.Scores]


def make_class(released):
    source = problem_sets.read_source("ps01")
    reference = problem_sets.reference_answers(source)
    mutants = problem_sets.read_mutants("ps01")
    mutants = mutants[:: len(mutants) // MUTANTS][:MUTANTS]  # of all questions
    work = {REFERENCE: reference, LATE: reference, UNTOUCHED: {}}
    expected = {
        REFERENCE: problem_sets.expected_scores(source, ()),
        LATE: problem_sets.expected_scores(source, ()),
        UNTOUCHED: problem_sets.untouched_scores(source),
    }
    for number, mutant in enumerate(mutants):
        work[f"mutant{number}"] = reference | mutant.cells
        expected[f"mutant{number}"] = problem_sets.expected_scores(source, mutant.loses)
    uploads = {
        f"{student}_ps01.ipynb": nbformat.writes(problem_sets.submission(released, answers))
        for student, answers in work.items()
    }
    uploads[f"{LATE}_{LATE_UPLOAD}_ps01.ipynb"] = uploads.pop(f"{LATE}_ps01.ipynb")
    uploads[f"{BROKEN}_ps01.ipynb"] = uploads[f"{REFERENCE}_ps01.ipynb"][:2000]
    assert len(uploads) == 12
    return Class(uploads, expected)


@pytest.fixture
def repository(folder):
    """A copy of the repository's files, as a clone would have them."""
    clone = folder / "repository"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    return clone


@pytest.mark.slow
@pytest.mark.browser
def test_an_instructor_follows_the_page(repository, folder, free_port, browser):
    terminal = Terminal(repository, folder / "home")
    terminal.let_jupyter_run(free_port)
    course = folder / "teaching"
    set_up, students, release, archive, collect, grade, jupyter, feedback, export, *_ = blocks(PAGE)
    terminal.run(set_up)
    terminal.run(students)
    terminal.run(release)
    released = nbformat.read(course / "release" / "ps01" / "ps01.ipynb", as_version=4)
    work = make_class(released)
    terminal.run(archive)
    with zipfile.ZipFile(course / "downloaded" / "ps01" / "archive" / "all.zip", "w") as file:
        for name, content in work.uploads.items():
            file.writestr(name, content)
    terminal.run(collect)

    says_who_is_not_graded(terminal.run(grade, status=1))
    gradebook = f"sqlite:///{course / 'gradebook.db'}"
    assert scores_by_cell(gradebook) == work.expected
    with terminal.start(jupyter) as process:
        wait_for(f"http://127.0.0.1:{free_port}/formgrader", process)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        formgrader_shows_the_gradebook(page, free_port, gradebook)
        marked = mark_a_written_answer(page, free_port, gradebook)

    terminal.run(feedback)
    feedback_hides_the_hidden_tests(course, set(work.expected))
    terminal.run(export)
    grades_are_exported(course / "grades.csv", work, marked)


def says_who_is_not_graded(output):
    """One line for the broken notebook, the one that the page shows; all others are graded."""
    shown = re.search(r"^```text\n(bob: failed.*)\n```$", (GUIDES / PAGE).read_text(), re.M)
    lines = output.splitlines()
    assert lines.count(shown[1].replace("bob", BROKEN)) == 1, output
    assert "11 graded, 0 need a person, 1 failed" in lines, output
    assert "Traceback" not in output, output


def scores_by_cell(gradebook):
    """The automatic scores of all that is graded."""
    with Gradebook(gradebook) as book:
        submissions = [s for s in book.assignment_submissions("ps01") if s.student.id != BROKEN]
        return {
            s.student.id: {grade.name: grade.auto_score for grade in s.notebooks[0].grades}
            for s in submissions
        }


def shown_scores(gradebook):
    with Gradebook(gradebook) as book:
        return {
            s.student.id: f"{s.score:g} / {s.max_score:g}"
            for s in book.assignment_submissions("ps01")
        }


def formgrader_shows_the_gradebook(page, port, gradebook):
    page.goto(f"http://127.0.0.1:{port}/formgrader/manage_submissions/ps01")
    page.wait_for_selector(f"tbody tr:has-text('{REFERENCE}')")
    rows = [
        [cell.inner_text().strip() for cell in row.query_selector_all("td")]
        for row in page.query_selector_all("tbody tr")
    ]
    shown = {row[1]: (row[3], row[4]) for row in rows}
    expected = shown_scores(gradebook)
    expected[BROKEN] = ""
    assert {
        student: score for student, (_, score) in shown.items() if student != ABSENT
    } == expected
    assert shown[BROKEN][0] == "needs autograding"
    assert shown[REFERENCE][0] == "needs manual grading"
    assert shown[UNTOUCHED][0] == "graded"


def mark_a_written_answer(page, port, gradebook):
    """Open the first submission as the page says, give 5 points, and return whose it was."""
    page.goto(f"http://127.0.0.1:{port}/formgrader/gradebook/ps01/ps01")
    page.click("text=Submission #1")
    # The field takes a mark once the scores have arrived, which fill the field beside it.
    page.wait_for_selector("input#answer_extra_credit[placeholder]")
    page.fill("input#answer.score", "5")
    page.press("input#answer.score", "Tab")

    def marked():
        with Gradebook(gradebook) as book:
            return [
                submission.student.id
                for submission in book.assignment_submissions("ps01")
                for grade in submission.notebooks[0].grades
                if grade.name == "answer" and grade.manual_score == 5.0
            ]

    assert until(lambda: bool(marked())), "formgrader did not save the mark"
    (student,) = marked()
    return student


def hidden_checks():
    """The lines of the hidden tests that call the checks: no student's code looks like them."""
    hidden = set()
    for cell in problem_sets.read_source("ps01").cells:
        for region in re.findall(r"BEGIN HIDDEN TESTS(.*?)END HIDDEN", cell.source, re.S):
            hidden |= {line.strip() for line in region.splitlines() if "checks." in line}
        visible = re.sub(r"BEGIN HIDDEN TESTS.*?END HIDDEN", "", cell.source, flags=re.S)
        hidden -= {line.strip() for line in visible.splitlines()}
    return hidden


def feedback_hides_the_hidden_tests(course, graded):
    pages = {path.parts[-3]: path for path in course.glob("feedback/*/ps01/ps01.html")}
    assert set(pages) == graded
    assert hidden_checks()
    for student, path in pages.items():
        text = html.unescape(re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")))
        lost = "not passed" in text or "not written" in text
        assert lost != (student in (REFERENCE, LATE))
        shown = [line for line in hidden_checks() if line in text]
        assert not shown, f"{path}: shows {shown[:3]}"


def grades_are_exported(path, work, marked):
    with path.open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == {*work.expected, BROKEN, ABSENT}
    for student, cells in work.expected.items():
        raw = sum(filter(None, cells.values())) + (5.0 if student == marked else 0.0)
        penalty = LATE_PENALTY if student == LATE else 0.0
        row = rows[student]
        assert float(row["raw_score"]) == raw, student
        assert float(row["late_submission_penalty"]) == penalty, student
        assert float(row["score"]) == max(0.0, raw - penalty), student
        done = student in (marked, UNTOUCHED)
        assert row["status"] == ("graded" if done else "needs marking"), student
    for student, status in ((BROKEN, "not graded"), (ABSENT, "not submitted")):
        assert rows[student]["status"] == status
        assert rows[student]["score"] == rows[student]["raw_score"] == ""
    assert (rows[REFERENCE]["first_name"], rows[REFERENCE]["last_name"]) == ("Ada", "Lovelace")
