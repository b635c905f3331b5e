"""Grades as CSV: our own, and those that Canvas and Moodle gave out and take back."""

import csv
import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SolutionCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import event
from typer.testing import CliRunner

from losscourse import cli
from losscourse.grading import platforms, states
from losscourse.grading.export import CsvWithStatus, Result, harmless
from losscourse.grading.platforms import CannotFill, fill
from losscourse.grading.states import State

# About nbgrader's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Essay (7),ps01 (12),Assignments Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,5.00,20.00,(read only)
"Lovelace, Ada",901,u1,ada,"A, and B",5,,80.2
"=Bo ""B"" Bo",902,u2,bo@example.org,A,3,12.00,
"Cy, Cy",903,u3,CY,A,,,
"Di, Di",904,u4,di,A,,7.5,
"Ed, Ed",905,u5,ed,A,,EX,
"Fay, Fay",906,u6,fay,A,,,
"Student, Test",999,,,A,,,
""".replace("\n", "\r\n")

WORKSHEET = """\
\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 41","Ada L",ADA@example.org,Submitted,,"20,00",Yes,-,-,"Line one
line two"
"Participant 42",Bo,bo@example.org,Submitted,"3,50","20,00",Yes,-,-,
"Participant 43",Cy,cy@example.org,Submitted,-,"20,00",Yes,-,-,
"""

EXPORT = """\
"First name","ID number","Email address","Assignment: ps01 (Real)","Assignment: ps011 (Real)"
Ada,1,ada@example.org,-,-
Bo,2,bo@example.org,-,1.00
"""


def student(name, **more):
    known = {"id": name, "email": f"{name}@example.org", "lms_user_id": None}
    return SimpleNamespace(**known | more)


RESULTS = {
    "ada": Result("graded", raw_score=18.5, penalty=0.0),
    "bo": Result("graded", raw_score=12.345, penalty=10.0),
    "cy": Result("needs marking", raw_score=4.0, penalty=0.0),
    "di": Result("not graded", reason="it is empty"),
    "ed": Result("graded", raw_score=1.0, penalty=0.0),
    "fay": Result("not submitted"),
    "gus": Result("graded", raw_score=2.0, penalty=0.0),
}


def filled(text, results=RESULTS, students=None, encoding="utf-8", **how):
    students = [student(name) for name in results] if students is None else students
    return fill(text.encode(encoding), "ps01", 20.0, students, results, **how)


# --- Canvas and Moodle ---


def test_canvas_gets_its_grades_and_no_other_byte_changes():
    found = filled(CANVAS)
    expected = CANVAS.replace('B",5,,80.2', 'B",5,18.5,80.2').replace("A,3,12.00,", "A,3,2.35,")
    assert found.content == expected.encode()
    assert (found.platform, found.column, found.key) == ("Canvas", "ps01 (12)", "SIS Login ID")
    assert found.count == 2


def test_who_has_no_grade_keeps_the_cell_and_is_named():
    found = filled(CANVAS)
    assert found.kept == [
        ("cy", "needs marking, --unmarked counts what is there"),
        ("di", "not graded; the cell keeps 7.5"),
        ("ed", "the cell holds EX"),
        ("fay", "not submitted, --missing 0 gives 0"),
    ]
    assert found.only_in_file == ["Student, Test"]
    assert found.only_in_gradebook == [("gus", "graded")]


def test_unmarked_and_missing_are_counted_where_asked():
    found = filled(CANVAS, unmarked=True, missing=0.0)
    lines = found.content.decode().splitlines()
    assert lines[5] == '"Cy, Cy",903,u3,CY,A,,4,'
    assert lines[8] == '"Fay, Fay",906,u6,fay,A,,0,'
    assert [name for name, _ in found.kept] == ["di", "ed"]


def test_what_a_platform_gave_somebody_who_handed_in_nothing_stays():
    found = filled(CANVAS.replace("906,u6,fay,A,,,", "906,u6,fay,A,,9,"), missing=0.0)
    assert ("fay", "not submitted; the cell keeps 9") in found.kept
    assert b"906,u6,fay,A,,9," in found.content


def test_moodles_worksheet_keeps_its_mark_its_quotes_and_its_comma():
    found = filled(WORKSHEET)
    expected = WORKSHEET.replace('Submitted,,"20', 'Submitted,"18,5","20').replace("3,50", "2,35")
    assert found.content == expected.encode()
    assert (found.platform, found.column, found.key) == ("Moodle", "Grade", "Email address")


def test_moodles_export_is_filled_in_the_column_of_the_assignment():
    found = filled(EXPORT)
    assert (
        found.content
        == EXPORT.replace("org,-,-", "org,18.5,-").replace("org,-,1.00", "org,2.35,1.00").encode()
    )


def test_a_cell_in_quotes_stays_in_quotes():
    text = EXPORT.replace("org,-,-", 'org,"-",-')
    assert b'org,"18.5",-' in filled(text).content


def test_anonymous_participants_are_matched_by_their_numbers():
    text = "Identifier,Status,Grade,Maximum Grade\nParticipant 41,x,,20\nParticipant 4,x,,20\n"
    found = filled(text, students=[student("ada", lms_user_id="41")], results=RESULTS)
    assert found.content.decode().splitlines()[1] == "Participant 41,x,18.5,20"
    assert found.only_in_file == ["Participant 4"]


def test_any_other_file_is_filled_where_both_columns_are_named():
    text = "Anmeldename;Bewertung\r\nada;\r\nbo;\r\n"
    found = filled(text, column="Bewertung", key="Anmeldename")
    assert found.content == b"Anmeldename;Bewertung\r\nada;18.5\r\nbo;2.35\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_the_encoding_stays(encoding):
    text = EXPORT.replace("Bo,", "Bö,")
    found = filled(text, encoding=encoding)
    assert found.content.decode(encoding) == filled(text).content.decode()
    assert found.content[:3] == text.encode(encoding)[:3]


@pytest.mark.parametrize(
    ("points", "written"),
    [(0.0, "0"), (20.0, "20"), (12.499999999999998, "12.5"), (2.675, "2.68"), (0.1 + 0.2, "0.3")],
)
def test_grades_are_exact_decimals(points, written):
    result = {"ada": Result("graded", raw_score=round(points, 9), penalty=0.0)}
    assert f"org,{written},-" in filled(EXPORT, result).content.decode()


def test_another_maximum_is_an_error_or_a_scale():
    other = CANVAS.replace("5.00,20.00", "5.00,50.00")
    with pytest.raises(CannotFill, match=r"50\.00 on Canvas, and 20 here.*--scale"):
        filled(other)
    assert b'and B",5,46.25,80.2' in filled(other, scale=True).content


# --- matching: exact, or not at all ---


def test_nobody_is_matched_who_is_there_twice():
    found = filled(EXPORT + "Ada,3,Ada@Example.org,-,-\n")
    assert ("ada", "is in the file more than once") in found.kept
    assert found.content.count(b"18.5") == 0


def test_nobody_is_matched_by_what_two_students_share():
    students = [student("ada"), student("bo"), student("cy", email="ada@example.org")]
    found = filled(EXPORT, students=students)
    assert ("ada and cy", "have the same name there") in found.kept
    assert b"18.5" not in found.content
    assert b"2.35" in found.content


def test_the_column_that_matches_most_students_is_taken():
    students = [student(f"u{n}", email=None) for n in range(1, 7)]
    results = {f"u{n}": Result("graded", raw_score=float(n), penalty=0.0) for n in range(1, 7)}
    assert filled(CANVAS, results, students).key == "SIS User ID"


def test_one_match_by_chance_fills_nothing():
    students = [student("901", email=None), *(student(f"x{n}", email=None) for n in range(9))]
    results = {s.id: Result("graded", raw_score=1.0, penalty=0.0) for s in students}
    with pytest.raises(CannotFill, match=r"Of 7 students .* 1 by ID.*--match NAME"):
        filled(CANVAS, results, students)
    assert filled(CANVAS, results, students, key="ID").count == 1


@pytest.mark.parametrize(
    ("text", "how", "said"),
    [
        ("", {}, "is empty"),
        ("a,b\n1,2\n", {}, "ID and Section.*--column NAME --match NAME.*There is: a, b"),
        ('a,"b\n1,2\n', {}, "Row 1 is no CSV"),
        ('Identifier,Grade\n"x" y,\n', {}, "Row 2 is no CSV"),
        ("Identifier,Grade\n1,2,3\n", {}, "Row 2 has 3 cells, and the first has 2"),
        (CANVAS, {"column": "Final"}, "No column for grades is named Final.*Essay.*ps01"),
        (CANVAS, {"column": "Assignments Current Score"}, "No column for grades"),
        (CANVAS, {"column": "Section"}, "No column for grades"),
        (CANVAS.replace("Essay", "PS01 bonus"), {}, "2 columns are named ps01"),
        (CANVAS.replace("ps01", "First"), {}, "No column for grades is named ps01"),
        (CANVAS, {"key": "Login"}, "No column is named Login. There is: Student"),
        (CANVAS, {"key": "Section"}, "0 by Section"),
    ],
    ids=[
        "empty",
        "layout",
        "open-quote",
        "quote-in-cell",
        "ragged",
        "no-such-column",
        "read-only-column",
        "no-grades-column",
        "two-columns",
        "no-column",
        "no-such-key",
        "wrong-key",
    ],
)
def test_what_cannot_be_filled_in_says_why(text, how, said):
    with pytest.raises(CannotFill, match=f"(?s){said}"):
        filled(text, **how)


CELLS = st.text(st.sampled_from('ab,;\t"\r\n\ufeff é='), max_size=5)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5), st.booleans())
def test_a_file_is_read_as_python_reads_it_and_comes_back_as_it_was(rows, every):
    buffer = io.StringIO()
    quoting = csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    csv.writer(buffer, quoting=quoting).writerows([["Email address", "x"], *rows])
    sheet = platforms._Sheet(buffer.getvalue().encode())
    assert sheet.content() == buffer.getvalue().encode()
    theirs = list(csv.reader(io.StringIO(buffer.getvalue(), newline="")))
    assert [[sheet.value(row, place) for place in (0, 1)] for row in sheet.rows] == [
        [cell.strip() for cell in row] for row in theirs[1:] if any(map(str.strip, row))
    ]


# --- from the gradebook ---


def add_students(book, students):
    """Add students to a gradebook; each has the scores given for them in the test and the essay."""
    assignment = book.find_assignment("ps01")
    (notebook,) = assignment.notebooks
    cells = {cell.name: cell for cell in notebook.grade_cells}
    for name, scores in students.items():
        person = Student(id=name, email=f"{name}@example.org", first_name=f"+{name}")
        book.db.add(person)
        if scores is None:
            continue
        handed_in = SubmittedAssignment(assignment=assignment, student=person)
        late = 2.0 if name == "bo" else None
        theirs = SubmittedNotebook(
            notebook=notebook, assignment=handed_in, late_submission_penalty=late
        )
        book.db.add_all([handed_in, theirs])
        for cell, score in zip(("test", "essay"), scores, strict=True):
            grade = Grade(cell=cells[cell], notebook=theirs, auto_score=score)
            grade.needs_manual_grade = score is None
            book.db.add(grade)
        state = State(name, "failed" if name == "di" else "graded", "why")
        states.write(book.db, "ps01", state)
    book.db.commit()


CLASS = {"ada": (15, 3.5), "bo": (10, 2.345), "cy": (4, None), "di": (None, None), "fay": None}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        assignment = Assignment(name="ps01", course_id="losscourse")
        notebook = Notebook(name="ps01", assignment=assignment)
        test = GradeCell(name="test", max_score=15, cell_type="code", notebook=notebook)
        essay = GradeCell(name="essay", max_score=5, cell_type="markdown", notebook=notebook)
        written = SolutionCell(name="essay", notebook=notebook)
        book.db.add_all([assignment, notebook, test, essay, written])
        states.create(book.engine)
        add_students(book, CLASS)
    return folder


def own_csv(path):
    """Return the rows of our own CSV by student, and how many queries they took."""
    queries = []
    with Gradebook(f"sqlite:///{path}", "losscourse") as book:
        event.listen(book.engine, "before_cursor_execute", lambda *_: queries.append(1))
        to = path.with_suffix(".csv")
        CsvWithStatus(to=str(to), student=[], assignment=[]).export(book)
    with to.open(newline="", encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}, len(queries)


@pytest.mark.slow
def test_our_own_csv_tells_a_score_from_none(course):
    rows, _ = own_csv(course / "gradebook.db")
    told = {name: (row["status"], row["raw_score"], row["score"]) for name, row in rows.items()}
    assert told == {
        "ada": ("graded", "18.5", "18.5"),
        "bo": ("graded", "12.345", "10.345"),
        "cy": ("needs marking", "4.0", "4.0"),
        "di": ("not graded", "", ""),
        "fay": ("not submitted", "", ""),
    }
    assert rows["ada"]["first_name"] == "'+ada"
    assert rows["ada"]["max_score"] == "20.0"


def test_a_larger_class_takes_no_more_queries(course, tmp_path):
    larger = Path(shutil.copy(course / "gradebook.db", tmp_path))
    few, queries = own_csv(larger)
    with Gradebook(f"sqlite:///{larger}", "losscourse") as book:
        add_students(book, {f"s{number}": (1, 1) for number in range(12)})
    many, again = own_csv(larger)
    assert (len(many) - len(few), again) == (12, queries)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\uff1d1+1"])
def test_a_formula_becomes_text(text):
    assert harmless(text) == f"'{text}"
    assert harmless(f"x{text}") == f"x{text}"
    assert harmless(None) is None


def test_a_formula_behind_another_countrys_separator_becomes_text():
    assert harmless("x;=1+1; @y") == "x;'=1+1; '@y"
    assert harmless("Ada Lovelace-King; x=1") == "Ada Lovelace-King; x=1"


def run(course, *arguments):
    done = CliRunner().invoke(cli.app, ["export", "ps01", *map(str, arguments), "--course", course])
    return done.exit_code, done.output


def test_the_command_writes_beside_the_file_and_says_who_is_left_out(course, tmp_path):
    (tmp_path / "canvas.csv").write_bytes(CANVAS.encode())
    status, said = run(str(course), tmp_path / "canvas.csv")
    assert status == 0
    assert "canvas-ps01.csv: 2 grades in Canvas's column “ps01 (12)”." in said
    assert "not graded: why; the cell keeps" not in said
    assert "not graded; the cell keeps 7.5: di" in said
    assert "no such student (2): Ed, Ed, Student, Test" in said
    assert b'B",5,18.5,80.2' in (tmp_path / "canvas-ps01.csv").read_bytes()
    assert (tmp_path / "canvas.csv").read_bytes() == CANVAS.encode()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canvas-ps01.csv", "canvas.csv"]


def test_a_grade_that_finds_no_row_shows_in_the_exit_status(course, tmp_path):
    (tmp_path / "one.csv").write_text(EXPORT.replace("bo@example.org", "bob@example.org"))
    status, said = run(str(course), tmp_path / "one.csv", "--to", tmp_path / "two.csv")
    assert (status, "graded: bo" in said) == (1, True)
    assert "two.csv: 1 grade in Moodle's column" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv"], "none.csv: cannot be read: No such file"),
        (["a.csv", "--to", "a.csv"], "a.csv stays as it is"),
        (["a.csv", "--to", "none/b.csv"], "none/b.csv: cannot be written: No such file"),
        (["a.csv", "--column", "x"], "No column for grades is named x"),
    ],
    ids=["missing", "itself", "nowhere", "column"],
)
def test_what_cannot_be_written_says_why_and_loses_nothing(
    course, tmp_path, monkeypatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(EXPORT)
    status, output = run(str(course), *arguments)
    assert (status, said in output) == (2, True), output
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": EXPORT}


def test_an_unknown_assignment_is_told(course, tmp_path):
    (tmp_path / "a.csv").write_text(EXPORT)
    arguments = ["export", "ps09", str(tmp_path / "a.csv"), "--course", str(course)]
    done = CliRunner().invoke(cli.app, arguments)
    assert (done.exit_code, "There is: ps01." in done.output) == (2, True)


def test_a_gradebook_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.db_url = 'nonsense'\n"
    )
    (tmp_path / "a.csv").write_text(EXPORT)
    status, said = run(str(tmp_path), tmp_path / "a.csv")
    assert (status, "The gradebook of c.CourseDirectory.db_url cannot be opened" in said) == (
        2,
        True,
    )
    assert not (tmp_path / "a-ps01.csv").exists()
