"""The package's modules as syntax trees: what the tests of its structure read."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "losscourse"


@dataclass(frozen=True)
class Module:
    """A module: its dotted name and its source."""

    name: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.source)

    @cached_property
    def exported(self) -> list[str] | None:
        """The names in `__all__`, None where there is none."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return ast.literal_eval(node.value)
        return None

    def imports(self) -> Iterator[tuple[str, str | None]]:
        """Yield (module, name) of every import, wherever it stands; the name may be a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = self._absolute(node)
                yield from ((source, alias.name) for alias in node.names)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        kept = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*kept, *([node.module] if node.module else [])])


def modules() -> list[Module]:
    """Return every module of the package; what it carries for students is no module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["losscourse", *path.relative_to(PACKAGE).with_suffix("").parts]
        if "notebooks" in parts:
            continue
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, path.read_text(encoding="utf-8"), is_package))
    return found


def dependencies(module: Module, known: set[str]) -> set[str]:
    """Return the package's modules that this one imports."""
    found = set()
    for source, name in module.imports():
        if source.split(".")[0] != "losscourse":
            continue
        target = f"{source}.{name}"
        found.add(target if target in known else source)
    return found - {module.name}
