"""The entries of the metric losses."""

from losscourse.catalogue.entry import Loss

__all__ = ["ENTRIES"]

ENTRIES: tuple[Loss, ...] = ()
