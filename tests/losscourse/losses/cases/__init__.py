"""The one table of cases. Each module here is a family of losses and holds a list `CASES`.

A family's public functions that are no losses (a transformation of labels, a matcher) are in its
list `HELPERS`.
"""

import importlib
import pkgutil

from tests.losscourse.losses.case import Case
from tests.losscourse.losses.helper import Helper

_FAMILIES = [
    importlib.import_module(f"{__name__}.{module.name}")
    for module in pkgutil.iter_modules(__path__)
]

CASES: list[Case] = [case for family in _FAMILIES for case in family.CASES]
HELPERS: list[Helper] = [
    helper for family in _FAMILIES for helper in getattr(family, "HELPERS", [])
]
