"""workspace/executeCommand `qlsp.verify`: build and convert a model, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from qlsp.diagnostic import Diagnostic, Severity
from qlsp.lower import Outcome
from qlsp.server.buffer import Finding, Hint, Mark, Measured
from qlsp.server.features.diagnostics import MEASURED
from qlsp.server.progress import Progress
from qlsp.source.document import Document, SourceError
from qlsp.source.span import Span

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

COMMAND = "qlsp.verify"

_PATIENCE = 10
"""Seconds that a process which was told to end has for tidying up."""


async def verify(ls: QlspServer, arguments: Sequence[object]) -> dict[str, Any] | None:
    """Run `qlsp verify` on a builder of an open document; its report as data, if there is one.

    The arguments are the document's URI and the builder's name. What is found stands in the
    document until the text changes.
    """
    match arguments:
        case [str(uri), str(builder)]:
            pass
        case _:
            raise JsonRpcInvalidParams(f"{COMMAND} takes a document's URI and a builder's name")
    if not ls.session.trusted:
        ls.warn("the workspace is not trusted: its code is not run")
        return None
    buffer = ls.session.buffers.get(uri)
    if buffer is None or not builder.isidentifier():
        ls.warn(f"{builder} is in no open document")
        return None
    document = buffer.document
    if not _is_saved(document):
        ls.warn(f"save {Path(document.path).name} first: what is verified is the file on disk")
        return None
    interpreter = ls.session.options_for(document.path).interpreter
    async with ls.verifying, Progress(ls, f"Verifying {builder}") as progress:
        run = asyncio.ensure_future(_run(ls, progress, document, builder, interpreter))
        progress.on_cancel(run.cancel)
        try:
            report = await run
        except asyncio.CancelledError:
            if not progress.cancelled:
                raise
            return None
    if report is not None:
        if buffer.document is document:
            buffer.measured[builder] = Measured(
                tuple(_findings(report, document)), tuple(_hints(report, document))
            )
            ls.announce(buffer)
        _tell(ls, builder, report)
    return report


async def _run(
    ls: QlspServer, progress: Progress, document: Document, builder: str, interpreter: str | None
) -> dict[str, Any] | None:
    arguments = [f"{document.path}::{builder}", "--format", "json"]
    if interpreter is not None:
        arguments += ["--python", interpreter]
    process = await asyncio.create_subprocess_exec(
        # `-P`: what is in the current folder is not qlsp's.
        *(sys.executable, "-P", "-m", "qlsp", "verify", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(document.path).parent,
    )
    assert process.stdout
    assert process.stderr
    reading = asyncio.create_task(process.stdout.read())
    last = ""
    try:
        async for line in process.stderr:
            last = line.decode(errors="replace").strip() or last
            progress.report(last)
        output = await reading
        if await process.wait() not in (0, 1):
            reason = last.removeprefix("qlsp: error: ")
            ls.warn(
                reason or f"verification of {builder} ended with exit code {process.returncode}"
            )
            return None
        report: dict[str, Any] = json.loads(output)
        return report
    finally:
        reading.cancel()
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _PATIENCE)
            except TimeoutError:
                process.kill()


def _is_saved(document: Document) -> bool:
    try:
        return Document.read(document.path).text == document.text
    except (OSError, SourceError):
        return False


def _findings(report: dict[str, Any], document: Document) -> Iterator[Finding]:
    """What the report finds at lines of `document`, a finding for each line."""
    builder, lines = report["target"]["builder"], _lines(report, document)
    for workflow in report["workflows"]:
        for finding in workflow["findings"]:
            raises = Outcome(finding["outcome"]) is Outcome.RAISES
            severity = Severity.ERROR if raises else Severity.WARNING
            message = f"{builder}, {workflow['workflow']}: {finding['message']}"
            for line in sorted({lines[each] for each in finding["layers"] if each in lines}):
                span = _line(document, line)
                found = Diagnostic(MEASURED, MEASURED, message, severity, document.path, span)
                yield Finding.of(found, document)


def _hints(report: dict[str, Any], document: Document) -> Iterator[Hint]:
    """For each line of `document` that makes layers, the ops that they are in."""
    builder, lines = report["target"]["builder"], _lines(report, document)
    ops: dict[int, dict[str, Counter[str]]] = {}
    for workflow in report["workflows"]:
        for op in workflow["ops"]:
            for line in {lines[layer] for layer in op["layers"] if layer in lines}:
                found = ops.setdefault(line, {}).setdefault(workflow["workflow"], Counter())
                found[op["op"]] += 1
    made_with = f"TensorFlow {report['toolchain']['tensorflow']}"
    for line, workflows in ops.items():
        rows = [f"**Measured** in `{builder}` with {made_with}", ""]
        rows += ["| workflow | operators |", "|---|---|"]
        for name, counts in workflows.items():
            texts = [f"`{op}`" + f" ({count} times)" * (count > 1) for op, count in counts.items()]
            rows.append(f"| {name} | {', '.join(texts)} |")
        mark = Mark(*document.offsets(_line(document, line)))
        yield Hint(mark, builder, "", "\n".join(rows))


def _lines(report: dict[str, Any], document: Document) -> dict[int, int]:
    """By index of the layer the line of `document` that made it, or led there."""
    return {
        layer["index"]: place["line"]
        for layer in report["model"]["layers"]
        for place in reversed(layer["source"])
        if os.path.realpath(place["file"]) == os.path.realpath(document.path)
    }


def _line(document: Document, line: int) -> Span:
    text = document.line(line)
    indent = len(text) - len(text.lstrip())
    return Span(line, indent, line, len(text.encode()))


def _tell(ls: QlspServer, builder: str, report: dict[str, Any]) -> None:
    parts = [f"{each['workflow']}: {_summary(each)}" for each in report["workflows"]]
    kind = types.MessageType.Warning if report["worse"] else types.MessageType.Info
    message = f"{builder} with TensorFlow {report['toolchain']['tensorflow']}: {'; '.join(parts)}"
    ls.window_show_message(types.ShowMessageParams(kind, message))


def _summary(workflow: dict[str, Any]) -> str:
    if workflow["error"]:
        return f"raises {workflow['error']['type']}"
    found = len(workflow["findings"])
    worse = f", {found} finding{'s' * (found != 1)}" if found else ""
    return f"{workflow['integer_ops']} of {workflow['computing_ops']} ops in int8{worse}"
