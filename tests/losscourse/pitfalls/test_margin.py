import numpy as np
import pytest

from losscourse.losses.margin import crammer_singer


@pytest.mark.parametrize(("logits", "expected"), [([-3.0, -5.0], 0.0), ([-3.0, -3.5], 0.5)])
def test_the_best_rival_may_have_a_negative_logit(logits, expected):
    """keras-team/keras#8083: the rivals were multiplied by 0s and 1s, so that one had 0."""
    label = np.asarray(0)
    assert crammer_singer(np.asarray(logits), label).item() == expected
    # The loss depends on differences alone.
    assert crammer_singer(np.asarray(logits) + 8, label).item() == expected
    targets = np.asarray([1.0, 0.0])
    naive = max(0, ((1 - targets) * logits).max() - targets @ logits + 1)
    assert naive == 4
