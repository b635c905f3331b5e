"""What a call takes: processor time, memory at its peak, floating-point operations.

The meters run in the process of what they measure, which can deceive them: see `checks.measure`.
"""

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

__all__ = ["flops", "memory", "seconds"]


def seconds(call: Callable[[], Any]) -> float:
    """Return the processor time that a call takes; where CUDA is in use, the time until it is done.

    Args:
        call: What is measured.
    """
    cuda = _cuda()
    if cuda is None:
        start = time.process_time()
        call()
        return time.process_time() - start
    cuda.synchronize()
    start = time.perf_counter()
    call()
    cuda.synchronize()
    return time.perf_counter() - start


def memory(call: Callable[[], Any]) -> int:
    """Return the bytes that a call holds at its peak, beyond what was there before.

    They are Python's, NumPy's and torch's; where CUDA is in use, those of the device alone.

    Args:
        call: What is measured.
    """
    if "torch" not in sys.modules:
        return _peak_of_python(call)
    cuda = _cuda()
    if cuda is not None:
        cuda.synchronize()
        cuda.reset_peak_memory_stats()
        before = cuda.memory_allocated()
        call()
        cuda.synchronize()
        return cuda.max_memory_allocated() - before
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler writes to stderr
    from torch.autograd.profiler import profile

    with profile(use_device=None, profile_memory=True) as profiled:
        peak = _peak_of_python(call)
    return peak + _peak_of_torch(profiled)


def flops(call: Callable[[], Any]) -> int:
    """Return the floating-point operations of a call, of those that torch counts.

    These are matrix products, convolutions and attention, forward and backward.

    Args:
        call: What is measured.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def _cuda() -> Any:
    """Return torch's CUDA, where this process uses it."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None


def _peak_of_python(call: Callable[[], Any]) -> int:
    """Return the bytes that Python and NumPy hold at most while a call runs."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _peak_of_torch(profiled: Any) -> int:
    """Return the bytes that torch held at most, from each time that it took or gave back some."""
    steps = [event for event in profiled.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for step in sorted(steps, key=lambda event: event.start_ns()):
        held += step.nbytes()
        most = max(most, held)
    return most
