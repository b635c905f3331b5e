"""The cases of the segmentation losses."""

from tests.losscourse.losses.case import Case
from tests.losscourse.losses.helper import Helper

CASES: list[Case] = []
HELPERS: list[Helper] = []
