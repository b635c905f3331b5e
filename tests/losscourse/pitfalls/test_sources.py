import ast
import re
from pathlib import Path

import pytest

FILES = sorted(set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__)})
SOURCE = r"[\w.-]+/[\w.-]+#\d+"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_pitfall_says_where_it_was_seen(file):
    tests = [
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert tests
    for test in tests:
        said = ast.get_docstring(test) or ""
        assert re.match(rf"{SOURCE}(, {SOURCE})*[,:.]", said), f"{test.name}: {said!r}"
