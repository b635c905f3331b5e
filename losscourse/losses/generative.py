"""Losses of models that generate: reconstruct, fool a critic, match features, remove noise."""

__all__: list[str] = []
