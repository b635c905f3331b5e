"""A class of ps01 with planted copies: how well does the similarity report find them?

    python -m tests.grading.similar_class

prints precision and recall, by the kind of copy. A student who works alone draws each answer from
the mutants that ship with the problem set, or from its solution, and writes it in a hand of their
own: names, comments, and some ways to say the same. So most short answers are somebody else's as
well. A copy is another student's work, disguised.
"""

import ast
import builtins
import random
from collections import Counter
from collections.abc import Callable, Sequence

from losscourse.grading.similarity import Answer, Comparison, compare
from tests.exercises.problem_sets import (
    read_mutants,
    read_source,
    reference_answers,
    solution_cells,
)

Answers = dict[str, str]

WORDS = ("acc", "arr", "diff", "err", "first", "item", "out", "part", "res", "total", "value")


class _Rename(ast.NodeTransformer):
    """Gives every local name another one."""

    def __init__(self, hand: random.Random):
        self._hand, self._names = hand, {}

    def _new(self, name: str) -> str:
        if name not in self._names:
            self._names[name] = f"{self._hand.choice(WORDS)}{len(self._names)}"
        return self._names[name]

    def visit_FunctionDef(self, node):
        for argument in node.args.args:
            argument.arg = self._new(argument.arg)
        return self.generic_visit(node)

    def visit_Name(self, node):
        assigned = isinstance(node.ctx, ast.Store) or node.id in self._names
        if assigned and not hasattr(builtins, node.id):
            node.id = self._new(node.id)
        return node


class _Habits(ast.NodeTransformer):
    """Says some things another way, as one student would all along."""

    def __init__(self, hand: random.Random):
        self._square, self._mean, self._name, self._plain = (hand.random() < 0.5 for _ in range(4))
        self._docs = hand.random() < 0.5

    def visit_BinOp(self, node):
        node = self.generic_visit(node)
        if self._square and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2":
            return ast.parse(f"np.square({ast.unparse(node.left)})", mode="eval").body
        return node

    def visit_Call(self, node):
        node = self.generic_visit(node)
        called = ast.unparse(node.func)
        if self._mean and called == "np.mean" and len(node.args) == 1:
            return ast.parse(f"({ast.unparse(node.args[0])}).mean()", mode="eval").body
        if self._plain and called == "np.abs" and len(node.args) == 1:
            return ast.parse(f"abs({ast.unparse(node.args[0])})", mode="eval").body
        return node

    def visit_Return(self, node):
        node = self.generic_visit(node)
        simple = node.value is None or isinstance(node.value, ast.Name | ast.Constant)
        if self._name and not simple:
            return ast.parse(f"result = {ast.unparse(node.value)}\nreturn result").body
        return node

    def visit_FunctionDef(self, node):
        node = self.generic_visit(node)
        if self._docs and ast.get_docstring(node) and len(node.body) > 1:
            node.body = node.body[1:]
        return node


class _Loops(ast.NodeTransformer):
    """Counts by `while`, and gathers in a loop what a comprehension gathered."""

    def visit_For(self, node):
        node = self.generic_visit(node)
        if not ast.unparse(node.iter).startswith("range("):
            return node
        count = ast.unparse(node.iter.args[-1])
        loop = ast.parse(f"count = 0\nwhile count < {count}:\n    count += 1").body
        loop[1].body += node.body
        return loop


def _rewritten(code: str, *changes: ast.NodeTransformer) -> str:
    tree = ast.parse(code)
    for change in changes:
        tree = ast.fix_missing_locations(change.visit(tree))
    return ast.unparse(tree)


def renamed(answers: Answers, hand: random.Random) -> Answers:
    """Other names, other form, no comments."""
    return {q: _rewritten(code, _Rename(hand)) for q, code in answers.items()}


def commented(answers: Answers, hand: random.Random) -> Answers:
    """A comment of one's own above most lines."""
    return {
        question: "\n".join(
            f"{line[: len(line) - len(line.lstrip())]}# {hand.choice(WORDS)} {number}\n{line}"
            if line.strip() and hand.random() < 0.7
            else line
            for number, line in enumerate(code.splitlines())
        )
        for question, code in answers.items()
    }


