"""What the site needs of Sphinx beyond its extensions: downloads, versions, scripts of its own.

The directive `downloads` lists what `make` put into build/site/downloads, `versions` what this
site was computed with. MathJax comes from sphinx-mathjax-offline; only the parts that a page can
ask for are copied, since the whole is 24 MB. Vega comes from vl-convert.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

ROOT = Path(__file__).resolve().parents[2]
DOWNLOADS = ROOT / "build" / "site" / "downloads"
REQUIREMENTS = ROOT / "requirements.txt"

# The bundle; the TeX extensions it loads when a formula asks for one; its fonts; and what its menu
# loads when a reader switches speech on.
MATHJAX_PARTS = (
    "tex-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


def _round_brackets() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """Cite as Huber (1964) and (Huber, 1964): square brackets are for intervals here."""

    bracket_parenthetical: BracketStyle = field(default_factory=_round_brackets)
    bracket_textual: BracketStyle = field(default_factory=_round_brackets)
    bracket_author: BracketStyle = field(default_factory=_round_brackets)
    bracket_label: BracketStyle = field(default_factory=_round_brackets)
    bracket_year: BracketStyle = field(default_factory=_round_brackets)


class Downloads(SphinxDirective):
    """The wheel and the student notebooks, each with its size and SHA-256."""

    def run(self) -> list[nodes.Node]:
        wheels = sorted(DOWNLOADS.glob("*.whl"))
        if len(wheels) != 1:
            found = ", ".join(wheel.name for wheel in wheels) or "none"
            raise self.error(
                f"expected one wheel in build/site/downloads, found {found}: `make book`"
            )
        files = wheels + sorted(DOWNLOADS.glob("*.ipynb"))
        for file in files:
            self.env.note_dependency(str(file))
        rows = [[_link(file), *_facts(file)] for file in files]
        install = nodes.literal_block(text=f"python -m pip install {wheels[0].name}")
        install["language"] = "bash"
        table = _table(["File", "Size", "SHA-256"], rows)
        table["classes"] += ["downloads"]
        return [install, table]


class Versions(SphinxDirective):
    """Python, the system, and every package that requirements.txt pins, as installed."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(REQUIREMENTS))
        pinned = re.findall(r"^([\w.-]+)==", REQUIREMENTS.read_text(), flags=re.MULTILINE)
        facts = [("Python", platform.python_version()), ("System", platform.system())]
        facts += [("Machine", f"{platform.machine()}, {os.cpu_count()} cores")]
        facts += [(name, version(name)) for name in pinned]
        rows = [[nodes.Text(name), nodes.Text(value)] for name, value in facts]
        return [_table(["What", "Version"], rows)]


def _link(file: Path) -> nodes.Node:
    return nodes.reference("", file.name, refuri=f"downloads/{file.name}", internal=True)


def _facts(file: Path) -> list[nodes.Node]:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return [nodes.Text(f"{len(content) / 1000:.0f} kB"), nodes.literal(text=digest)]


def _table(head: list[str], rows: list[list[nodes.Node]]) -> nodes.table:
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _row([nodes.Text(text) for text in head]))
    group += nodes.tbody("", *[_row(row) for row in rows])
    table = nodes.table("", group)
    table["classes"] += ["colwidths-auto"]
    return table


def _row(cells: list[nodes.Node]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells])


def _set_scripts(app: Sphinx, config: Config) -> None:
    """Name MathJax's bundle; Jupyter Book would load every _static/*.js on every page: undo it."""
    config.mathjax_path = "mathjax/tex-chtml.js"
    config.html_js_files = []


def _load_explorers(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the script of the slider figures on pages that have one."""
    if 'class="picture explorer"' in context.get("body", ""):
        attributes = {"type": "module", "id": "explorers-script", "data-vega": "vega.js"}
        app.add_js_file("explorers.js", **attributes)


def _add_libraries(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        _copy_mathjax(static / "mathjax")
        _write_vega(static / "vega.js")


def _copy_mathjax(target: Path) -> None:
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    source = package / "static" / "mathjax"
    for part in MATHJAX_PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / part, target / part)


def _write_vega(target: Path) -> None:
    """Write Vega, which vl-convert carries, as a script whose only global is `vegaEmbed`."""
    if not target.exists():
        bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        target.write_text(f"(() => {{{bundle}}})();", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives, the citation style and the scripts."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", "author_year_round", RoundAuthorYear)
    app.add_directive("downloads", Downloads)
    app.add_directive("versions", Versions)
    app.connect("config-inited", _set_scripts)
    app.connect("html-page-context", _load_explorers)
    app.connect("build-finished", _add_libraries)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
