"""The catalogue: one entry per loss, read by the pages' cards, the explorers and the tests.

It is data. No code picks a loss by a string at run time: import the function. The tests hold every
claim of an entry against the function (formula, gradient, range, bound, convexity, minimiser).
"""

from collections.abc import Mapping
from types import MappingProxyType

from losscourse.catalogue import (
    classification,
    detection,
    divergence,
    generative,
    margin,
    metric,
    physics,
    policy,
    preference,
    ranking,
    regression,
    segmentation,
    sequence,
    value,
)
from losscourse.catalogue.entry import (
    CLASSES,
    MARGIN,
    PREDICTION,
    RESIDUAL,
    TARGET,
    Loss,
    Parameter,
)

__all__ = [
    "CATALOGUE",
    "CLASSES",
    "MARGIN",
    "PREDICTION",
    "RESIDUAL",
    "TARGET",
    "Loss",
    "Parameter",
]

_FAMILIES = (
    regression,
    classification,
    margin,
    divergence,
    metric,
    ranking,
    sequence,
    segmentation,
    detection,
    generative,
    value,
    policy,
    preference,
    physics,
)

CATALOGUE: Mapping[str, Loss] = MappingProxyType(
    {entry.name: entry for family in _FAMILIES for entry in family.ENTRIES}
)
"""Every loss of the package, by the name of its function."""
