"""Losses of sequences: tokens one after another, aligned or not."""

__all__: list[str] = []
