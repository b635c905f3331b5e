"""The problem sets that the grader is measured on: the course's ps01, and two of a dozen cells.

`numpy` and `torch` ask for the same work in the two libraries: two losses, their gradients, a step
of gradient descent and a fit. Beside the reference, each set has the untouched notebook and wrong
answers, as a class hands them in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tests.exercises import problem_sets

__all__ = ["SETS", "ProblemSet"]


@dataclass(frozen=True)
class ProblemSet:
    """An instructor's notebook, and what students hand in.

    Args:
        name: Its name.
        source: The notebook with solutions and tests.
        answers: What each answer puts in solution cells, by cell; without the cell, the reference.
        loses: The tests that give an answer no points.
    """

    name: str
    source: NotebookNode
    answers: dict[str, dict[str, str]]
    loses: dict[str, frozenset[str]]
    reference: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Read the reference out of the source."""
        object.__setattr__(self, "reference", problem_sets.reference_answers(self.source))

    @property
    def names(self) -> list[str]:
        """The answers' names: the reference, the untouched notebook, and the others."""
        return [problem_sets.REFERENCE, problem_sets.UNTOUCHED, *self.answers]

    def notebook(self, name: str, released: NotebookNode) -> NotebookNode:
        """Return what a student with this answer hands in.

        Args:
            name: One of `names`.
            released: The notebook as students get it.
        """
        if name == problem_sets.UNTOUCHED:
            return problem_sets.submission(released, {})
        return problem_sets.submission(released, self.reference | self.answers.get(name, {}))

    def expected(self, name: str) -> problem_sets.Scores:
        """Return the score of each cell that a test decides.

        Args:
            name: One of `names`.
        """
        if name == problem_sets.UNTOUCHED:
            found = problem_sets.untouched_scores(self.source)
        else:
            found = problem_sets.expected_scores(self.source, self.loses.get(name, ()))
        by_hand = problem_sets.expected_scores(self.source, ())
        return {cell: score for cell, score in found.items() if by_hand[cell] is not None}


def ps01() -> ProblemSet:
    """Return the course's first problem set with its wrong answers."""
    mutants = problem_sets.read_mutants("ps01")
    return ProblemSet(
        "ps01",
        problem_sets.read_source("ps01"),
        {mutant.name: mutant.cells for mutant in mutants},
        {mutant.name: mutant.loses for mutant in mutants},
    )


def numpy() -> ProblemSet:
    """Return a set of 12 cells in NumPy."""
    wrong = {
        "no-offset": ("huber", "return np.where(abs(e) <= delta, e**2 / 2, delta * abs(e))"),
        "no-labels": ("cross_entropy", "return np.log(np.exp(logits).sum(axis=1))"),
        "uphill": ("step", "return weights + rate * 2 * x.T @ (x @ weights - y) / len(y)"),
        "one-step": ("train", "return step(np.zeros(x.shape[1]), x, y, rate)"),
    }
    return _small("numpy", _NUMPY, wrong)


def torch() -> ProblemSet:
    """Return a set of 12 cells in torch."""
    wrong = {
        "no-offset": ("huber", "return torch.where(abs(e) <= delta, e**2 / 2, delta * abs(e))"),
        "no-labels": ("cross_entropy", "return torch.logsumexp(logits, dim=1)"),
        "uphill": ("step", "return weights + rate * 2 * x.T @ (x @ weights - y) / len(y)"),
        "one-step": ("train", "return step(torch.zeros(x.shape[1]), x, y, rate)"),
    }
    return _small("torch", _TORCH, wrong)


SETS: dict[str, Callable[[], ProblemSet]] = {"ps01": ps01, "numpy": numpy, "torch": torch}

_LOSES = {
    "no-offset": {"huber-values"},
    "no-labels": {"cross-entropy-values", "cross-entropy-gradient"},
    "uphill": {"step-values", "train-fits"},
    "one-step": {"train-fits"},
}

_HEAD = re.compile(r"^# %% (\S+)(?: \((?:(solution)|(\d+) points)\))?\n", re.MULTILINE)


