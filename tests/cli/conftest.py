from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from qlsp.cli import main


@dataclass
class Result:
    code: int
    out: str
    err: str


Qlsp = Callable[..., Result]


@pytest.fixture
def qlsp(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Qlsp:
    """The `qlsp` command, in this process."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["qlsp", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            main()
        except SystemExit as exit_:
            assert isinstance(exit_.code, int | None)
            code = exit_.code or 0
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Result(code, out.decode(), err.decode())

    return run
