"""Small tables of results, as a page shows them."""

from collections.abc import Sequence

__all__ = ["Table", "table"]


class Table:
    """Rows under a header.

    Args:
        header: Column names.
        rows: Cells; numbers are shown with four significant digits.
    """

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.header, self.rows = header, rows

    def _repr_markdown_(self) -> str:
        align = ["---:" if isinstance(cell, int | float) else ":---" for cell in self.rows[0]]
        lines = [self.header, align, *([_cell(cell) for cell in row] for row in self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

    def __repr__(self) -> str:
        """The Markdown: what a terminal can show of a table."""
        return self._repr_markdown_()


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table that a notebook shows.

    Args:
        header: Column names.
        rows: Cells; numbers are shown with four significant digits.

    Returns:
        A `Table`.

    Raises:
        ValueError: There is no row, or a row's length is not the header's.
    """
    if not rows or any(len(row) != len(header) for row in rows):
        raise ValueError(f"rows: expected rows of {len(header)} cells, got {rows!r}")
    return Table(header, rows)


def _cell(value: object) -> str:
    """Return a cell's text."""
    return f"{float(value):.4g}" if isinstance(value, float) else str(value)
