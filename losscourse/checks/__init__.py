"""What a graded cell calls: comparisons that say in words what is wrong.

A test cell calls the student's function on plain data and says what must come back:

    from losscourse import checks

    checks.call(huber, predictions, targets, delta=2.0).gives(expected, why="linear beyond delta")
    checks.call(squared_error, row, column).raises(ValueError)

`call` runs the function once, on copies of its inputs, with warnings off and prints kept aside
(nbgrader gives no points to a cell that writes to stderr). What comes back must be plain data of
exact types: a number, a bool, a string, None, a NumPy array, a torch tensor, or lists, tuples and
dicts of them. An object of another class is refused before anything compares it, so that its own
`==` has no say.

`gradient` gives what autograd finds, `make` an object of a student's class, whose methods are
called one by one, and `measure` what a call takes:

    checks.gradient(huber, predictions, targets, wrt=0).gives(expected)
    optimizer = checks.make(SGD, lr=0.1)
    optimizer.call("step", weights, slopes).gives(weights - 0.1 * slopes)
    checks.measure(pairwise, points).at_most(bytes=1e6, why="a block of rows at a time")

While the function runs, calls into a library's finished losses are refused, and every verdict first
makes sure that the functions it stands on are the ones that were there at import.

What this cannot guarantee: the check and the student's code share one process, and Python gives
each of them the means to change the other. The checks stop the shortcuts named above and the
likely mistakes; a determined author gets round it. Where grades matter, the verdict belongs in
another process, and so does every test that the student must not read.

The parts, from the ground up: `plain` says what a result may be, `compare` how two differ; `survey`
looks at what a function can reach, and `watch` runs it; `seal` sees that nothing was replaced;
`outcome` holds the verdicts, `elsewhere` asks another process, and `calls` is what tests call.
NumPy is all that they import beyond the standard library.
"""

from losscourse.checks.calls import Made, Measured, call, gradient, make, measure, require, takes
from losscourse.checks.elsewhere import Elsewhere
from losscourse.checks.outcome import Outcome
from losscourse.checks.plain import CheckFailed
from losscourse.checks.seal import seal as _seal

__all__ = [
    "CheckFailed",
    "Elsewhere",
    "Made",
    "Measured",
    "Outcome",
    "call",
    "gradient",
    "make",
    "measure",
    "require",
    "takes",
]

_seal(__name__)