def _small(name: str, text: str, wrong: dict[str, tuple[str, str]]) -> ProblemSet:
    """Return the set of a text whose cells begin as `# %% name (solution)` or `(2 points)`."""
    parts = _HEAD.split(text)[1:]
    cells = [
        _cell(grade_id, code.strip(), bool(solution), points)
        for grade_id, solution, points, code in zip(*[iter(parts)] * 4, strict=True)
    ]
    source = new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    heads = {cell.metadata.nbgrader["grade_id"]: cell.source for cell in cells}
    answers = {
        answer: {cell: _with_body(heads[cell], body)} for answer, (cell, body) in wrong.items()
    }
    loses = {answer: frozenset(tests) for answer, tests in _LOSES.items()}
    return ProblemSet(name, source, answers, loses)


def _cell(grade_id: str, code: str, solution: bool, points: str | None) -> NotebookNode:
    data = {"grade_id": grade_id, "solution": solution, "grade": points is not None}
    data |= {"locked": not solution, "task": False, "schema_version": 3}
    if points is not None:
        data["points"] = int(points)
    return new_code_cell(code, metadata={"nbgrader": data})


def _with_body(code: str, body: str) -> str:
    """Return a solution's function with another last line."""
    lines = [line for line in code.splitlines() if not line.strip().startswith("###")]
    while not lines[-1].startswith("    return"):
        lines.pop()
    return "\n".join([*lines[:-1], f"    {body}"])


_NUMPY = '''
# %% setup
import numpy as np

from losscourse import checks

# %% huber (solution)
def huber(predictions, targets, delta=1.0):
    """Return the Huber loss of each prediction."""
    ### BEGIN SOLUTION
    e = predictions - targets
    return np.where(abs(e) <= delta, e**2 / 2, delta * (abs(e) - delta / 2))
    ### END SOLUTION

# %% huber-values (2 points)
predictions, targets = np.array([0.5, -3.0, 2.0]), np.array([0.0, 0.0, 2.0])
checks.call(huber, predictions, targets).gives(np.array([0.125, 2.5, 0.0]))
### BEGIN HIDDEN TESTS
p, t = np.random.default_rng(1).normal(scale=3, size=(2, 50))
e = abs(p - t)
checks.call(huber, p, t, delta=2.0).gives(np.where(e <= 2, e**2 / 2, 2 * e - 2))
### END HIDDEN TESTS

# %% huber-form (2 points)
checks.call(huber, np.zeros((2, 3)), np.ones((2, 3))).array((2, 3))
### BEGIN HIDDEN TESTS
checks.call(huber, np.zeros(4), np.ones(4)).keeps_inputs()
### END HIDDEN TESTS

# %% cross_entropy (solution)
def cross_entropy(logits, labels):
    """Return the cross-entropy of each row of logits."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return np.log(np.exp(shifted).sum(axis=1)) - chosen
    ### END SOLUTION

# %% cross-entropy-values (2 points)
checks.call(cross_entropy, np.zeros((2, 4)), np.array([0, 3])).gives(np.log([4.0, 4.0]))
### BEGIN HIDDEN TESTS
large = np.array([[1000.0, 0.0], [1000.0, 0.0]])
checks.call(cross_entropy, large, np.array([0, 1])).gives(np.array([0.0, 1000.0]))
### END HIDDEN TESTS

# %% cross-entropy-gradient (2 points)
logits, labels = np.random.default_rng(2).normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
moved = logits + 1e-6 * np.eye(3)[labels]
before = checks.call(cross_entropy, logits, labels).array((5,))
after = checks.call(cross_entropy, moved, labels).array((5,))
chance = np.exp(-before)
checks.require(
    bool(np.allclose((after - before) / 1e-6, chance - 1, atol=1e-4)),
    "The slope of the loss by the label's logit is its probability less 1.",
)

# %% data
def line_data(seed):
    """Draw 40 points of a plane with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3))
    return x, x @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=40)

# %% step (solution)
def step(weights, x, y, rate):
    """Return the weights after a step down the gradient of the mean squared error."""
    ### BEGIN SOLUTION
    return weights - rate * 2 * x.T @ (x @ weights - y) / len(y)
    ### END SOLUTION

# %% step-values (2 points)
x, y = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([1.0, 2.0])
checks.call(step, np.zeros(2), x, y, 0.1).gives(np.array([0.1, 0.4]))

# %% train (solution)
def train(x, y, rate=0.1, steps=100):
    """Return the weights after so many steps from zero."""
    ### BEGIN SOLUTION
    weights = np.zeros(x.shape[1])
    for _ in range(steps):
        weights = step(weights, x, y, rate)
    return weights
    ### END SOLUTION

# %% train-fits (3 points)
x, y = line_data(3)
best = np.linalg.lstsq(x, y, rcond=None)[0]
checks.call(train, x, y).gives(best, atol=1e-2)
'''

