"""Docstrings: nothing public is undocumented, and what is written fits the code.

Read from the source, so that a module need not be importable to be checked. Asked of all modules: a
docstring, a complete `__all__`, a one-line summary, Args that are the signature's, Raises that name
what is raised, Returns where the summary does not say it. A method that another package calls (its
class has a base from there) and a command of the command line need the summary alone. Asked of the
modules that a page stands on: the sections of `SECTIONS`.
"""

import ast
import re
import textwrap
from collections.abc import Iterator

import pytest

from tests.losscourse.sources import Module, modules

MODULES = modules()
NAMES = {module.name for module in MODULES}

LOSS = "Formula Args Returns Gradient Raises Numerics Convention Example Reference"
GRADIENT = "Formula Args Returns Raises Example"
SECTIONS = {
    "losscourse.arrays": "Args",
    "losscourse.reduce": "Formula Args Returns Raises Example",
    "losscourse.stable": "Args Returns Numerics Example",
    "losscourse.optimizers": "Formula Args Returns Raises Convention Example",
    "losscourse.regularizers": "Formula Args Returns Raises Convention Example",
    "losscourse.schedules": "Formula Args Returns Raises Convention Example",
    "losscourse.weighting": "Formula Args Returns Raises Convention Example",
}
NAMED_MEAN = "Formula Args Returns Raises Convention Example"

