"""The page that a student gets back: what it says, what it hides, and that nothing in it runs."""

import itertools
import re
import shutil
import time
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader
from typer.testing import CliRunner

from losscourse import cli
from losscourse.grading.execute import fill_in
from losscourse.grading.feedback import FeedbackExporter
from losscourse.grading.judge import Report, Verdict
from tests.browser import FAINT_TEXT
from tests.grading.notebooks import data, of_python, solution
from tests.grading.runs import CONFIG, nbgrader

pytestmark = pytest.mark.slow

HEAD = "# Problem set: twice and thrice\n\nThe page to read first: *A page* (`part/first-page`)."
DOUBLE = "## 1 · Twice (10 points)\n\nPage: *Squared error*\n(`regression/squared-error`)."
TRIPLE = "## 2 · Thrice (5 points)\n\n```python\n# no heading\n```"
TWICE, THRICE = solution("double", "2 * x"), solution("triple", "3 * x")
ESSAY = "## 3 · Why (5 points)"
TEST = (
    "from losscourse import checks\n"
    "checks.call(double, 3.0).gives(6.0, why='Twice, not once.')  # shown\n"
    "### BEGIN HIDDEN TESTS\n"
    "unseen = -7.25\n"
    "checks.call(double, unseen).gives(2 * unseen)\n"
    "### END HIDDEN TESTS"
)
PART = "checks.call(triple, 1.0).gives(3.0)\n2 if checks.call(triple, -1.0).value() != -3.0 else 5"
RIGHT = {"double": "def double(x):\n    return 2 * x", "triple": "def triple(x):\n    return 3 * x"}
SPELL = (
    "<script>hit()</script><img src=https://example.org/x onerror=hit()></details></pre></style>"
    "<svg onload=hit()>"
)
"""Runs wherever it stands in a page as it is, whatever element is open."""


def notebook(
    double=TWICE,
    triple=THRICE,
    essay="Solution.",
    extra=(),
):
    """Return the source, or a submission with these texts."""
    return of_python(
        new_markdown_cell(HEAD, metadata=data("head")),
        new_markdown_cell(DOUBLE, metadata=data("q1")),
        new_code_cell(double, metadata=data("double", solution=True)),
        new_code_cell(TEST, metadata=data("double-test", points=10)),
        new_markdown_cell(TRIPLE, metadata=data("q2")),
        new_code_cell(triple, metadata=data("triple", solution=True)),
        new_code_cell(PART, metadata=data("triple-test", points=5)),
        new_markdown_cell(ESSAY, metadata=data("q3")),
        new_markdown_cell(essay, metadata=data("essay", points=5, solution=True)),
        *map(new_code_cell, extra),
    )


def text(**cells):
    return nbformat.writes(notebook(**{"essay": "Because."} | cells))


