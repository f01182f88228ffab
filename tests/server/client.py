"""A language client for tests: a real server process at the other end of two pipes."""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

TIMEOUT = 20
"""Seconds until a test fails that waits for something that does not come."""

COMMAND = [sys.executable, "-m", "qlsp", "server", "--stdio"]

Json = dict[str, Any]

PUSH: Json = {
    "workspace": {"workspaceFolders": True, "configuration": False},
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
        },
    },
}
"""An older client: diagnostics are pushed, code actions come complete."""

PULL: Json = {
    "workspace": {"workspaceFolders": True, "diagnostics": {"refreshSupport": True}},
    "textDocument": {
        "diagnostic": {"dynamicRegistration": False},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
            "resolveSupport": {"properties": ["edit"]},
            "dataSupport": True,
            "isPreferredSupport": True,
        },
    },
}
"""A newer client: it pulls diagnostics and resolves code actions."""


class ResponseError(Exception):
    """The server's answer was an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["message"])
        self.code: int = error["code"]


class Client:
    """Talks to a language server; use as a context manager, which ends it in order."""

    def __init__(self, root: Path, command: Sequence[str] = COMMAND) -> None:
        self.root = root
        # No environment but the project's own tells the toolchain.
        hidden = ("VIRTUAL_ENV", "CONDA_PREFIX")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env={**environment, "XDG_CACHE_HOME": str(root / "cache")},
        )
        self.received: list[Json] = []
        """Every notification and request that came and was not waited for yet."""
        self.answers: dict[str, Callable[[Any], Any]] = {
            "client/registerCapability": lambda _: None,
            "workspace/diagnostic/refresh": lambda _: None,
        }
        """What to answer to the server's requests, by method."""
        self._inbox: queue.Queue[Json | None] = queue.Queue()
        self._identifiers = itertools.count(1)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT)

    def initialize(
        self,
        capabilities: Json = PUSH,
        folders: list[Path] | None = None,
        options: object = None,
        **more: Any,
    ) -> Json:
        """Shake hands; the server's capabilities."""
        folders = [self.root] if folders is None else folders
        result = self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "capabilities": capabilities,
                "workspaceFolders": [{"uri": uri(each), "name": each.name} for each in folders],
                "initializationOptions": options,
                **more,
            },
        )
        self.notify("initialized", {})
        capabilities: Json = result["capabilities"]
        return capabilities

    def shut_down(self) -> int:
        """End the server in order; its exit code."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(TIMEOUT)

    def open(self, path: Path | str, text: str, version: int = 1) -> str:
        """Open a document; its URI."""
        name = uri(path) if isinstance(path, Path) else path
        item = {"uri": name, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return name

    def change(self, name: str, version: int, *changes: Json) -> None:
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": name, "version": version},
                "contentChanges": list(changes),
            },
        )

    def published(self, name: str, version: int | None = None) -> list[Json]:
        """The next diagnostics pushed for a document (of `version`, if given)."""

        def fits(message: Json) -> bool:
            params = message.get("params", {})
            return (
                message.get("method") == "textDocument/publishDiagnostics"
                and params["uri"] == name
                and (version is None or params.get("version") == version)
            )

        found: list[Json] = self.wait(fits)["params"]["diagnostics"]
        return found

    def pull(self, name: str, previous: str | None = None) -> Json:
        params: Json = {"textDocument": {"uri": name}}
        if previous is not None:
            params["previousResultId"] = previous
        report: Json = self.request("textDocument/diagnostic", params)
        return report

    def request(self, method: str, params: object = None) -> Any:
        """The result of a request. Raises `ResponseError`."""
        return self.answer(self.send_request(method, params))

    def send_request(self, method: str, params: object = None) -> int:
        identifier = next(self._identifiers)
        message: Json = {"jsonrpc": "2.0", "id": identifier, "method": method}
        self.send(message if params is None else {**message, "params": params})
        return identifier

    def answer(self, identifier: int | None, timeout: float = TIMEOUT) -> Any:
        """Wait for the response to a request. Raises `ResponseError`."""
        response = self.wait(
            lambda message: "method" not in message and message["id"] == identifier, timeout
        )
        if "error" in response:
            raise ResponseError(response["error"])
        return response["result"]

    def notify(self, method: str, params: object = None) -> None:
        message: Json = {"jsonrpc": "2.0", "method": method}
        self.send(message if params is None else {**message, "params": params})

    def send(self, message: object) -> None:
        self.send_body(json.dumps(message).encode())

    def send_body(self, body: bytes) -> None:
        self.send_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def wait(self, fits: Callable[[Json], bool], timeout: float = TIMEOUT) -> Json:
        """The first message that fits, of those received and those still to come.

        `timeout` is how many seconds to wait for each. Raises `queue.Empty`.
        """
        for message in self.received:
            if fits(message):
                self.received.remove(message)
                return message
        while True:
            next_one = self._inbox.get(timeout=timeout)
            if next_one is None:
                raise EOFError("the server ended its output")
            if "id" in next_one and next_one.get("method") in self.answers:
                self._respond(next_one)
            if fits(next_one):
                return next_one
            self.received.append(next_one)

    def _respond(self, message: Json) -> None:
        result = self.answers[message["method"]](message.get("params"))
        self.send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as stream:
            while header := stream.readline():
                length = int(header.removeprefix(b"Content-Length: "))
                while stream.readline().strip():
                    pass
                self._inbox.put(json.loads(stream.read(length)))
        self._inbox.put(None)


def uri(path: Path) -> str:
    """A file's URI."""
    return path.absolute().as_uri()


def whole(text: str) -> Json:
    """A change that replaces all."""
    return {"text": text}


def replaced(start: tuple[int, int], end: tuple[int, int], text: str) -> Json:
    """A change of the text between two positions."""
    return {"range": _range(start, end), "text": text}


def _range(start: tuple[int, int], end: tuple[int, int]) -> Json:
    return {
        "start": {"line": start[0], "character": start[1]},
        "end": {"line": end[0], "character": end[1]},
    }
