"""The entries of the policy losses."""

from losscourse.catalogue.entry import Loss

__all__ = ["ENTRIES"]

ENTRIES: tuple[Loss, ...] = ()
