"""Pitfalls that libraries' users reported, a file for each family of losses.

Each docstring names where one was seen, as repository#number; `test_pitfalls.py` beside this folder
holds the course's own table.
"""