OWN = {"losscourse", "typing", "enum", "abc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def findings(module: Module) -> list[str]:
    """Return what is wrong with a module's docstrings, a line each."""
    found = [] if _summary_is_one_line(ast.get_docstring(module.tree)) else ["module: no summary"]
    public = {
        node.name
        for node in module.tree.body
        if isinstance(node, Definition) and not node.name.startswith("_") and not _is_command(node)
    }
    exported = module.exported
    if public and exported is None:
        found.append(f"no __all__ for {sorted(public)}")
    elif exported is not None:
        found += [f"{name}: not in __all__" for name in sorted(public - set(exported))]
        found += [f"{name}: in __all__, not defined" for name in exported if not _has(module, name)]
    for path, node in _public(module.tree):
        found += [f"{path}: {fault}" for fault in _faults(module, path, node)]
    return found


def _has(module: Module, name: str) -> bool:
    """Whether a module's top level defines or imports a name."""
    for node in module.tree.body:
        if isinstance(node, Definition) and node.name == name:
            return True
        if isinstance(node, ast.ImportFrom) and name in [a.asname or a.name for a in node.names]:
            return True
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(target is not None and ast.unparse(target) == name for target in targets):
            return True
    return False


def _public(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield public functions and classes, and the public methods of the latter."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{node.name}.")


def _faults(module: Module, path: str, node: Definition) -> list[str]:
    text = ast.get_docstring(node)
    if not _summary_is_one_line(text):
        return ["expected a docstring whose first line is a sentence"]
    if _is_command(node) or _is_called_from_elsewhere(module, path):
        return []
    decorators = " ".join(ast.unparse(d) for d in node.decorator_list)
    sections = _sections(text)
    found = [
        f"expected the section {name}"
        for name in _required(module, node)
        if name not in sections or not sections[name].strip()
    ]
    arguments = _arguments(node)
    documented = _entries(sections.get("Args", ""))
    if documented != arguments:
        found.append(f"Args: expected {arguments}, got {documented}")
    if isinstance(node, Function):
        found += _result_faults(text, sections, node, decorators)
    if "Example" in sections and ">>>" not in sections["Example"]:
        found.append("Example: expected a doctest")
    if "Reference" in sections and not re.search(r"\(\d{4}\)", sections["Reference"]):
        found.append("Reference: expected a year")
    return found


def _is_command(node: Definition) -> bool:
    """Whether typer calls it and shows its docstring as help."""
    decorators = " ".join(ast.unparse(d) for d in node.decorator_list)
    return re.search(r"\.(command|callback)\(", decorators) is not None


def _is_called_from_elsewhere(module: Module, path: str) -> bool:
    """Whether it is a method of a class whose base comes from another package."""
    owner, dot, _ = path.partition(".")
    if not dot:
        return False
    cls = next(n for n in module.tree.body if getattr(n, "name", "") == owner)
    bases = {ast.unparse(base) for base in cls.bases}
    return any(
        name in bases and source.split(".")[0] not in OWN for source, name in module.imports()
    )


def _result_faults(
    text: str, sections: dict[str, str], node: Function, decorators: str
) -> list[str]:
    found = []
    own = list(_own_nodes(node))
    returns = any(isinstance(n, ast.Return) and n.value is not None for n in own)
    says_so = "Returns" in sections or text.startswith("Return") or "property" in decorators
    says_so |= "cached" in decorators or text.startswith("Whether")
    if returns and not says_so:
        found.append("expected the section Returns")
    if "Returns" in sections and not returns:
        found.append("Returns: nothing is returned")
    raised = {
        ast.unparse(n.exc.func if isinstance(n.exc, ast.Call) else n.exc)
        for n in own
        if isinstance(n, ast.Raise) and n.exc is not None
    }
    documented = set(_entries(sections.get("Raises", "")))
    missing = {name for name in raised if name[0].isupper()} - documented
    found += [f"Raises: expected {name}" for name in sorted(missing)]
    return found


def _required(module: Module, node: Definition) -> list[str]:
    """Return the sections that a definition must have, in order."""
    if isinstance(node, ast.ClassDef):
        return []
    if module.name.startswith("losscourse.losses."):
        functions = {n.name for n in module.tree.body if isinstance(n, Function)}
        if node.name.endswith("_grad"):
            return GRADIENT.split()
        return (LOSS if f"{node.name}_grad" in functions else NAMED_MEAN).split()
    is_top_level = node in module.tree.body
    return SECTIONS.get(module.name, "").split() if is_top_level else []


def _summary_is_one_line(text: str | None) -> bool:
    """Whether the first line is a sentence of its own."""
    first, *rest = (text or "").splitlines() or [""]
    return first.endswith((".", "?")) and len(first) > 10 and (not rest or rest[0] == "")


def _sections(text: str) -> dict[str, str]:
    """Return the parts under `Name:` lines, and `Formula:` with what follows on its line."""
    parts = re.split(r"^([A-Z][a-z]+):(?= |$)", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _entries(section: str) -> list[str]:
    """Return the names of a section's entries, `name: text` at its own indent."""
    return re.findall(r"^(\**\w+): ", textwrap.dedent(section.strip("\n")), flags=re.MULTILINE)


def _arguments(node: Definition) -> list[str]:
    """Return what Args must list: parameters, or the fields of a dataclass or NamedTuple."""
    if isinstance(node, Function):
        a = node.args
        names = [arg.arg for arg in (*a.posonlyargs, *a.args)]
        names += [f"*{a.vararg.arg}"] if a.vararg else []
        names += [arg.arg for arg in a.kwonlyargs]
        names += [f"**{a.kwarg.arg}"] if a.kwarg else []
        return [name for name in names if name not in ("self", "cls")]
    heads = " ".join(ast.unparse(part) for part in (*node.decorator_list, *node.bases))
    if "dataclass" in heads or "NamedTuple" in heads:
        return [n.target.id for n in node.body if isinstance(n, ast.AnnAssign)]
    documented = _entries(_sections(ast.get_docstring(node) or "").get("Args", ""))
    made = next((n for n in node.body if getattr(n, "name", "") == "__init__"), None)
    return _arguments(made) if made is not None and documented else []


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, those of the functions inside it left out."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Definition | ast.Lambda):
            yield child
            yield from _own_nodes(child)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_docstrings(module):
    assert findings(module) == []


def test_what_another_module_imports_is_public():
    exported = {module.name: module.exported or [] for module in MODULES}
    private = [
        f"{module.name} imports {name} from {source}"
        for module in MODULES
        for source, name in module.imports()
        if source in exported
        and name is not None
        and f"{source}.{name}" not in NAMES
        and name not in exported[source]
        and not name.startswith("__")
    ]
    assert private == []


GOOD = '''
"""A module of the course."""

__all__ = ["double", "double_grad"]


def double(predictions, targets, *, scale=1.0):
    """Return twice the predictions.

    Formula: $2p$.

    Args:
        predictions: Floats.
        targets: Floats.
        scale: A number.

    Returns:
        Floats.

    Gradient:
        2; see `double_grad`.

    Raises:
        ValueError: Always.

    Numerics:
        Exact.

    Convention:
        No factor.

    Example:
        >>> double(1, 2)
        2

    Reference:
        Somebody (1999), Something.
    """
    if scale:
        raise ValueError("scale")
    return 2 * predictions


def double_grad(predictions, targets, *, scale=1.0):
    """Return two.

    Formula: $2$.

    Args:
        predictions: Floats.
        targets: Floats.
        scale: A number.

    Returns:
        Floats.

    Raises:
        ValueError: Always.

    Example:
        >>> double_grad(1, 2)
        2
    """
    return 2
'''

GOOD_PARTS = '''
"""A module of the course."""

__all__ = ["Box", "Kind"]


@dataclass
class Box:
    """A box with two sides.

    Args:
        width: The one side.
        height: The other.
    """

    width: float
    height: float

    def area(self, unit):
        """Return the area.

        Args:
            unit: The unit.
        """
        return self.width * self.height


class Kind:
    """A kind of box."""

    def __init__(self, box): ...
'''


def _module(source: str, name: str = "losscourse.losses.new") -> Module:
    return Module(name, source.strip())


def test_good_docstrings_pass():
    assert findings(_module(GOOD)) == []
    assert findings(_module(GOOD_PARTS, "losscourse.datasets")) == []


@pytest.mark.parametrize("section", LOSS.split())
def test_a_loss_without_a_section_is_found(section):
    pattern = rf"\n    {section}:.*?\n(?=\n    [A-Z]|    \"\"\")"
    source, count = re.subn(pattern, "", GOOD, count=1, flags=re.DOTALL)
    assert count == 1
    assert any(section in fault for fault in findings(_module(source)))


@pytest.mark.parametrize("section", GRADIENT.split())
def test_a_gradient_without_a_section_is_found(section):
    head, gradient = GOOD.split("def double_grad")
    pattern = rf"\n    {section}:.*?\n(?=\n    [A-Z]|    \"\"\")"
    gradient, count = re.subn(pattern, "", gradient, count=1, flags=re.DOTALL)
    assert count == 1
    faults = findings(_module(f"{head}def double_grad{gradient}"))
    assert any(f.startswith("double_grad") and section in f for f in faults)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module of the course."""', ""),
        ('__all__ = ["double", "double_grad"]', ""),
        ('["double", "double_grad"]', '["double_grad"]'),
        ('["double", "double_grad"]', '["double", "double_grad", "triple"]'),
        ("        scale: A number.\n", ""),
        ("        scale: A number.\n", "        factor: A number.\n"),
        ("*, scale=1.0", "*, scale=1.0, more=2"),
        ("Return twice the predictions.", "Return twice\n    the predictions."),
        ('raise ValueError("scale")', 'raise KeyError("scale")'),
        (">>> double(1, 2)", "double(1, 2)"),
        ("(1999)", ""),
        ("    return 2 * predictions", "    print(predictions)"),
    ],
)
def test_a_wrong_docstring_is_found(old, new):
    assert old in GOOD
    assert findings(_module(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        height: The other.\n", ""),
        ('    """A kind of box."""\n', ""),
        ('"""Return the area.', '"""The area.'),
        ("            unit: The unit.\n", "            units: The unit.\n"),
        ('["Box", "Kind"]', '["Box"]'),
    ],
)
def test_a_wrong_docstring_of_a_class_is_found(old, new):
    assert old in GOOD_PARTS
    assert findings(_module(GOOD_PARTS.replace(old, new, 1), "losscourse.datasets"))