_TORCH = '''
# %% setup
import torch

from losscourse import checks

# %% huber (solution)
def huber(predictions, targets, delta=1.0):
    """Return the Huber loss of each prediction."""
    ### BEGIN SOLUTION
    e = predictions - targets
    return torch.where(abs(e) <= delta, e**2 / 2, delta * (abs(e) - delta / 2))
    ### END SOLUTION

# %% huber-values (2 points)
predictions, targets = torch.tensor([0.5, -3.0, 2.0]), torch.tensor([0.0, 0.0, 2.0])
checks.call(huber, predictions, targets).gives(torch.tensor([0.125, 2.5, 0.0]))
### BEGIN HIDDEN TESTS
p, t = 3 * torch.randn(2, 50, generator=torch.Generator().manual_seed(1))
e = abs(p - t)
checks.call(huber, p, t, delta=2.0).gives(torch.where(e <= 2, e**2 / 2, 2 * e - 2))
### END HIDDEN TESTS

# %% huber-gradient (2 points)
p, t = torch.tensor([0.5, -3.0, 2.0, 9.0]), torch.zeros(4)
checks.gradient(huber, p, t).gives(torch.tensor([0.5, -1.0, 1.0, 1.0]))

# %% cross_entropy (solution)
def cross_entropy(logits, labels):
    """Return the cross-entropy of each row of logits."""
    ### BEGIN SOLUTION
    chosen = logits.gather(1, labels[:, None])[:, 0]
    return torch.logsumexp(logits, dim=1) - chosen
    ### END SOLUTION

# %% cross-entropy-values (2 points)
checks.call(cross_entropy, torch.zeros(2, 4), torch.tensor([0, 3])).gives(
    torch.log(torch.tensor([4.0, 4.0]))
)
### BEGIN HIDDEN TESTS
large = torch.tensor([[1000.0, 0.0], [1000.0, 0.0]])
checks.call(cross_entropy, large, torch.tensor([0, 1])).gives(torch.tensor([0.0, 1000.0]))
### END HIDDEN TESTS

# %% cross-entropy-gradient (2 points)
logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
labels = torch.tensor([0, 2, 1, 1, 0])
checks.gradient(cross_entropy, logits, labels).gives(
    torch.softmax(logits, dim=1) - torch.eye(3)[labels], atol=1e-6
)

# %% data
def line_data(seed):
    """Draw 40 points of a plane with noise."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(40, 3, generator=generator)
    y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(40, generator=generator)
    return x, y

# %% step (solution)
def step(weights, x, y, rate):
    """Return the weights after a step down the gradient of the mean squared error."""
    ### BEGIN SOLUTION
    weights = weights.detach().requires_grad_()
    loss = torch.mean((x @ weights - y) ** 2)
    (gradient,) = torch.autograd.grad(loss, weights)
    return weights.detach() - rate * gradient
    ### END SOLUTION

# %% step-values (2 points)
x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([1.0, 2.0])
checks.call(step, torch.zeros(2), x, y, 0.1).gives(torch.tensor([0.1, 0.4]))

# %% train (solution)
def train(x, y, rate=0.1, steps=100):
    """Return the weights after so many steps from zero."""
    ### BEGIN SOLUTION
    weights = torch.zeros(x.shape[1])
    for _ in range(steps):
        weights = step(weights, x, y, rate)
    return weights
    ### END SOLUTION

# %% train-fits (3 points)
x, y = line_data(3)
best = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
checks.call(train, x, y).gives(best, atol=1e-2)
'''
