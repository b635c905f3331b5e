"""The entries of the detection losses."""

from losscourse.catalogue.entry import Loss

__all__ = ["ENTRIES"]

ENTRIES: tuple[Loss, ...] = ()
