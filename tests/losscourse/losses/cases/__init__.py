"""The one table of cases. Each module here is a family of losses and holds a list `CASES`."""

import importlib
import pkgutil

from tests.losscourse.losses.case import Case

CASES: list[Case] = [
    case
    for module in pkgutil.iter_modules(__path__)
    for case in importlib.import_module(f"{__name__}.{module.name}").CASES
]
