"""What the tests of the grader share: a warm parent, which takes seconds to start."""

import pytest

from losscourse.grading.warm import Warm


@pytest.fixture(scope="module")
def warm():
    """One parent for all tests of a module that do not end it."""
    with Warm() as parent:
        yield parent


@pytest.fixture
def lent(warm, monkeypatch):
    """Let whatever grades in this process use the parent that is there."""
    from losscourse.grading import execute
    from losscourse.grading.coordinator import Coordinator
    from tests.grading.runs import Lent

    defaults = Coordinator.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "make_warm", lambda **_: Lent(warm))
    monkeypatch.setitem(execute._WARM, True, warm)
