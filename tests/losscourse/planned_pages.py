"""The pages that entries of the catalogue name and that are not written yet, under `book/`.

A page that is written leaves this list: a test holds that.
"""

PLANNED = (
    "similarity/arcface",
    "sequences/distillation",
    "reinforcement/distributional",
    "composing/adaptive",
    "frontier/learned",
)
