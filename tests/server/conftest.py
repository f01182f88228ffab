"""A server process for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import models
from tests.server.client import Client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A server that nothing was said to yet, started in a project without files."""
    models.project(tmp_path)
    with Client(tmp_path) as client:
        yield client
