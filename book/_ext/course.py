"""What the site needs of Sphinx beyond its extensions: downloads, versions, scripts of its own.

The directive `parts` lists the contents, `downloads` what `make` put into build/site/downloads,
`versions` what this site was computed with, and `nb-exec-table` how long its pages took. MathJax
comes from sphinx-mathjax-offline; only the parts that a page can ask for are copied, since the
whole is 24 MB. Vega comes from vl-convert.
"""

import copy
import hashlib
import importlib.util
import os
import platform
import re
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import myst_nb.core.render
import vl_convert
from docutils import nodes
from docutils.statemachine import StringList
from myst_nb.core.utils import coalesce_streams
from myst_nb.ext.execution_tables import ExecutionStatsNode
from myst_nb.sphinx_ import NbMetadataCollector
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms.post_transforms import SphinxPostTransform
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
        listing = table(["File", "Size", "SHA-256"], rows)
        listing["classes"] += ["downloads"]
        return [install, listing]


class Versions(SphinxDirective):
    """What the site was computed with: the packages named, or all that requirements.txt pins."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(REQUIREMENTS))
        pinned = re.findall(r"^([\w.-]+)==", REQUIREMENTS.read_text(), flags=re.MULTILINE)
        named = self.arguments[0].split() if self.arguments else []
        if unknown := sorted(set(named) - set(pinned)):
            raise self.error(f"requirements.txt does not pin {', '.join(unknown)}")
        facts = [(name, _installed(name)) for name in named or pinned]
        if named:
            machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
            facts = [("Python", platform.python_version()), ("Machine", machine), *facts]
        rows = [[nodes.Text(name), nodes.Text(value)] for name, value in facts]
        return [table(["What", "Version"], rows)]


class Parts(SphinxDirective):
    """The pages of the contents, a row for each part, without the parts that it names."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        without = {line.strip() for line in self.content}
        lines = ["| Part | Pages |", "| :-- | :-- |"]
        for part in self.config.external_site_map.root.subtrees:
            if part.caption not in without:
                pages = ", ".join(f"{{doc}}`/{page}`" for page in part.files())
                lines.append(f"| **{part.caption}** | {pages} |")
        found = nodes.container()
        self.state.nested_parse(StringList(lines, "parts"), self.content_offset, found)
        return found.children


class ExecutionTimes(SphinxPostTransform):
    """Fill myst-nb's `nb-exec-table` with titles, dates, seconds and their sum."""

    default_priority = 7  # before myst-nb's own

    def run(self, **kwargs: object) -> None:
        for place in list(self.document.findall(ExecutionStatsNode)):
            place.replace_self(self._times())

    def _times(self) -> nodes.table:
        runs = NbMetadataCollector.get_doc_data(self.env)
        runs = {page: run["exec_data"] for page, run in runs.items() if run.get("exec_data")}
        rows = [
            [self._title(page), _date(run["mtime"]), _seconds(run["runtime"])]
            for page, run in sorted(runs.items())
        ]
        total = sum(run["runtime"] or 0 for run in runs.values())
        rows.append([nodes.strong(text="All"), nodes.Text(""), _seconds(total)])
        return table(["Page", "Executed on", "Seconds"], rows)

    def _title(self, page: str) -> nodes.reference:
        target = self.app.builder.get_relative_uri(self.env.docname, page)
        title = self.env.titles[page].astext()
        return nodes.reference("", title, refuri=target, internal=True)


def _installed(name: str) -> str:
    """Return a package's version; a pin may be for another system alone."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not on this system"


def _date(seconds: float) -> nodes.Text:
    return nodes.Text(f"{datetime.fromtimestamp(seconds):%Y-%m-%d}")


def _seconds(value: float | None) -> nodes.Text:
    return nodes.Text("" if value is None else f"{value:.1f}")


def _link(file: Path) -> nodes.Node:
    return nodes.reference("", file.name, refuri=f"downloads/{file.name}", internal=True)


def _facts(file: Path) -> list[nodes.Node]:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return [nodes.Text(f"{len(content) / 1000:.0f} kB"), nodes.literal(text=digest)]


def table(head: list[str], rows: list[list[nodes.Node]]) -> nodes.table:
    """Return a table of one node per cell."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _row([nodes.Text(text) for text in head]))
    group += nodes.tbody("", *[_row(row) for row in rows])
    found = nodes.table("", group)
    found["classes"] += ["colwidths-auto"]
    return found


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


def _spare_mathjax(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Drop MathJax where a page has no mathematics: Sphinx gives it to the root for its parts'."""
    if 'class="math' not in context.get("body", ""):
        context["script_files"] = [
            script
            for script in context["script_files"]
            if not str(script.filename).endswith(app.config.mathjax_path)
        ]


def _add_libraries(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        _copy_mathjax(static / "mathjax")
        _write_vega(static / "vega.js")


def _declare_safe(app: Sphinx, config: Config) -> None:
    """Say what two extensions leave unsaid: they do nothing while pages are read."""
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        app.extensions[name].parallel_read_safe = True


def join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return a cell's outputs with what it printed in one piece, as it was printed.

    A kernel sends its printed text in chunks, cut wherever it happened to be sent. myst_nb ends
    each chunk with a line break, which splits lines on a busy machine.

    Args:
        outputs: The outputs of a cell, as the notebook format has them.
    """
    joined: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
            continue
        joined.append(copy.copy(output))
        if output["output_type"] == "stream":
            streams[output["name"]] = joined[-1]
    return coalesce_streams(joined)


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
    """Register the directives, the citation style and the scripts; let each core run pages."""
    app.parallel = os.cpu_count() or 1  # jupyter-book's command has no option for it
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # so a page on each core is all that runs
    myst_nb.core.render.coalesce_streams = join_streams
    app.connect("config-inited", _declare_safe)
    register_plugin("sphinxcontrib.bibtex.style.referencing", "author_year_round", RoundAuthorYear)
    app.add_directive("downloads", Downloads)
    app.add_directive("parts", Parts)
    app.add_directive("versions", Versions)
    app.add_post_transform(ExecutionTimes)
    app.connect("config-inited", _set_scripts)
    app.connect("html-page-context", _load_explorers)
    app.connect("html-page-context", _spare_mathjax, priority=600)  # after MathJax is added
    app.connect("build-finished", _add_libraries)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
