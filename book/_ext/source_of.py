"""The directive `source-of`: a function's code from the package's own file, without its docstring.

The page and the package cannot drift apart, and a docstring that grows does not shift the lines.
"""

import ast
import importlib
import inspect

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class SourceOf(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module_name, _, name = self.arguments[0].rpartition(".")
        try:
            function = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError, ValueError):
            raise self.error(
                f"source-of: expected a function's full name, got {self.arguments[0]!r}"
            ) from None
        self.env.note_dependency(inspect.getsourcefile(function))
        code = without_docstring(inspect.getsource(function))
        block = nodes.literal_block(code, code, language="python")
        self.set_source_info(block)
        return [block]


def without_docstring(source: str) -> str:
    """Return a function's source without the lines of its docstring."""
    function = ast.parse(source).body[0]
    lines = source.rstrip().splitlines()
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    return "\n".join(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("source-of", SourceOf)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
