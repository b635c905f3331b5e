"""Losses of boxes: does the predicted box hold the object, and which object is it?"""

__all__: list[str] = []
