"""Losses on the order of scores: which of the items comes first?"""

__all__: list[str] = []
