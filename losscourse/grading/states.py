"""How far the grading of each submission has come: a table of the course's in the gradebook.

A state is written in the same transaction as the grades that it speaks of.
"""

from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
)
from sqlalchemy import inspect as look_at
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

__all__ = ["DONE", "State", "create", "done", "read", "write"]

DONE = ("graded", "needs a person")
"""The states of a submission that has its grades."""

_TABLE = Table(
    "losscourse_grading",
    MetaData(),
    Column("assignment", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)


@dataclass(frozen=True)
class State:
    """How far one submission has come.

    Args:
        student: Whose it is.
        state: "queued", "running", "graded", "needs a person" or "failed".
        reason: Why, for the last two.
        digest: Of all that its score depends on.
    """

    student: str
    state: str
    reason: str = ""
    digest: str = ""


def create(engine: Engine) -> None:
    """Make the table where it is missing.

    Args:
        engine: The gradebook's.
    """
    try:
        _TABLE.metadata.create_all(engine)
    except DBAPIError:  # another run may have made it at the same moment
        if not look_at(engine).has_table(_TABLE.name):
            raise


def read(engine: Engine, assignment: str) -> dict[str, State]:
    """Return the states of an assignment's submissions by student; none without the table.

    Args:
        engine: The gradebook's.
        assignment: The assignment's name.
    """
    if not look_at(engine).has_table(_TABLE.name):
        return {}
    columns = [_TABLE.c[name] for name in ("student", "state", "reason", "digest")]
    chosen = select(*columns).where(_TABLE.c.assignment == assignment).order_by(_TABLE.c.student)
    with engine.connect() as connection:
        return {row.student: State(*row) for row in connection.execute(chosen)}


def write(db: Session, assignment: str, *states: State) -> None:
    """Write states as a part of a session's transaction; committing is the caller's.

    Args:
        db: A session of the gradebook.
        assignment: The assignment's name.
        *states: In the place of what was known of these students.
    """
    if not states:
        return
    rows = [
        vars(state) | {"assignment": assignment, "reason": _storable(state.reason)}
        for state in states
    ]
    theirs = _TABLE.c.student == bindparam("whose")
    old = delete(_TABLE).where(_TABLE.c.assignment == assignment, theirs)
    db.execute(old, [{"whose": state.student} for state in states])
    db.execute(insert(_TABLE), rows)


def done(assignment: str) -> Select:
    """Return the query for the students whose submissions have their grades.

    Args:
        assignment: The assignment's name.
    """
    ours = _TABLE.c.assignment == assignment
    return select(_TABLE.c.student).where(ours, _TABLE.c.state.in_(DONE))


def _storable(text: str) -> str:
    """Return a text without what no database takes: a student may have had a hand in it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
