"""Diagnostics: pulled by clients that can, published to all others."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from lsprotocol import types

from qlsp.diagnostic import SYNTAX_ERROR, Related, Severity
from qlsp.server import pages
from qlsp.server.buffer import Buffer, Finding, Mark

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

OPTIONS = types.DiagnosticOptions(
    inter_file_dependencies=True, workspace_diagnostics=False, identifier="qlsp"
)

_SEVERITY = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFORMATION: types.DiagnosticSeverity.Information,
}

MEASURED = "measured"
"""The code of what verification found in the converted model."""

_UNNECESSARY = {"unused-suppression", "fused-batchnorm"}
"""Rules whose findings are text that could as well be deleted; editors show it faded."""


def publish(ls: QlspServer, buffer: Buffer) -> None:
    """Send what was found in the text of `buffer`, unless the client asks for it itself."""
    if not ls.session.pulls:
        _send(ls, buffer, diagnostics(ls, buffer))


def clear(ls: QlspServer, buffer: Buffer) -> None:
    """Take the diagnostics of a closed document away."""
    if not ls.session.pulls:
        _send(ls, buffer, [])


def _send(ls: QlspServer, buffer: Buffer, found: list[types.Diagnostic]) -> None:
    ls.text_document_publish_diagnostics(
        types.PublishDiagnosticsParams(buffer.uri, found, buffer.version)
    )


async def diagnostic(
    ls: QlspServer, params: types.DocumentDiagnosticParams
) -> types.DocumentDiagnosticReport:
    """Answer with what is found in the newest text, once that is known."""
    buffer = ls.session.buffers.get(params.text_document.uri)
    if buffer is None:
        return types.RelatedFullDocumentDiagnosticReport(items=[])
    await ls.analyses.finished(buffer)
    result_id = f"{ls.session.generation}:{buffer.version}"
    if params.previous_result_id == result_id:
        return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id)
    return types.RelatedFullDocumentDiagnosticReport(
        items=diagnostics(ls, buffer), result_id=result_id
    )


def diagnostics(ls: QlspServer, buffer: Buffer) -> list[types.Diagnostic]:
    """What is known of `buffer`, as the client counts positions."""
    measured = chain.from_iterable(each.findings for each in buffer.measured.values())
    found = [finding_diagnostic(ls, buffer, each) for each in chain(buffer.findings, measured)]
    error = buffer.syntax_error
    if error is not None and ls.session.options_for(buffer.document.path).show_syntax_errors:
        found.append(finding_diagnostic(ls, buffer, Finding.of(error, buffer.document)))
    return found


def finding_diagnostic(ls: QlspServer, buffer: Buffer, finding: Finding) -> types.Diagnostic:
    """One finding, as the client counts positions."""
    found = finding.diagnostic
    return types.Diagnostic(
        range=_range(ls, buffer, finding.mark),
        message=found.message,
        severity=_SEVERITY[found.severity],
        code=found.code,
        code_description=_description(found.code),
        tags=[types.DiagnosticTag.Unnecessary] if found.name in _UNNECESSARY else None,
        source="qlsp",
        related_information=[
            _related(ls, buffer, related, mark) for related, mark in finding.related
        ]
        or None,
    )


def _description(code: str) -> types.CodeDescription | None:
    return None if code in (SYNTAX_ERROR, MEASURED) else types.CodeDescription(pages.uri(code))


def _range(ls: QlspServer, buffer: Buffer, mark: Mark) -> types.Range:
    return ls.session.codec.range(buffer.document, mark.start, mark.end)


def _related(
    ls: QlspServer, buffer: Buffer, related: Related, mark: Mark | None
) -> types.DiagnosticRelatedInformation:
    if mark is not None:
        location = types.Location(buffer.uri, _range(ls, buffer, mark))
    else:
        path, span = related.site.path, related.site.span
        document = ls.session.document(path)
        start = types.Position(span.line - 1, 0)
        location = types.Location(
            ls.session.uri(path),
            types.Range(start, start)
            if document is None or span.end_line > len(document.line_starts)
            else ls.session.codec.span(document, span),
        )
    return types.DiagnosticRelatedInformation(location, related.message)
