"""Losses between probability distributions: how far is one from another, or from an outcome?"""

__all__: list[str] = []
