"""Malformed submissions: how each comes from a good one, and what must become of it.

A maker takes the good submission's notebook, or its bytes, and returns or leaves the malformed one.
`lost` names the tests that give no points; `person` asks that a person must look, and matches the
reason; `fault` matches the message of one that cannot be read; `prose` says whether the free
answers are found.
"""

import base64
import copy
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.grading.malformed import problem_set

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A malformed submission and what must become of it."""

    make: Callable[[bytes], bytes]
    lost: tuple[str, ...] = ()
    person: str = ""
    fault: str = ""
    note: str = ""
    prose: bool = True


CASES: dict[str, Case] = {}


def in_bytes(**outcome: Any) -> Callable:
    """Enter a maker of bytes from bytes."""

    def enter(make: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
        CASES[make.__name__] = Case(make, **outcome)
        return make

    return enter


def in_notebook(**outcome: Any) -> Callable:
    """Enter a maker that changes the notebook in place, or returns another value for the file."""

    def enter(change: Callable[[Notebook], Any]) -> Callable[[Notebook], Any]:
        def make(good: bytes) -> bytes:
            notebook = json.loads(good)
            other = change(notebook)
            return json.dumps(notebook if other is None else other).encode()

        CASES[change.__name__] = Case(make, **outcome)
        return change

    return enter


def at(notebook: Notebook, name: str) -> int:
    """Return where the cell of this name is."""
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    return names.index(name)


def cell(notebook: Notebook, name: str) -> Notebook:
    """Return the cell of this name."""
    return notebook["cells"][at(notebook, name)]


def code(text: str) -> Notebook:
    """Return a cell that a student added."""
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": text}


def add(notebook: Notebook, name: str, *cells: Notebook, before: bool = False) -> None:
    """Add cells below the one of this name, or above it."""
    place = at(notebook, name) + (not before)
    notebook["cells"][place:place] = cells


def copied(notebook: Notebook, name: str, text: str | None = None) -> Notebook:
    """Return a copy of a cell, its name with it."""
    other = copy.deepcopy(cell(notebook, name))
    return other if text is None else other | {"source": text}


def nameless(notebook: Notebook) -> None:
    """Drop what nbgrader wrote into the cells, as some hosted notebooks do."""
    for each in notebook["cells"]:
        each["metadata"] = {}


WRONG = "def double(x):\n    return 3 * x\n"
DAMAGED = "cut off or damaged: see that it opens in Jupyter"
NO_CELLS = "no cells with text.*: hand in the notebook that you worked in"

# --- the file -------------------------------------------------------------------------------------


@in_bytes(fault="it is empty: save the notebook")
def empty(good):
    return b""


@in_bytes(fault="it is empty")
def blank_lines(good):
    return b"\r\n \t\n"


@in_bytes(fault="it is empty")
def only_nul_bytes_after_a_crash(good):
    return bytes(4096)


@in_bytes(fault=DAMAGED)
def cut_off_in_the_middle(good):
    return good[: len(good) // 2]


@in_bytes(fault=DAMAGED)
def cut_off_by_a_byte(good):
    return good.rstrip()[:-1]


@in_bytes(fault=DAMAGED)
def a_comma_too_many(good):
    return good.rstrip()[:-1] + b",}"


@in_bytes(fault=DAMAGED)
def two_notebooks_in_one_file(good):
    return good + good


@in_bytes(fault=DAMAGED)
def the_end_of_a_longer_file_behind_it(good):
    return good + good[-100:]


@in_bytes(fault="no notebook: hand in the .ipynb")
def words(good):
    return "Ich konnte die Datei nicht öffnen.".encode()


@in_bytes(fault="no notebook: hand in the .ipynb")
def a_python_export(good):
    return "# %%\n".join(each["source"] for each in json.loads(good)["cells"]).encode()


@in_bytes(fault="web page: download the notebook itself")
def a_web_page(good):
    return b"\n<!DOCTYPE html><html><body>Sign in to continue</body></html>"


@in_bytes(fault="an archive: unpack it")
def an_archive(good):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("ps.ipynb", good)
    return file.getvalue()


@in_bytes(fault="no notebook")
def a_picture(good):
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


@in_bytes(fault="no notebook")
def packed_as_text(good):
    return base64.b64encode(good)


@in_bytes(fault="marks of a merge .*: settle the conflict")
def a_merge_conflict(good):
    lines = good.split(b"\n")
    lines[5:8] = [b"<<<<<<< HEAD", *lines[5:8], b"=======", *lines[5:8], b">>>>>>> theirs"]
    return b"\n".join(lines)


@in_bytes(fault="more than 20 MiB: clear the outputs")
def too_large(good):
    return good + b" " * (21 * 2**20 - len(good))


@in_bytes(fault="too large inside: clear the outputs")
def four_million_lists(good):
    return b'{"cells": [' + b"[]," * 4_000_000 + b"[]]}"


@in_bytes(fault=DAMAGED)
def nested_too_deep(good):
    return b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@in_bytes(fault=DAMAGED)
def a_number_of_a_million_digits(good):
    return good.replace(b'"nbformat": 4', b'"nbformat": ' + b"4" * 10**6)


@in_bytes()
def line_ends_of_windows(good):
    return good.replace(b"\n", b"\r\n")


@in_bytes()
def nul_bytes_at_the_end(good):
    return good + bytes(512)


@in_bytes()
def raw_line_ends_and_tabs_in_texts(good):
    return good.replace(b"  #", b"\t#").replace(b"\\n", b"\n")


@in_bytes()
def a_key_twice_of_which_jupyter_shows_the_last(good):
    return good.replace(b'"cells":', b'"cells": [], "cells":', 1)


# --- letters --------------------------------------------------------------------------------------


def letters(good: bytes, encoding: str) -> bytes:
    """Return the notebook with its letters as they are, in an encoding."""
    return json.dumps(json.loads(good), ensure_ascii=False).encode(encoding)


@in_bytes()
def a_mark_before_utf_8(good):
    return letters(good, "utf-8-sig")


@in_bytes()
def two_marks_before_utf_8(good):
    return b"\xef\xbb\xbf" + letters(good, "utf-8-sig")


@in_bytes()
def utf_16_with_a_mark(good):
    return letters(good, "utf-16")


@in_bytes()
def utf_16_without_a_mark(good):
    return letters(good, "utf-16-be")


@in_bytes()
def utf_32_without_a_mark(good):
    return letters(good, "utf-32-le")


@in_bytes()
def letters_of_an_old_editor(good):
    return letters(good, "cp1252")


@in_bytes()
def a_broken_byte_in_a_comment(good):
    return letters(good, "utf-8").replace("×2".encode(), b"\xff2")


@in_bytes(lost=("double-values", "shift-values"), person="double: some of its letters")
def a_broken_byte_in_a_name(good):
    return letters(good, "utf-8").replace("return größe".encode(), b"return gr\xf6\xc3\x9fe")


@in_notebook()
def half_a_pair_of_surrogates(notebook):
    cell(notebook, "halve")["source"] += "    # \ud83d\n"


@in_notebook()
def nul_characters_in_a_cell(notebook):
    cell(notebook, "halve")["source"] = "\0".join(problem_set.ANSWERS["halve"])


# --- the notebook's form --------------------------------------------------------------------------


@in_notebook(fault=NO_CELLS)
def no_cells(notebook):
    notebook["cells"] = []


@in_notebook(fault=NO_CELLS)
def cells_that_are_no_list(notebook):
    notebook["cells"] = {"0": notebook["cells"][0]}


@in_notebook(fault=NO_CELLS)
def a_list_of_numbers(notebook):
    return [1, 2, 3]


@in_notebook(fault=NO_CELLS)
def a_lone_number(notebook):
    return 6.0


@in_notebook(fault=NO_CELLS)
def sheets_of_the_wrong_kind(notebook):
    return {"worksheets": [3, {"cells": 4}, {"cells": [None]}, None]}


@in_notebook(fault="100014 cells with text, and a notebook has 1 to 2000")
def a_hundred_thousand_cells(notebook):
    notebook["cells"] += [code("x")] * 100_000


@in_notebook()
def a_hundred_cells_of_their_own(notebook):
    add(notebook, "double", *[code(f"x{n} = {n}") for n in range(100)])


@in_notebook()
def a_huge_output(notebook):
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 15 * 2**20}
    cell(notebook, "double")["outputs"] = [output]


@in_notebook()
def outputs_and_identities_of_the_wrong_kind(notebook):
    for each, value in zip(notebook["cells"], [None, 3, "x", [], {}] * 3, strict=False):
        each |= {"outputs": value, "id": value, "execution_count": value}


@in_notebook()
def identities_missing(notebook):
    for each in notebook["cells"]:
        del each["id"]


@in_notebook()
def identities_all_the_same(notebook):
    for each in notebook["cells"]:
        each["id"] = "a"


@in_notebook()
def a_format_that_nobody_knows(notebook):
    notebook |= {"nbformat": 99, "nbformat_minor": "x", "metadata": None}


@in_notebook()
def no_format_at_all(notebook):
    return {"cells": notebook["cells"]}


@in_notebook()
def format_3(notebook):
    for each in notebook["cells"]:
        if each["cell_type"] == "code":
            each["input"] = each.pop("source").splitlines(keepends=True)
    return {"nbformat": 3, "worksheets": [{"cells": notebook["cells"]}]}


@in_notebook(note="^double, .*: cells have lost their names")
def format_2(notebook):
    cells = [
        {"cell_type": "code", "input": each["source"], "language": "python", "outputs": []}
        if each["cell_type"] == "code"
        else {"cell_type": "markdown", "source": each["source"]}
        for each in notebook["cells"]
    ]
    return {"nbformat": 2, "worksheets": [{"cells": cells[:6]}, {"cells": cells[6:]}]}


@in_notebook()
def texts_as_lists_of_lines(notebook):
    for each in notebook["cells"]:
        each["source"] = each["source"].splitlines(keepends=True)


@in_notebook(note="double: its cell was turned into prose")
def kinds_missing(notebook):
    for each in notebook["cells"]:
        del each["cell_type"]


@in_notebook(lost=("halve-values",), person="halve: its cell is missing")
def a_number_for_a_text(notebook):
    cell(notebook, "halve")["source"] = 3


@in_notebook(lost=("halve-values",), person="halve: its cell is missing")
def lists_of_lists_for_a_text(notebook):
    cell(notebook, "halve")["source"] = [["def halve(x):"], ["    return x / 2"]]


@in_notebook()
def strangers_among_the_cells(notebook):
    notebook["cells"][3:3] = [None, 3, "double", [], {}, {"cell_type": "code"}]


@in_notebook()
def metadata_of_the_wrong_kind(notebook):
    for each, value in zip(
        notebook["cells"], [None, 3, [], "x", {"nbgrader": 3}] * 3, strict=False
    ):
        each["metadata"] = value


# --- whose cell it is -----------------------------------------------------------------------------


@in_notebook(note="^double, .*: cells have lost their names")
def names_dropped(notebook):
    nameless(notebook)


@in_notebook()
def names_dropped_and_all_other_cells_deleted(notebook):
    order = ["double", "halve", "why", "shift", "limits"]
    notebook["cells"] = [copied(notebook, name) for name in order]
    nameless(notebook)


@in_notebook(prose=False, person="why: its cell is missing")
def names_dropped_and_the_order_reversed(notebook):
    nameless(notebook)
    notebook["cells"].reverse()


@in_notebook(note=r"\bshift\b.*: cells have lost their names")
def names_dropped_and_one_answer_in_two_cells(notebook):
    step, _, rest = problem_set.ANSWERS["shift"].partition("\n")
    cell(notebook, "shift")["source"] = rest
    add(notebook, "shift", code(step), before=True)
    nameless(notebook)


@in_notebook(lost=("halve-values",), person="halve: its cell is missing")
def names_dropped_and_an_answer_deleted(notebook):
    del notebook["cells"][at(notebook, "halve")]
    nameless(notebook)


@in_notebook(lost=("halve-values",), person="halve: its cell is missing")
def another_cell_in_the_place_of_an_answer(notebook):
    notebook["cells"][at(notebook, "halve")] = code("print('not yet')")


@in_notebook(lost=("shift-values",), prose=False, person="why: its cell.*limits: its cell")
def one_free_answer_where_two_are_asked_for(notebook):
    notebook["cells"][at(notebook, "why") :] = [cell(notebook, "limits")]
    nameless(notebook)


@in_notebook()
def grader_metadata_without_a_name(notebook):
    for each in notebook["cells"]:
        each["metadata"].get("nbgrader", {}).pop("grade_id", None)


@in_notebook()
def names_in_other_case(notebook):
    for each in notebook["cells"]:
        if "nbgrader" in each["metadata"]:
            each["metadata"]["nbgrader"]["grade_id"] = each["metadata"]["nbgrader"][
                "grade_id"
            ].upper()


@in_notebook()
def names_that_are_numbers(notebook):
    for number, each in enumerate(notebook["cells"]):
        each["metadata"] = {"nbgrader": {"grade_id": number}}


@in_notebook()
def names_of_another_assignment(notebook):
    for number, each in enumerate(notebook["cells"]):
        each["metadata"] = {"nbgrader": {"grade_id": f"ps7-{number}", "solution": True}}


@in_notebook(fault="no answer to this assignment: was the right file")
def another_assignment(notebook):
    for number, each in enumerate(notebook["cells"]):
        each["metadata"] = {"nbgrader": {"grade_id": f"ps7-{number}"}}
        each["source"] = "import numpy as np" if each["cell_type"] == "code" else "# Another"


@in_notebook(fault="no answer to this assignment")
def all_answers_deleted(notebook):
    for name in problem_set.ANSWERS:
        del notebook["cells"][at(notebook, name)]


@in_notebook(lost=("halve-values",), person="halve: its cell is missing")
def an_answer_deleted(notebook):
    del notebook["cells"][at(notebook, "halve")]


@in_notebook()
def all_but_the_answers_deleted(notebook):
    notebook["cells"] = [copied(notebook, name) for name in problem_set.ANSWERS]


@in_notebook()
def tests_deleted(notebook):
    for name in problem_set.POINTS:
        del notebook["cells"][at(notebook, name)]


@in_notebook()
def cells_reversed(notebook):
    notebook["cells"].reverse()


@in_notebook()
def an_answer_moved_below_its_test(notebook):
    cells = notebook["cells"]
    cells.append(cells.pop(at(notebook, "double")))


# --- copies ---------------------------------------------------------------------------------------


@in_notebook()
def an_answer_copied(notebook):
    add(notebook, "double", copied(notebook, "double"))


@in_notebook()
def tests_copied(notebook):
    for name in problem_set.POINTS:
        add(notebook, name, copied(notebook, name))


@in_notebook()
def the_whole_notebook_twice(notebook):
    notebook["cells"] += copy.deepcopy(notebook["cells"])


@in_notebook()
def a_blank_notebook_below_it(notebook):
    notebook["cells"] += problem_set.released().cells


@in_notebook()
def a_blank_notebook_above_it(notebook):
    notebook["cells"][:0] = problem_set.released().cells


@in_notebook(note="double: cell 4, cell 5 all answer it")
def a_draft_copied_above_the_answer(notebook):
    add(notebook, "double", copied(notebook, "double", WRONG), before=True)


@in_notebook(note="double: cell 4, cell 5 all answer it")
def a_draft_that_does_not_parse_copied_above_the_answer(notebook):
    add(notebook, "double", copied(notebook, "double", "def double(x:\n"), before=True)


@in_notebook(lost=("double-values", "shift-values"), person="double: cell 4, cell 15 all answer it")
def a_wrong_answer_copied_to_the_end(notebook):
    notebook["cells"].append(copied(notebook, "double", WRONG))


@in_notebook(note="double: cell 4, cell 6 all answer it")
def a_second_version_copied_below_the_test(notebook):
    add(notebook, "double-values", copied(notebook, "double"))
    cell(notebook, "double")["source"] = WRONG


@in_notebook(note="cell 5 defines double as well")
def a_second_version_in_a_cell_of_their_own(notebook):
    add(notebook, "double", code(problem_set.ANSWERS["double"]))
    cell(notebook, "double")["source"] = WRONG


@in_notebook(lost=("double-values",), person="cell 6 defines double as well")
def a_second_version_of_their_own_below_the_test(notebook):
    add(notebook, "double-values", code(problem_set.ANSWERS["double"]))
    cell(notebook, "double")["source"] = WRONG


@in_notebook()
def an_answer_split_with_its_name(notebook):
    step, _, rest = problem_set.ANSWERS["shift"].partition("\n")
    add(notebook, "shift", copied(notebook, "shift", step), before=True)
    notebook["cells"][at(notebook, "shift") + 1]["source"] = rest


@in_notebook()
def an_answer_split_without_its_name(notebook):
    step, _, rest = problem_set.ANSWERS["shift"].partition("\n")
    cell(notebook, "shift")["source"] = step
    add(notebook, "shift", code(rest))


@in_notebook()
def two_answers_merged_into_one_cell(notebook):
    del notebook["cells"][at(notebook, "halve")]
    cell(notebook, "double")["source"] += "\n" + problem_set.ANSWERS["halve"]


@in_notebook()
def a_copied_cell_used_for_the_next_question(notebook):
    other = copied(notebook, "double", problem_set.ANSWERS["halve"])
    notebook["cells"][at(notebook, "halve")] = other


# --- kinds of cell, and cells that are the instructor's -------------------------------------------


@in_notebook(note="double: its cell was turned into prose")
def an_answer_turned_into_markdown(notebook):
    cell(notebook, "double")["cell_type"] = "markdown"


@in_notebook(note="double: its cell was turned into prose")
def an_answer_turned_into_a_raw_cell(notebook):
    cell(notebook, "double")["cell_type"] = "raw"


@in_notebook()
def an_old_answer_kept_as_a_raw_cell(notebook):
    add(notebook, "double", copied(notebook, "double", WRONG) | {"cell_type": "raw"})


@in_notebook(note="double: its cell was turned into prose")
def an_answer_in_a_raw_cell_beside_a_blank_one(notebook):
    add(notebook, "double", copied(notebook, "double") | {"cell_type": "raw"})
    cell(notebook, "double")["source"] = problem_set.released().cells[3].source


@in_notebook(note="why: its cell was turned into code")
def prose_turned_into_code(notebook):
    cell(notebook, "why")["cell_type"] = "code"


@in_notebook()
def tests_turned_into_markdown(notebook):
    for name in problem_set.POINTS:
        cell(notebook, name)["cell_type"] = "markdown"


@in_notebook(note="setup: it was edited; the original counts")
def a_locked_cell_edited(notebook):
    cell(notebook, "setup")["source"] = "RATE = 100.0"


@in_notebook(note="setup: it was edited")
def a_locked_cell_that_fails(notebook):
    cell(notebook, "setup")["source"] = "import nothing_of_this_name"


@in_notebook(lost=("double-values", "shift-values"), note="double-values: it was edited")
def a_test_made_easy(notebook):
    cell(notebook, "double")["source"] = WRONG
    cell(notebook, "double-values")["source"] = "2.0"


@in_notebook(note="double-values: it was edited")
def an_answer_written_into_the_test(notebook):
    cell(notebook, "double-values")["source"] = problem_set.ANSWERS["double"] + "double(2)"
    cell(notebook, "double")["source"] = ""


@in_notebook()
def a_helper_written_into_a_test(notebook):
    cell(notebook, "double-values")["source"] += "\ndef half(x):\n    return x / 2\n"
    cell(notebook, "halve")["source"] = "def halve(x):\n    return half(x)\n"


# --- what is in the cells -------------------------------------------------------------------------


@in_notebook(lost=("double-values", "shift-values"))
def an_answer_that_does_not_parse(notebook):
    cell(notebook, "double")["source"] = "def double(x:\n    return 2 * x"


@in_notebook(lost=("double-values", "shift-values"), person="double: it holds the marks of a merge")
def a_merge_conflict_in_a_cell(notebook):
    text = problem_set.ANSWERS["double"]
    cell(notebook, "double")["source"] = f"<<<<<<< HEAD\n{WRONG}=======\n{text}>>>>>>> theirs\n"


@in_notebook(lost=("double-values", "shift-values"))
def tabs_and_spaces_mixed(notebook):
    cell(notebook, "double")["source"] = "def double(x):\n\ty = 2 * x\n        return y"


@in_notebook()
def old_line_ends_in_cells(notebook):
    cell(notebook, "double")["source"] = problem_set.ANSWERS["double"].replace("\n", "\r")
    cell(notebook, "halve")["source"] = problem_set.ANSWERS["halve"].replace("\n", "\r\n")


@in_notebook()
def magics_above_answers(notebook):
    cell(notebook, "double")["source"] = "%%time\n" + problem_set.ANSWERS["double"]
    head = "!ls\n!pip install numpy\nfiles = !ls\n%pip install x\n%matplotlib inline\n%autosave 9\n"
    cell(notebook, "halve")["source"] = head + problem_set.ANSWERS["halve"]


@in_notebook()
def cells_of_their_own_that_fail(notebook):
    texts = ["1 / 0", "def f(:", "%%bash\nls", "%nothing", "raise SystemExit", "halve()", "input()"]
    add(notebook, "double", *map(code, texts))
    add(notebook, "setup", *map(code, texts), before=True)


@in_notebook()
def a_cell_of_their_own_that_never_ends(notebook):
    add(notebook, "double", code("while True:\n    pass"))
