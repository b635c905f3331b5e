"""The directive `atlas`: every loss of the catalogue in one table.

`_static/atlas.js` lets a reader sort and filter it. Without scripts it is a table like any other.
"""

import re
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

HEAD = (
    *("Loss", "Family", "Convex", "Smooth", "Bounded pull", "Range", "At chance", "Elicits"),
    *("losscourse", "torch", "Formula"),
)
SMOOTH = {0: "kink", 1: "once"}


class Atlas(SphinxDirective):
    """The table; a loss leads to its page where that is written."""

    def run(self) -> list[nodes.Node]:
        from losscourse.catalogue import CATALOGUE  # a site without this table needs no package

        rows = [HEAD, [":--"] * len(HEAD), *(self._row(loss) for loss in CATALOGUE.values())]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        found = nodes.container()
        self.state.nested_parse(StringList(lines, "atlas"), self.content_offset, found)
        for table in found.findall(nodes.table):
            table["classes"] += ["atlas"]
        return found.children

    def _row(self, loss: Any) -> list[str]:
        from losscourse.figures.cards import facts

        said = facts(loss)
        written = loss.page in self.env.found_docs
        title = f"[{loss.title}](/{loss.page}.md)" if written else loss.title
        return [
            f"{title}<br>{loss.use}<br>Also: {', '.join(loss.aliases)}.",
            loss.function.__module__.rpartition(".")[2],
            "yes" if loss.convex else "no",
            SMOOTH.get(loss.smoothness, "all"),
            "yes" if loss.robust else "no",
            said["Range"],
            said["At chance"].partition(":")[0],
            re.sub(r"^the ", "", said["Elicits"]),
            f"`{loss.name}`",
            said["torch"].replace("none", ""),
            re.match(r"\$.+?\$", said["Formula"])[0],
        ]


def _load_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the script that sorts and filters, on the page that has the table."""
    if re.search(r'<table class="[^"]*\batlas\b', context.get("body", "")):
        app.add_js_file("atlas.js", type="module")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and its script."""
    app.add_directive("atlas", Atlas)
    app.connect("html-page-context", _load_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
