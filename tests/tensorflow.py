"""Which interpreter the slow tests use for TensorFlow."""

from __future__ import annotations

import importlib.util
import os
import sys


def tensorflow_python() -> str:
    """`$QLSP_TENSORFLOW_PYTHON`, else the interpreter that runs the tests."""
    chosen = os.environ.get("QLSP_TENSORFLOW_PYTHON")
    if chosen:
        return chosen
    if importlib.util.find_spec("tensorflow") is None:
        raise RuntimeError("no TensorFlow here: set QLSP_TENSORFLOW_PYTHON to an interpreter")
    return sys.executable
