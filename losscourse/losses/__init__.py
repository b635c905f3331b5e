"""Losses by family. Each is a pure function that returns the loss per example."""
