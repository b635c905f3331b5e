"""Losses of policies in reinforcement learning: which actions should become likelier?"""

__all__: list[str] = []
