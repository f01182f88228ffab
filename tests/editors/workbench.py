"""A real VS Code workbench, with the packaged extension, for a browser to open."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".build" / "editors"
SERVER = BUILD / "node_modules" / "code-server" / "lib" / "vscode" / "out" / "server-main.js"
EXTENSION = BUILD / "qlsp.vsix"

_START = 60
"""Seconds until the workbench must answer."""


class Workbench:
    """VS Code's server in a home of its own; use as a context manager.

    `settings` are the machine's. The `qlsp` of this Python is first on `PATH`, or there is none.
    """

    def __init__(
        self, settings: dict[str, Any] | None = None, trust: bool = True, qlsp: bool = True
    ) -> None:
        for needed in (SERVER, EXTENSION):
            if not needed.exists():
                raise FileNotFoundError(f"{needed} is missing: run tests/editors/setup.sh")
        # Short, for the server's sockets live in it.
        self.home = Path(tempfile.mkdtemp(prefix="qlsp-", dir="/tmp"))
        machine = self.home / "user" / "Machine"
        machine.mkdir(parents=True)
        values = {"files.autoSave": "off", **(settings or {})}
        (machine / "settings.json").write_text(json.dumps(values))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._trust = trust
        self._qlsp = qlsp
        self.log = self.home / "server.log"

    def __enter__(self) -> Self:
        self._run("--install-extension", str(EXTENSION), "--force")
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--without-connection-token"]
        arguments += ["--enable-smoke-test-driver"]
        if self._trust:
            arguments += ["--disable-workspace-trust"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(*arguments),
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"VS Code does not start:\n{self.log.read_text()}")
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of everything that runs in the workbench."""
        folders = [str(Path(sys.executable).parent)] if self._qlsp else []
        folders += (
            folder
            for folder in os.environ["PATH"].split(os.pathsep)
            if not (Path(folder) / "qlsp").exists()
        )
        return {
            "PATH": os.pathsep.join(folders),
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home),
            "LANG": "C.UTF-8",
            # Else it takes the environment of a login shell.
            "VSCODE_CLI": "1",
        }

    def url(self, folder: Path, *payload: tuple[str, str]) -> str:
        """The page of a folder; `payload` entries whose value is a path are made remote URIs."""
        remote = f"vscode-remote://127.0.0.1:{self.port}"
        entries = [
            [key, remote + value if value.startswith("/") else value] for key, value in payload
        ]
        query = f"folder={quote(str(folder))}&payload={quote(json.dumps(entries))}"
        return f"http://127.0.0.1:{self.port}/?{query}"

    def drive(self, script: str, *arguments: str, timeout: float = 150) -> dict[str, Any]:
        """Run a node script of this folder; the JSON object on its last line.

        Raises `AssertionError` with all it said if it fails.
        """
        done = subprocess.run(
            ["node", str(ROOT / "tests" / "editors" / "vscode" / script), *arguments],
            env={**self.environment, "NODE_PATH": str(BUILD / "node_modules")},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{output}\n--- VS Code:\n{self.log.read_text()[-3000:]}"
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    def _command(self, *arguments: str) -> list[str]:
        home = str(self.home)
        return [
            *("node", str(SERVER)),
            *("--user-data-dir", f"{home}/user", "--extensions-dir", f"{home}/extensions"),
            *("--server-data-dir", f"{home}/server", "--accept-server-license-terms"),
            *("--telemetry-level", "off", *arguments),
        ]

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            self._command(*arguments), env=self.environment, check=True, capture_output=True
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/version", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False
