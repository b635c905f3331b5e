"""The entries of the value losses."""

from losscourse.catalogue.entry import Loss

__all__ = ["ENTRIES"]

ENTRIES: tuple[Loss, ...] = ()
