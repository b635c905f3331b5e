"""The entries of the divergence losses."""

from losscourse.catalogue.entry import Loss

__all__ = ["ENTRIES"]

ENTRIES: tuple[Loss, ...] = ()