def reordered(answers: Answers, hand: random.Random) -> Answers:
    """The functions of each answer in another order, and other names."""

    def shuffled(code: str) -> str:
        tree = ast.parse(code)
        hand.shuffle(tree.body)
        return ast.unparse(tree)

    return renamed({question: shuffled(code) for question, code in answers.items()}, hand)


def looped(answers: Answers, hand: random.Random) -> Answers:
    """Other loops, other names."""
    return {q: _rewritten(code, _Loops(), _Rename(hand)) for q, code in answers.items()}


def restyled(answers: Answers, hand: random.Random) -> Answers:
    """Other names, and other ways to say the same all through."""
    return {q: _rewritten(code, _Habits(hand), _Rename(hand)) for q, code in answers.items()}


def half(answers: Answers, hand: random.Random, alone: Answers) -> Answers:
    """Every second answer copied with other names, the others one's own."""
    return alone | renamed({q: answers[q] for q in sorted(answers)[::2]}, hand)


COPIES: dict[str, Callable[..., Answers]] = {
    "verbatim": lambda answers, hand: dict(answers),
    "comments": commented,
    "renamed": renamed,
    "reordered": reordered,
    "loops": looped,
    "restyled": restyled,
    "half": half,
}


def alone(hand: random.Random, choices: dict[str, list[str]]) -> Answers:
    """Return the answers of a student who works alone."""
    habits = _Habits(hand)
    return {
        q: _rewritten(hand.choice(codes), habits, _Rename(hand)) for q, codes in choices.items()
    }


def make_class(
    students: int, seed: int, kinds: Sequence[str] = tuple(COPIES)
) -> tuple[dict[str, Answers], dict[frozenset[str], str]]:
    """Return a class's answers, and its planted pairs with the kind of copy, one of each."""
    hand = random.Random(seed)
    choices = {question: [code] for question, code in solutions().items()}
    for mutant in read_mutants("ps01"):
        if not mutant.name.startswith("fooling"):
            for question, code in mutant.cells.items():
                choices[question].append(code)
    work = {f"s{number:03d}": alone(hand, choices) for number in range(students)}
    planted = {}
    for number, kind in enumerate(kinds):
        first, second = f"s{2 * number:03d}", f"s{2 * number + 1:03d}"
        own = (work[second],) if kind == "half" else ()
        work[second] = COPIES[kind](work[first], hand, *own)
        planted[frozenset((first, second))] = kind
    return work, planted


def solutions() -> Answers:
    """Return the source's solutions in code."""
    source = read_source("ps01")
    names = [cell.metadata.nbgrader["grade_id"] for cell in solution_cells(source)]
    answers = reference_answers(source)
    return {name: answers[name] for name in names}


def compared(work: dict[str, Answers]) -> Comparison:
    """Compare a class."""
    known = {question: [Answer.of_code(code)] for question, code in solutions().items()}
    return compare(
        {s: {q: Answer.of_code(code) for q, code in codes.items()} for s, codes in work.items()},
        known,
    )


def main() -> None:
    """Print how many planted copies were found, and how many pairs were named for nothing."""
    for students, copies, classes in (
        (30, 0, 10),
        (98, 0, 10),
        (30, 2, 10),
        (98, 7, 10),
        (400, 7, 4),
    ):
        found, there = Counter(), Counter()
        for seed in range(classes):
            kinds = random.Random(seed).sample(list(COPIES), copies)
            work, planted = make_class(students, seed, kinds)
            there.update(kinds)
            for pair in compared(work).pairs:
                kind = planted.get(frozenset((pair.first, pair.second)))
                found[kind] += 1
        wrong = found.pop(None, 0)
        print(f"{students} students, {copies} pairs planted, {classes} classes:", end=" ")
        if not copies:
            print(f"{wrong} pairs named for nothing")
            continue
        precision = found.total() / max(1, found.total() + wrong)
        recall = found.total() / there.total()
        print(f"precision {precision:.2f}, recall {recall:.2f}")
        print("  found:", ", ".join(f"{kind} {found[kind]}/{n}" for kind, n in there.items()))


if __name__ == "__main__":
    main()
