"""Clients that send nonsense: every request is answered, and the server lives on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import COMMAND, TIMEOUT, Client, ResponseError, replaced, uri, whole

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002


def lives(client: Client) -> bool:
    """Whether the server still analyses and ends in order."""
    name = client.open(client.root / "alive.py", "x = (\n")
    return bool(client.published(name)) and client.shut_down() == 0


NO_REQUESTS = [
    (b"{", PARSE_ERROR),
    (b"", PARSE_ERROR),
    (b"\xff\xfe\x00", PARSE_ERROR),
    (b"[" * 100_000, PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":%s,"method":"shutdown"}' % (b"9" * 5000), PARSE_ERROR),
    (b"null", INVALID_REQUEST),
    (b"[]", INVALID_REQUEST),
    (b'"hello"', INVALID_REQUEST),
    (b'{"id": 1, "method": "shutdown"}', INVALID_REQUEST),
    (b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": [], "method": "shutdown"}', INVALID_REQUEST),
]

BAD_REQUESTS: list[tuple[Any, Any, int]] = [
    ("textDocument/hover", None, INVALID_PARAMS),
    ("textDocument/hover", 7, INVALID_PARAMS),
    ("textDocument/hover", [], INVALID_PARAMS),
    ("textDocument/hover", {"textDocument": {}}, INVALID_PARAMS),
    (
        "textDocument/hover",
        {"textDocument": {"uri": "file:///x.py"}, "position": {"line": -1, "character": 0}},
        INVALID_PARAMS,
    ),
    ("workspace/executeCommand", {"command": "rm -rf"}, INVALID_PARAMS),
    ("initialize", {"capabilities": {}, "processId": None, "rootUri": None}, INVALID_REQUEST),
    ("textDocument/completion", {}, METHOD_NOT_FOUND),
    ("no/such/method", None, METHOD_NOT_FOUND),
    ("no/such/method", {"jsonrpc": "2.0", "id": 1, "type_name": "x"}, METHOD_NOT_FOUND),
    ("$/noSuchMethod", {}, METHOD_NOT_FOUND),
    (7, {}, INVALID_REQUEST),
]

STRANGE_NAMES = ["", "untitled:Untitled-1", "file:", "http://host/x.py", "%00", "/"]


def test_what_is_no_request_is_refused(client: Client) -> None:
    client.initialize()
    for body, code in NO_REQUESTS:
        client.send_body(body)
        with pytest.raises(ResponseError) as refused:
            client.answer(None)
        assert refused.value.code == code, body
    assert lives(client)


def test_bad_requests_are_refused(client: Client) -> None:
    client.initialize()
    for method, params, code in BAD_REQUESTS:
        with pytest.raises(ResponseError) as refused:
            client.request(method, params)
        assert refused.value.code == code, (method, params)
    assert lives(client)


def test_bad_notifications_are_ignored(client: Client) -> None:
    client.initialize()
    for method in ("no/such/method", "$/setTrace", "textDocument/didOpen", "$/cancelRequest", 3):
        for params in (None, 1, [], {}, {"id": "nothing"}, {"value": "loud"}):
            client.send({"jsonrpc": "2.0", "method": method, "params": params})
    client.send({"jsonrpc": "2.0", "id": 99, "result": "an answer to no question"})
    client.send({"jsonrpc": "2.0", "id": 99, "error": {"code": 1, "message": "what?"}})
    client.send({"jsonrpc": "2.0", "id": {}, "result": None})
    client.send({"jsonrpc": "2.0"})
    assert lives(client)


def test_documents_never_opened(client: Client) -> None:
    client.initialize()
    ghost = {"uri": uri(client.root / "ghost.py"), "version": 2}
    client.change(ghost["uri"], 2, whole("x = (\n"))
    client.notify("textDocument/didSave", {"textDocument": ghost})
    client.notify("textDocument/didClose", {"textDocument": ghost})
    position = {"line": 3, "character": 3}
    place = {"textDocument": ghost, "range": {"start": position, "end": position}}
    assert client.request("textDocument/hover", {**place, "position": position}) is None
    assert (
        client.request("textDocument/codeAction", {**place, "context": {"diagnostics": []}}) == []
    )
    assert client.pull(ghost["uri"]) == {"kind": "full", "items": []}
    assert lives(client)
    assert not any("ghost" in json.dumps(message) for message in client.received)


def test_strange_names(client: Client) -> None:
    client.initialize()
    for name in STRANGE_NAMES:
        client.open(name, "x = (\n")
        assert client.published(name), name
        client.change(name, 2, whole("x = 1\n"))
        assert client.published(name, 2) == []
    assert lives(client)


def test_ranges_out_of_bounds(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "m.py", "x = 1\n")
    client.change(name, 2, replaced((500, 0), (2**31 - 1, 5), "y = (\n"))
    assert client.published(name, 2)[0]["range"]["start"]["line"] == 1
    client.change(
        name, 3, replaced((1, 2**31 - 1), (0, 2**31 - 1), ""), replaced((0, 5), (9, 9), "")
    )
    assert client.published(name, 3) == []
    assert lives(client)


def test_a_document_opened_twice_is_the_second_one(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "m.py", "x = (\n", 1)
    client.open(client.root / "m.py", "x = 1\n", 2)
    assert client.published(name, 2) == []
    assert lives(client)


def test_a_huge_document(client: Client) -> None:
    client.initialize()
    name = client.open(
        client.root / "m.py", "x = 'some text of no interest'\n" * 500_000 + "y = (\n"
    )
    assert len(client.published(name)) == 1
    assert lives(client)


def test_garbage_between_messages(client: Client) -> None:
    client.initialize()
    for garbage in (
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"Content-Length: nine\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 999999999999\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"x" * 100_000 + b"\n",
    ):
        client.send_bytes(garbage)
    assert lives(client)


def test_headers_in_other_spellings(client: Client) -> None:
    client.initialize()
    for headers in (
        b"content-length: %d\r\n\r\n",
        b"Content-Length:%d\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
    ):
        body = b'{"jsonrpc": "2.0", "id": "s", "method": "no/such"}'
        client.send_bytes(headers % len(body) + body)
        with pytest.raises(ResponseError):
            client.answer("s")
    assert lives(client)


def test_requests_before_initialize_and_after_shutdown(client: Client) -> None:
    with pytest.raises(ResponseError) as early:
        client.request("textDocument/diagnostic", {"textDocument": {"uri": "file:///x.py"}})
    assert early.value.code == NOT_INITIALIZED
    client.open(client.root / "early.py", "x = (\n")
    with pytest.raises(ResponseError) as broken:
        client.request("initialize", {"capabilities": 3})
    assert broken.value.code == INVALID_PARAMS
    client.initialize()
    client.request("shutdown")
    with pytest.raises(ResponseError) as late:
        client.request("textDocument/diagnostic", {"textDocument": {"uri": "file:///x.py"}})
    assert late.value.code == INVALID_REQUEST
    client.notify("exit")
    assert client.process.wait(TIMEOUT) == 0


@pytest.mark.parametrize("initialized", [True, False])
def test_exit_without_shutdown_is_a_failure(client: Client, initialized: bool) -> None:
    if initialized:
        client.initialize()
    client.notify("exit")
    assert client.process.wait(TIMEOUT) == 1


@pytest.mark.parametrize("sent", [b"", b"Content-Length: 500\r\n\r\n{", b"Content-Len"])
def test_a_lost_client_ends_the_server(client: Client, sent: bytes) -> None:
    client.initialize()
    client.open(client.root / "m.py", "x = 1\n" * 100_000)
    client.send_bytes(sent)
    assert client.process.stdin
    client.process.stdin.close()
    assert client.process.wait(TIMEOUT) == 1


def test_a_client_that_stops_listening_ends_the_server(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=write_end, cwd=tmp_path)
    os.close(read_end)
    os.close(write_end)
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}'
    assert process.stdin
    process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    process.stdin.flush()
    assert process.wait(TIMEOUT) == 1


@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="interrupts are ignored here, and so by every process that is started",
)
def test_an_interrupt_ends_the_server(client: Client) -> None:
    client.initialize()
    client.process.send_signal(signal.SIGINT)
    assert client.process.wait(TIMEOUT) == 1
