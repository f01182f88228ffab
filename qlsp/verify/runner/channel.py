"""The line between qlsp and the runner: JSON lines, out of reach of the user's prints."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import threading
from queue import Queue
from typing import Any, Dict, Iterator

Message = Dict[str, Any]


class Channel:
    """Takes over standard input and output, and gives user code others.

    Commands come on what was standard input and answers leave on what was standard output.
    User code reads from an empty input, and its prints join standard error. When qlsp ends,
    the commands end, and with them this process group and its `folder`; where there is `fork`, a
    process apart sees to that, since C code may keep every thread of this one waiting.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._commands = os.fdopen(os.dup(0), "rb")
        self._answers = os.fdopen(os.dup(1), "wb")
        self._watch()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._queue: Queue[Message] = Queue()
        self._process = os.getpid()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._commands:
            self._queue.put(json.loads(line))
        self._end()

    def _watch(self) -> None:
        """Start the process that waits for the end of the commands; it is no child of this one."""
        if not hasattr(os, "fork") or not hasattr(select, "poll"):
            return
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
        try:
            if os.fork() == 0:
                commands = self._commands.fileno()
                os.closerange(0, commands)
                os.closerange(commands + 1, 256)
                poll = select.poll()
                poll.register(commands, 0)  # says nothing before the other end is closed
                poll.poll()
                self._end()
        finally:
            os._exit(0)

    def _end(self) -> None:
        """Leave nothing of this process group and its folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    def commands(self) -> Iterator[Message]:
        """The commands, as they come; never ends by itself."""
        while True:
            yield self._queue.get()

    def send(self, message: Message) -> None:
        """Answer, unless this is a forked copy of the runner, which has no say."""
        if os.getpid() != self._process:
            os._exit(0)
        self._answers.write(json.dumps(message).encode() + b"\n")
        self._answers.flush()
