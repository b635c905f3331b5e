"""Losses of overlap: how much of one region does another cover?"""

__all__: list[str] = []
