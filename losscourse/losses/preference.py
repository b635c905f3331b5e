"""Losses from preferences: which of two answers is better, or how good is one in its group?"""

__all__: list[str] = []
