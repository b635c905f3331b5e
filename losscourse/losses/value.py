"""Losses of values in reinforcement learning: how much return follows from here?"""

__all__: list[str] = []
