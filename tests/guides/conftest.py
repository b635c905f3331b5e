import socket
import tempfile
from pathlib import Path

import pytest

__all__ = ["folder", "free_port"]


@pytest.fixture
def folder():
    """An empty folder that goes when the test ends: an environment weighs 700 MB."""
    with tempfile.TemporaryDirectory(
        prefix="losscourse-guide-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
