"""What the site's own Sphinx extensions do, without a build."""

import importlib
from types import ModuleType

import pytest
from nbformat import v4

from tests.browser import ROOT


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    return importlib.import_module("course")


def printed(*chunks: str, name: str = "stdout"):
    return [v4.new_output("stream", name=name, text=chunk) for chunk in chunks]


def test_a_line_that_was_sent_in_pieces_is_one_line(course: ModuleType):
    (joined,) = course.join_streams(printed("drei", "tausend ", "sechs\n", "\n", "vier\n"))
    assert joined["text"] == "dreitausend sechs\n\nvier\n"


def test_what_is_shown_stays_where_it_was_and_errors_stay_apart(course: ModuleType):
    picture = v4.new_output("display_data", {"text/plain": "a picture"})
    outputs = [*printed("one "), picture, *printed("bad\n", name="stderr"), *printed("line\n")]
    before = [dict(output) for output in outputs]
    joined = course.join_streams(outputs)
    assert [output.get("name", "shown") for output in joined] == ["stdout", "shown", "stderr"]
    assert [output.get("text") for output in joined] == ["one line\n", None, "bad\n"]
    assert [dict(output) for output in outputs] == before
    assert course.join_streams([]) == []