SUBMISSIONS = {
    "good": text(**RIGHT, essay="Because $e^2 > 0$, and *not* [there](https://example.org/a?b=1)."),
    "bad": text(double="def double(x):\n    return x", triple="def triple(x): return abs(3 * x)"),
    "unseen": text(**RIGHT | {"double": "def double(x):\n    return abs(2 * x)"}),
    "own": text(**RIGHT, extra=["print('mine')", "1 / 0"]),
    "endless": text(**RIGHT | {"double": "def double(x):\n    while True: pass"}),
    "syntax": text(double="def double(x) return", triple="def triple(x) return"),
    "late": text(**RIGHT),
    "hostile": text(
        double=f"# {SPELL}\nprint({SPELL!r})\ndef double(x):\n    raise ValueError({SPELL!r})",
        triple=RIGHT["triple"],
        essay=SPELL,
        extra=[f"print(chr(0x202e) + chr(27) + '[31' + 'm')\nraise KeyError({SPELL!r})"],
    ),
}
POINTS = {"good": 15, "bad": 2, "unseen": 5, "own": 15, "endless": 5, "syntax": 0, "late": 15}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course in which a class's submissions are graded, without feedback."""
    folder = tmp_path_factory.mktemp("graded")
    shutil.copy(CONFIG, folder)
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("\nc.RunElsewhere.cell_seconds = 1\n")
    (folder / "source" / "ps").mkdir(parents=True)
    nbformat.write(notebook(), folder / "source" / "ps" / "ps.ipynb")
    nbgrader(folder, "generate_assignment", "ps")
    released = (folder / "release" / "ps" / "ps.ipynb").read_text()
    for student, content in (SUBMISSIONS | {"blank": released}).items():
        place = folder / "submitted" / student / "ps"
        place.mkdir(parents=True)
        (place / "ps.ipynb").write_text(content)
    (folder / "submitted" / "late" / "ps" / "timestamp.txt").write_text("2026-03-02 10:00:00")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        book.update_or_create_assignment("ps", duedate="2026-03-01")
    done = CliRunner().invoke(cli.app, ["grade", "ps", "--course", str(folder), "--workers", "1"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def course(graded):
    """The same course with feedback, as formgrader's button makes it."""
    assert make(graded)["success"]
    return graded


def formgrader(course):
    """Return what formgrader's buttons call."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    config.Exchange.root = str(course / "exchange")
    return NbGraderAPI(config=config)


def make(course, student=None):
    """Make feedback as formgrader does; return what it was told."""
    return formgrader(course).generate_feedback("ps", student)


def place(course, student):
    return course / "feedback" / student / "ps" / "ps.html"


def read(course, student):
    return place(course, student).read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a browser makes of a page: its elements, and its text with one space for any."""

    def __init__(self, source):
        super().__init__()
        self.elements, self._texts = [], []
        self.feed(source)
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self._texts.append(data)

    def names(self):
        return {tag for tag, _ in self.elements}

    def attributes(self, name):
        return [given[name] for _, given in self.elements if name in given]


def text_of(course, student):
    return Page(read(course, student)).text


def page_of(course, student="good", *, config=None, outputs=(), sandbox=True, **cells):
    """Return a page with other texts in its solution cells, other outputs or settings."""
    nb = nbformat.read(course / "autograded" / student / "ps" / "ps.ipynb", as_version=4)
    for cell in nb.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = cells.get(name, cell.source)
        if name == "double-test" and outputs:
            cell.outputs = list(outputs)
    nb.metadata.sandbox = sandbox
    names = {"student": student, "assignment": "ps", "notebook": "ps"}
    names["db_url"] = f"sqlite:///{course}/gradebook.db"
    return FeedbackExporter(config=config).from_notebook_node(nb, {"nbgrader": names})[0]


# --- what it says ---------------------------------------------------------------------------------


@pytest.mark.parametrize("student", POINTS)
def test_the_score_stands_at_the_top(course, student):
    score = POINTS[student] - (student == "late") * min(20, POINTS["late"])
    assert f"{score} of 20 points so far" in text_of(course, student)


def test_a_test_that_fails_says_what_was_called_expected_and_came(course):
    said = text_of(course, "bad")
    assert "double(x=3) wrong result expected 6 got 3 Twice, not once." in said
    assert "double-test ✗ not passed , 0 of 10 points" in said
    assert "triple-test ◐ passed in part , 2 of 5 points" in said
    assert "1 · Twice 0 of 10 ✗ not passed : double-test" in said
    assert "Start with double-test ." in said


def test_a_hidden_test_says_what_it_found_and_shows_no_code(course):
    said = text_of(course, "unseen")
    assert "double(x=-7.25) wrong result expected -14.5 got 14.5" in said
    assert "# shown" in said
    for student in SUBMISSIONS:
        assert "unseen" not in text_of(course, student).replace("Feedback for unseen", "").replace(
            "feedback for unseen", ""
        )
        assert "HIDDEN" not in read(course, student)


def test_a_hidden_part_without_an_end_hides_the_rest(course):
    open_ended = page_of(course, **{"double-test": TEST.replace("END HIDDEN", "END OF HIDDEN")})
    assert "unseen" not in open_ended
    assert "This test is hidden." in open_ended


def test_a_traceback_of_another_runner_is_not_quoted(course):
    error = new_output(
        "error", ename="ValueError", evalue="too much", traceback=["unseen = -7.25", "more"]
    )
    said = page_of(course, outputs=[error])
    assert "ValueError: too much" in said
    assert "unseen" not in said


def test_what_stopped_the_code_is_explained_once(course):
    endless = text_of(course, "endless")
    assert "double did not end within 1 s" in endless
    assert endless.count("Does every loop come to its end?") == 1
    syntax = text_of(course, "syntax")
    assert syntax.count("This cell stopped with an error: SyntaxError: expected ':' line 1:") == 2
    assert syntax.count("Python could not read the cell") == 1
    assert syntax.count("Mend that cell first.") == 1


def test_a_test_that_was_not_run_says_for_what(course):
    why = "This was not run, for what happened in cell 2: Your code ended Python."
    outputs = [new_output("error", ename="Check failed", evalue=why, traceback=[why])]
    said = Page(page_of(course, "bad", outputs=outputs)).text
    assert "double-test – not run , 0 of 10 points" in said
    assert f"not run , 0 of 10 points {why}" in said
    assert "1 test could not be run, because your code had ended before." in said


def test_cells_of_the_students_own_are_shown_with_their_errors(course):
    said = text_of(course, "own")
    assert "Your own cell 10 print( 'mine' ) What it printed mine" in said
    assert "Your own cell 11, which stopped with an error 1 / 0" in said
    assert "ZeroDivisionError: division by zero" in said


def test_a_question_names_the_pages_to_read_again_where_points_were_lost(course):
    again = "To read again: Squared error ( regression/squared-error )"
    assert again in text_of(course, "bad")
    assert again not in text_of(course, "good")
    config = Config(FeedbackExporter={"site": "https://example.org/loss/"})
    links = Page(page_of(course, "bad", config=config)).attributes("href")
    assert "https://example.org/loss/regression/squared-error.html" in links


def test_headings_are_those_of_the_instructor_alone(course):
    said = page_of(course, essay="# Mine\n\nBecause.")
    levels = [tag for tag, _ in Page(said).elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == "h1"
    assert levels.count("h1") == 1
    assert all(int(b[1]) <= int(a[1]) + 1 for a, b in itertools.pairwise(levels))
    assert re.findall(r'<h2 id="h\d+">(.*)</h2>', said) == ["1 · Twice", "2 · Thrice", "3 · Why"]
    assert "<p><strong>Mine</strong></p>" in said


def test_a_late_submission_says_what_that_cost(course):
    said = text_of(course, "late")
    assert "Handed in 1 day 10 hours late: 15 points taken off 15." in said
    assert "Late by 1 day 10 hours −15" in said


def test_a_blank_submission_is_told_that_it_is_blank(course):
    said = text_of(course, "blank")
    assert "0 of 20 points What to do next No answer stands in any cell." in said
    assert said.count("No answer stands here.") == 3
    assert "not passed" not in said


def test_a_run_without_the_sandbox_is_told(course):
    assert "Graded without the sandbox." not in read(course, "good")
    assert "Graded without the sandbox." in page_of(course, sandbox=False)
    nb = new_notebook(cells=[new_code_cell("1")])
    fill_in(nb, Report("graded", verdicts=[Verdict("1", "student")], sandbox=False))
    assert nb.metadata.sandbox is False


def test_what_was_out_of_order_is_told(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    path = folder / "submitted" / "good" / "ps" / "ps.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[3].source = "print('easy')"
    nbformat.write(nb, path)
    done = CliRunner().invoke(
        cli.app, ["grade", "ps", "--course", str(folder), "--student", "good", "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    assert make(folder, "good")["success"]
    said = text_of(folder, "good")
    assert "Out of order in your notebook double-test: it was edited; the original counts" in said


# --- marks ----------------------------------------------------------------------------------------


def test_marks_and_comments_come_in_when_they_are_there(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    before = text_of(folder, "good")
    assert "15 of 20 points so far Still to be marked by a person: essay (5 points)." in before
    assert "3 · Why – of 5 … to be marked by a person : essay" in before
    assert make(folder, "good")["success"]
    assert read(folder, "good") == read(course, "good")  # the same grades, the same bytes
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        grade = book.find_grade("essay", "ps", "ps", "good")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        comment = book.find_comment("essay", "ps", "ps", "good")
        comment.manual_comment = f"*Why* not $x^2$? {SPELL}"
        book.db.commit()
    nbgrader(folder, "generate_feedback", "ps")  # over what is there
    after = Page(read(folder, "good"))
    assert "18.5 of 20 points What to do next Your code passed all tests that" in after.text
    assert "The marker has written to you at essay ." in after.text
    assert "✎ marked by a person , 3.5 of 5 points" in after.text
    assert "The marker's comment Why not $x^2$ ?" in after.text
    assert "Still to be marked" not in after.text
    assert not after.names() & {"script", "img", "svg"}
    assert read(folder, "bad") == read(course, "bad")


@pytest.mark.filterwarnings("ignore:Passing unrecognized arguments")  # nbgrader's own
def test_a_page_is_released_through_the_exchange(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    (folder / "exchange").mkdir(mode=0o777)
    (folder / "exchange").chmod(0o777)  # nbgrader asks for it, whatever the umask is
    graded = folder / "autograded" / "good" / "ps"
    (graded / "timestamp.txt").write_text("2026-02-27 12:00:00 UTC")
    (graded / "submission_secret.txt").write_text("secret")  # as `nbgrader submit` leaves it
    assert make(folder, "good")["success"]
    released = formgrader(folder).release_feedback("ps", "good")
    assert released["success"], released
    (page,) = (folder / "exchange" / "losscourse" / "feedback").glob("*.html")
    assert page.read_text(encoding="utf-8") == read(course, "good")


def test_a_test_that_a_person_must_look_at_is_no_lost_point(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        for student in ("bad", "good"):
            book.find_grade("double-test", "ps", "ps", student).needs_manual_grade = True
        book.db.commit()
    said = Page(page_of(folder, "bad")).text
    assert "double-test … to be marked by a person , 0 of 10 points" in said
    assert "Still to be marked by a person: double-test (10 points), essay (5 points)." in said
    assert "Start with triple-test ." in said
    said = Page(page_of(folder, "good")).text
    assert "A person will look at double-test : the grader cannot decide by itself" in said
    assert "passed all tests" not in said


def test_without_grades_there_is_no_page_and_one_line_says_so(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        for grade in book.find_submission_notebook("ps", "ps", "bad").grades:
            grade.auto_score = None  # as for a submission that was handed in anew
        book.db.commit()
        book.remove_submission("ps", "own")
    told = make(folder)
    assert not told["success"]
    for student in ("bad", "own"):
        line = f"{student} gets no feedback: ps is not graded. Run: losscourse grade ps "
        assert told["log"].count(f"{line}--student={student}") == 1
        assert not place(folder, student).exists()
    assert "Traceback" not in told["log"]
    assert read(folder, "good") == read(course, "good")


def test_a_test_whose_points_a_person_changed_says_so(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        grade = book.find_grade("double-test", "ps", "ps", "bad")
        grade.manual_score, grade.needs_manual_grade = 6, False
        book.db.commit()
    said = Page(page_of(folder, "bad")).text
    assert "double-test ✎ marked by a person , 6 of 10 points" in said
    assert "8 of 20 points so far" in said
    assert "Start with triple-test ." in said


# --- texts of a stranger --------------------------------------------------------------------------

ELEMENTS = re.compile(
    "html|head|meta|title|style|body|header|main|section|h[123]|p|bdi|strong|em|a|ul|ol|li|table|"
    "thead|tbody|tfoot|tr|th|td|br|code|pre|span|div|details|summary|cite|del|hr"
)
ATTRIBUTES = re.compile(
    "lang|charset|http-equiv|content|name|id|class|href|rel|aria-labelledby|aria-hidden|scope|open|"
    "start|style"
)


def assert_harmless(source):
    """Nothing is in the page that runs, asks another host or disturbs its elements."""
    page = Page(source)
    assert all(ELEMENTS.fullmatch(tag) for tag in page.names())
    assert all(ATTRIBUTES.fullmatch(name) for _, given in page.elements for name in given)
    assert all(re.match(r"#|https://|mailto:", link) for link in page.attributes("href"))
    assert all(re.fullmatch(r"text-align:\w+", style) for style in page.attributes("style"))
    for tag in ("section", "details", "pre", "div", "table", "style"):
        assert source.count(f"<{tag}") == source.count(f"</{tag}>"), tag
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u202a-\u202e\u2066-\u2069]", source
    )
    return page


@pytest.mark.parametrize("student", [*SUBMISSIONS, "blank"])
def test_a_page_holds_nothing_that_runs(course, student):
    assert_harmless(read(course, student))


def test_a_hostile_text_is_shown_as_it_is_written(course):
    said = Page(read(course, "hostile")).text
    assert said.count(SPELL) >= 6  # code, print, message, its line, essay, a cell of one's own
    assert "⟨U+202E⟩" in said or "\ufffd" in said
    assert "[31m" not in said


MARKDOWN = {
    "script": SPELL,
    "link": "[a](javascript:hit()) [b](JaVaScRiPt:hit()) <javascript:hit()> [c]( java\tscript:h())",
    "reference": "[a][b]\n\n[b]: javascript:hit() 'title'",
    "data": "[a](data:text/html,<script>hit()</script>) [b](vbscript:hit()) [c](//example.org)",
    "entity": "[a](&#106;avascript:hit()) [b](%6aavascript:hit()) &lt;script&gt;hit()&lt;/script>",
    "quote": '[a](https://example.org/"onmouseover="hit() \'b"onclick="hit()\')',
    "picture": "![a](https://example.org/a.png) ![<img src=x onerror=hit()>](x) ![a][b]\n\n[b]: c",
    "fence": '```html"><script>hit()</script>\n</code></pre><script>hit()</script>\n```',
    "code": "`</code><script>hit()</script>`",
    "formula": "$</code><script>hit()</script>$ and\n\n$$\n</pre><script>hit()</script>\n$$",
    "table": "| a | b |\n|:-:|--:|\n| <img src=x onerror=hit()> | </table> |",
    "form": "<form action=https://example.org><input autofocus onfocus=hit()></form>",
    "frame": "<iframe srcdoc='<script>parent.hit()</script>'></iframe><object data=x></object>",
    "style": "<style>body { display: none }</style><link rel=stylesheet href=x><base href=x>",
    "refresh": "<meta http-equiv=refresh content='0; url=https://example.org'>",
    "comment": "<!-- --><script>hit()</script><!-- --><![CDATA[<script>hit()</script>]]>",
    "turned": "\u202egnp.exe \u2066x\u2069 \u200b\u200e\ufeff\xad \x1b[31mred\x1b[0m \x07\x9b31m\r",
    "halves": "\ud800 \udfff",
}


@pytest.mark.parametrize("name", MARKDOWN)
@pytest.mark.parametrize("where", ["essay", "double"])
def test_no_text_of_a_student_gets_out_of_its_place(course, name, where):
    page = assert_harmless(page_of(course, **{where: MARKDOWN[name]}))
    page_of(course, **{where: MARKDOWN[name]}).encode()
    assert "3 · Why" in page.text


@pytest.mark.parametrize("name", MARKDOWN)
def test_no_output_gets_out_of_its_place(course, name):
    spell = MARKDOWN[name]
    outputs = [
        new_output("stream", name="stdout", text=spell),
        new_output("error", ename="Check failed", evalue=spell, traceback=[spell]),
        new_output("error", ename=spell, evalue=spell, traceback=[spell]),
        new_output("display_data", data={"text/html": SPELL, "image/svg+xml": SPELL}),
        new_output("execute_result", data={"text/html": SPELL, "text/markdown": spell}),
    ]
    for output in outputs:
        assert_harmless(page_of(course, outputs=[output]))


def test_notes_and_headings_are_escaped_and_bounded(course):
    nb = nbformat.read(course / "autograded" / "good" / "ps" / "ps.ipynb", as_version=4)
    nb.metadata.notes = [f"{count} {SPELL * 100}" for count in range(2000)]
    names = {"student": "good", "assignment": "ps", "notebook": "ps"}
    names["db_url"] = f"sqlite:///{course}/gradebook.db"
    nb.cells[1].source = f"## {SPELL} (10 points)"
    page = assert_harmless(FeedbackExporter().from_notebook_node(nb, {"nbgrader": names})[0])
    assert "… 1980 more" in page.text
    assert len(page.text) < 40_000


def test_long_texts_are_cut_and_the_rest_is_counted(course):
    code = "x = 1\n" * 3420
    stream = new_output("stream", name="stdout", text="flood\n" * 2_000_000)
    said = page_of(course, double=code, essay="word " * 1_000_000, outputs=[stream])
    assert "… 3,120 more lines" in said
    assert "… 1,999,960 more lines" in said
    assert re.search(r"… 4,98\d,\d{3} more characters", said)
    assert len(said) < 100_000


def test_many_cells_of_ones_own_are_cut_and_counted(course):
    nb = nbformat.read(course / "autograded" / "good" / "ps" / "ps.ipynb", as_version=4)
    nb.cells += [new_code_cell("y = 2", metadata={"student": True}) for _ in range(1900)]
    names = {"student": "good", "assignment": "ps", "notebook": "ps"}
    names["db_url"] = f"sqlite:///{course}/gradebook.db"
    said = FeedbackExporter().from_notebook_node(nb, {"nbgrader": names})[0]
    assert "… 1880 more cells of your own." in said


@pytest.mark.parametrize("bit", ["[", "*a_", "> - ", "`", "$", "f'{", "|a", "\n```", "<a ", "\\"])
def test_no_text_takes_long(course, bit):
    start = time.process_time()
    page_of(course, essay=bit * 20_000, double=bit * 20_000)
    assert time.process_time() - start < 5


def test_a_students_file_of_the_pages_name_gives_way(course, tmp_path):
    folder = shutil.copytree(course, tmp_path / "course")
    handed_in = folder / "autograded" / "good" / "ps"
    (handed_in / "ps.html").mkdir()
    (handed_in / "ps.html" / "own.txt").write_text("mine")
    (folder / "autograded" / "bad" / "ps" / "ps.html").write_text("mine")
    assert make(folder)["success"]
    for student in ("good", "bad"):
        assert read(folder, student) == read(course, student)


# --- in a browser ---------------------------------------------------------------------------------

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy".*?>')


class Visit:
    """What happens when a page is opened."""

    def __init__(self, browser, source, **settings):
        self.page = browser.new_page(**settings)
        self.asked, self.hits = [], []
        self.page.expose_function("hit", lambda: self.hits.append(1))
        self.page.route("**/*", self._refuse)
        self.page.set_content(source)
        self.page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        self.page.wait_for_timeout(100)

    def _refuse(self, route):
        self.asked.append(route.request.url)
        route.abort()


@pytest.fixture
def visit(browser):
    visits = []

    def visit(source, **settings):
        visits.append(Visit(browser, source, **settings))
        return visits[-1]

    yield visit
    for one in visits:
        one.page.close()


@pytest.mark.browser
def test_nothing_runs_and_nothing_is_asked_without_the_policy_either(course, visit):
    hostile = "\n\n".join(MARKDOWN.values()).encode("utf-8", "replace").decode()
    pages = [read(course, "hostile"), page_of(course, essay=hostile, double=hostile)]
    for source in pages:
        bare, found = POLICY.subn("", source)
        assert found == 1
        visited = visit(bare)
        assert (visited.hits, visited.asked) == ([], [])
    # The same text where it is not escaped: the browser does run it, and asks.
    raw = visit(POLICY.sub("", pages[0]).replace("</main>", SPELL + "</main>"))
    assert raw.hits
    assert raw.asked


@pytest.mark.browser
def test_the_policy_stops_what_would_run(course, visit):
    visited = visit(read(course, "hostile").replace("</main>", SPELL + "</main>"))
    assert (visited.hits, visited.asked) == ([], [])


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("student", ["bad", "hostile", "own", "late", "blank"])
def test_a_page_reads_well_in_both_themes_and_on_a_phone(course, visit, student, scheme):
    viewport = {"width": 360, "height": 800}
    page = visit(read(course, student), color_scheme=scheme, viewport=viewport).page
    assert page.evaluate(FAINT_TEXT, "body *") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
