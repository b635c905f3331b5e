"""Losses on distances and similarities: which examples belong together?"""

__all__: list[str] = []
