"""Timings and sizes, as ratios against named peers; the results are committed beside them."""
