"""One evening of grading, run for the instructors' page: `make evening`.

A class of 24 hands in ps01: right, wrong, late, broken, endless. The script goes the way of the
page *An evening of grading* in a folder of its own, with the commands that stand there, and keeps
what they print and what formgrader shows in book/guides/evening/.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import QUIET, ROOT, find_chromium
from tests.exercises import problem_sets

SET = "ps01"
KEPT = ROOT / "book" / "guides" / "evening"
SIZE = {"width": 1100, "height": 760}
NAMES = """
Ada Lovelace, Alan Turing, Alonzo Church, Annie Easley, Barbara Liskov, Blaise Pascal, Carl Gauss,
Dorothy Vaughan, Edsger Dijkstra, Emmy Noether, Fei Li, Frances Allen, Grace Hopper, Hedy Lamarr,
Ida Rhodes, Jean Bartik, Joan Clarke, Karen Jones, Katherine Johnson, Klara Neumann,
Leonhard Euler, Mary Jackson, Radia Perlman, Sofya Kovalevskaya
"""
BROKEN, LATE, ENDLESS, STRIPPED, UNTOUCHED = "alonzo", "blaise", "hedy", "ida", "karen"
RIGHT = {"ada", "emmy", "katherine", BROKEN, LATE, STRIPPED}
ENDLESS_CODE = "def huber(predictions, targets, delta=1.0):\n    while True:\n        pass"
# The model answer stays out of pictures that students can see.
ANSWER = """With outliers squared error came out far worse than the other two, and absolute error
was the best. Without outliers I saw hardly any difference. Squared error takes each error twice as
much when it is twice as large, so the outliers pull the line."""


def main() -> None:
    """Go through the evening; keep texts and pictures."""
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="losscourse-evening-") as name, chromium() as browser:
        course = Path(name, "teaching")
        course.mkdir()
        released = set_up(course)
        again = hand_in(course, released)
        run(course, "nbgrader zip_collect ps01 --log-level=WARNING")
        keep("grade", course, "losscourse grade ps01", status=1)
        place = course / "submitted" / BROKEN / SET / f"{SET}.ipynb"
        place.write_text(again, encoding="utf-8")
        keep("again", course, "losscourse grade ps01")
        with formgrader(course) as address:
            page = browser.new_page(viewport=SIZE)
            show_submissions(page, address)
            mark(page, address, course)
        run(course, "nbgrader generate_feedback ps01 --log-level=ERROR")
        feedback = next(iter(sorted(course.glob(f"feedback/{ENDLESS}/{SET}/*.html"))))
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(feedback.as_uri())
        page.screenshot(path=KEPT / "feedback.png")
        failed = page.locator("#cell-huber-values")
        failed.scroll_into_view_if_needed()
        place = failed.bounding_box()
        page.screenshot(
            path=KEPT / "message.png",
            clip={"x": 100, "y": place["y"], "width": 900, "height": min(place["height"], 420)},
        )
        run(course, "nbgrader export --to=grades.csv --log-level=ERROR")
        keep("table", course, "head -n 6 grades.csv")
    for path in sorted(KEPT.iterdir()):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def students() -> dict[str, str]:
    """Return the class: names by id."""
    names = [name.strip() for name in NAMES.split(",")]
    return {name.split()[0].lower(): name for name in names}


def set_up(course: Path) -> nbformat.NotebookNode:
    """Make the course with its students and a due date; return the notebook that they get."""
    released = problem_sets.make_course(course, SET)
    lines = ["id,first_name,last_name,email"]
    for who, name in students().items():
        first, last = name.split()
        lines.append(f"{who},{first},{last},{who}@example.org")
    (course / "students.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run(course, "nbgrader db student import students.csv")
    run(course, 'nbgrader db assignment add ps01 --duedate="2026-03-02 23:59:59 UTC"')
    return released


def hand_in(course: Path, released: nbformat.NotebookNode) -> str:
    """Put the class's uploads into an archive; return what the broken one was meant to be."""
    reference = problem_sets.reference_answers(problem_sets.read_source(SET))
    mutants = problem_sets.read_mutants(SET)
    wrong = iter(mutants[:: len(mutants) // len(students())])
    reference["answer"] = ANSWER
    uploads = {}
    for who in students():
        if who == UNTOUCHED:
            answers = {}
        elif who in RIGHT:
            answers = reference
        else:
            answers = reference | ({"huber": ENDLESS_CODE} if who == ENDLESS else next(wrong).cells)
        notebook = problem_sets.submission(released, answers)
        if who == STRIPPED:  # as some hosted notebooks leave it
            for cell in notebook.cells:
                cell.metadata = {}
        text = nbformat.writes(notebook)
        uploads[f"{who}_{SET}.ipynb"] = text
    uploads[f"{LATE}_2026-03-04-10-00-00_{SET}.ipynb"] = uploads.pop(f"{LATE}_{SET}.ipynb")
    whole = uploads[f"{BROKEN}_{SET}.ipynb"]
    uploads[f"{BROKEN}_{SET}.ipynb"] = whole[: len(whole) // 2]
    archive = course / "downloaded" / SET / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "uploads.zip", "w") as file:
        for name, content in uploads.items():
            file.writestr(name, content)
    return whole


def run(course: Path, command: str, *, status: int = 0) -> str:
    """Run a command as in a terminal, in the course's folder; return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        shell=True,
        cwd=course,
        env=os.environ | {"PATH": path, "COLUMNS": "100", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != status:
        sys.exit(f"{command}: exit status {done.returncode}, expected {status}\n{done.stdout}")
    return done.stdout.replace(str(course), "…")


def keep(name: str, course: Path, command: str, *, status: int = 0) -> None:
    """Run a command, and keep it with what it prints and how long it took."""
    start = time.monotonic()
    said = run(course, command, status=status).rstrip()
    print(f"{command}: {time.monotonic() - start:.1f} s", flush=True)
    text = "\n".join(line.rstrip() for line in f"$ {command}\n{said}".rstrip().splitlines())
    (KEPT / f"{name}.txt").write_text(text + "\n", encoding="utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        yield playwright.chromium.launch(executable_path=path, args=QUIET)


@contextmanager
def formgrader(course: Path) -> Iterator[str]:
    """Run JupyterLab with formgrader in the course's folder; give formgrader's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    with (course / "jupyter.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], cwd=course, stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}/formgrader"
            for _ in range(120):
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                sys.exit(f"formgrader did not answer:\n{(course / 'jupyter.log').read_text()}")
            yield address
        finally:
            server.terminate()
            server.wait()


def show_submissions(page: Page, address: str) -> None:
    """Take the list of assignments and of submissions."""
    page.goto(f"{address}/manage_submissions/{SET}")
    page.wait_for_selector("tbody tr:has-text('Ada')")
    page.wait_for_timeout(500)
    page.screenshot(path=KEPT / "submissions.png")


def mark(page: Page, address: str, course: Path) -> None:
    """Mark every written answer in formgrader, as a person does; take a picture of the first."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        waiting = [
            (notebook.id, grade.cell.name)
            for submission in book.assignment_submissions(SET)
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.needs_manual_grade and grade.manual_score is None
        ]
    for number, (notebook, cell) in enumerate(waiting):
        page.goto(f"{address}/submissions/{notebook}/")
        page.wait_for_selector(f"input#{cell}_extra_credit[placeholder]")
        page.fill(f"input#{cell}.score", "4")
        with page.expect_response(lambda answer: "/api/grade/" in answer.url):
            page.press(f"input#{cell}.score", "Tab")
        if number == 0:
            field = page.locator(f"input#{cell}.score").bounding_box()
            above = {"x": 0, "y": 0, "width": SIZE["width"], "height": field["y"] + 190}
            page.screenshot(path=KEPT / "marking.png", clip=above)  # a solution stands below
    page.goto(f"{address}/manage_submissions/{SET}")
    page.wait_for_selector("tbody tr:has-text('Ada')")
    page.wait_for_timeout(500)
    page.screenshot(path=KEPT / "marked.png")


if __name__ == "__main__":
    main()
