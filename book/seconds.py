"""Measure what pages cost: the CPU seconds of their cells, `make seconds PAGE=regression/huber`.

Without a page, all of them. Cells run as in the build, in a kernel of their own with one thread a
library; imports and drawing count, the kernel's start too. On a busy machine a second holds less.
"""

import argparse
import os
import sys

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from rich.console import Console
from rich.table import Table

from tests.browser import ROOT

BOOK = ROOT / "book"
LIMIT = 20
ASK = "import os, time; print(time.process_time() + sum(os.times()[2:4]))"  # its children's too


def cpu_seconds(page: str) -> float:
    """Return the seconds of user and system time that a page's kernel has used at its end.

    Args:
        page: As in `_toc.yml`.

    Raises:
        CellExecutionError: A cell failed.
    """
    notebook = read_myst_markdown_notebook((BOOK / f"{page}.md").read_text())
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    where = {"metadata": {"path": str((BOOK / page).parent)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where)
    client.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
    client.execute()
    return float(notebook.cells[-1].outputs[0].text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", nargs="*", help="as in _toc.yml: regression/huber")
    pages = [name.removeprefix("book/").removesuffix(".md") for name in parser.parse_args().page]
    running = sorted(
        str(path.relative_to(BOOK).with_suffix(""))
        for path in BOOK.rglob("*.md")
        if "```{code-cell}" in path.read_text()
    )
    for page in pages:
        if page not in running:
            sys.exit(f"PAGE must be a page of book/ that runs code; {page} is none")
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    console, taken = Console(), {}
    for page in pages or running:
        with console.status(page):
            try:
                taken[page] = cpu_seconds(page)
            except CellExecutionError as error:
                sys.exit(f"{page}: {error}")
    table = Table("page", "CPU seconds")
    for page, seconds in sorted(taken.items(), key=lambda one: -one[1]):
        table.add_row(page, f"{seconds:.1f}", style="red" if seconds > LIMIT else None)
    console.print(table)
    print(f"the limit of a page is {LIMIT}; the machine's load was {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
