"""What is installed in an interpreter, found without importing any of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from qlsp.discovery.interpreter import Interpreter

_PROBE: Final = """
import json, os, sys
names = set()
for folder in sys.path:
    if folder and os.path.isdir(folder):
        names.update(n for n in os.listdir(folder) if n.endswith((".dist-info", ".egg-info")))
print(json.dumps([sys.version, sorted(names)]))
"""
_SECONDS: Final = 60.0
_PACKAGE: Final = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+?)(-py[^-]*)?\.(dist|egg)-info")
_VARIABLES: Final = re.compile(r"(TF|KERAS|XLA)_")
_SILENT: Final = {"TF_CPP_MIN_LOG_LEVEL"}
_TENSORFLOW: Final = ("tensorflow", "tensorflow_cpu", "intel_tensorflow", "tf_nightly")


@dataclass(frozen=True, slots=True)
class Installed:
    """An interpreter's version, its packages, and the variables that change what they do."""

    python: str
    packages: tuple[str, ...]
    """Names of `.dist-info` and `.egg-info` folders."""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def tensorflow(self) -> str | None:
        """Its version, where it is installed."""
        found = (_PACKAGE.fullmatch(each) for each in self.packages)
        versions = {each["name"].lower(): each["version"] for each in found if each}
        return next((versions[name] for name in _TENSORFLOW if name in versions), None)

    @property
    def digest(self) -> str:
        """Differs where anything does."""
        text = json.dumps([self.python, self.packages, self.variables])
        return blake2b(text.encode(), digest_size=16).hexdigest()


def installed(interpreter: Interpreter) -> Installed | None:
    """Ask an interpreter what is installed; None if it gives no answer."""
    environment = {**os.environ, **dict(interpreter.environment)}
    environment.pop("PYTHONHOME", None)
    try:
        done = subprocess.run(
            [interpreter.path, "-c", _PROBE],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        python, packages = json.loads(done.stdout)
        variables = sorted(
            (name, value)
            for name, value in environment.items()
            if _VARIABLES.match(name) and name not in _SILENT
        )
        return Installed(str(python), tuple(map(str, packages)), tuple(variables))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None
