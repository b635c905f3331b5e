"""Every loss works on the device of its arguments. Shown without a GPU: on torch's `meta`.

An array there has a shape and no values, so a constant made on the CPU does not fit it. The checks
of values are off, since there are none.
"""

from unittest import mock

import numpy as np
import pytest
import torch

from losscourse import arrays
from tests.losscourse.losses.cases import CASES


def on_meta(function, inputs, **setting):
    """Return the devices of a function's results, for inputs on `meta`."""
    tensors = [torch.as_tensor(array).to("meta") for array in inputs]
    with mock.patch.object(arrays, "_is_known", return_value=False):
        out = function(*tensors, **setting)
    return {part.device.type for part in (out if isinstance(out, tuple) else (out,))}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_loss_stays_on_its_device(case):
    for setting in case.settings:
        for function in case.functions:
            inputs = case.draw(np.random.default_rng(0), 4, 1.0)
            assert on_meta(function, inputs, **setting) == {"meta"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x + torch.arange(4.0),
        lambda x: torch.where(x > 0, x, torch.zeros(4)),
        lambda x: x[torch.arange(4)] + torch.ones(4),
        lambda x: torch.ones(x.shape),
        lambda x: x * float(x.sum()),
    ],
)
def test_what_leaves_the_device_is_found(wrong):
    try:
        devices = on_meta(wrong, [np.ones(4)])
    except (RuntimeError, NotImplementedError):
        return
    assert devices != {"meta"}
