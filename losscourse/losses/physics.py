"""Losses of a physical law: how far is a function from solving its equation?"""

__all__: list[str] = []
