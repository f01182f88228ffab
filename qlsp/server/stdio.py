"""The language server over standard input and output."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

logger = logging.getLogger(__name__)

MAX_MESSAGE = 256 * 2**20
"""Longest message read, in bytes; a header that announces more is taken for garbage."""
_MAX_HEADER = 8192
_LENGTH = re.compile(rb"Content-Length:\s*(\d{1,12})\s*$", re.IGNORECASE)


class _Writer:
    def __init__(self, stream: BinaryIO, lost: Callable[[], None]) -> None:
        self._stream = stream
        self._lost = lost

    def write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError:
            self._lost()

    def close(self) -> None:
        pass


def serve(server: QlspServer) -> int:
    """Serve the client at the other end of the standard streams; the process's exit code.

    0 after `shutdown` and `exit`; 1 after `exit` alone or a lost client, as the protocol wants.
    Whatever else writes to standard output goes to standard error instead.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        return asyncio.run(_serve(server, output))
    except KeyboardInterrupt:
        return 1


async def _serve(server: QlspServer, output: BinaryIO) -> int:
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[bytes | None] = asyncio.Queue()

    def lost() -> None:
        if server.exit_code is None:
            logger.warning("the client is gone")
            server.exit_code = 1
            inbox.put_nowait(None)

    def read() -> None:
        # A stream of the thread's own: the one in `sys` can't be closed while it is read.
        with open(sys.stdin.fileno(), "rb", closefd=False) as stream:
            for body in messages(stream):
                loop.call_soon_threadsafe(inbox.put_nowait, body)
        loop.call_soon_threadsafe(lost)

    server.protocol.set_writer(_Writer(output, lost))
    threading.Thread(target=read, name="input", daemon=True).start()
    while server.exit_code is None:
        body = await inbox.get()
        if body is not None:
            server.protocol.receive(body)
            await asyncio.sleep(0)
    return server.exit_code


def messages(stream: BinaryIO) -> Iterator[bytes]:
    """The bodies of the messages in `stream`, until it ends; what is between them is skipped."""
    length: int | None = None
    while header := stream.readline(_MAX_HEADER):
        if match := _LENGTH.search(header):
            length = int(match[1])
            if length > MAX_MESSAGE:
                logger.warning("ignored a message of %d bytes", length)
                length = None
        elif not header.strip() and length is not None:
            body = stream.read(length)
            if len(body) < length:
                return
            yield body
            length = None
