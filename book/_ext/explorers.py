"""Serve what the sliders need from the site itself: Vega's script, the loader and the styles.

The loader is small and on every page; it fetches Vega only where there is an explorer.
"""

from pathlib import Path

import vl_convert
from sphinx.application import Sphinx


def write_vega(app: Sphinx, exception: Exception | None) -> None:
    """Write Vega's script, which vl-convert carries, beside the site's other scripts."""
    target = Path(app.outdir) / "_static" / f"vega-{vl_convert.get_vega_version()}.js"
    if exception is None and app.builder.format == "html" and not target.exists():
        target.write_text(vl_convert.javascript_bundle("window.vega = vega;"), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_css_file("figures.css")
    app.add_js_file(
        "explorers.js",
        type="module",
        **{"data-vega": f"vega-{vl_convert.get_vega_version()}.js", "id": "explorers-script"},
    )
    app.connect("build-finished", write_vega)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
