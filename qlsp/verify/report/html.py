"""The report as one page that needs nothing else: to attach to a pull request, or to keep."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path

from qlsp import __version__
from qlsp.lower.lowering import Outcome
from qlsp.toml import shown
from qlsp.verify.comparison import Comparison
from qlsp.verify.findings import Finding
from qlsp.verify.measurement import Measurement
from qlsp.verify.report.comparison import aligned, function_line
from qlsp.verify.report.drawing import Box, common_rows, draw
from qlsp.verify.report.figures import latency_plot, noise_plot
from qlsp.verify.report.overview import overview
from qlsp.verify.report.quality import change_lines, decibels, placement_lines
from qlsp.verify.report.sources import Sources
from qlsp.verify.report.text import made_of, source_lines, summary, verdict
from qlsp.verify.verify import Report

_STYLES = {Outcome.EXTRA_OPS: "extra", Outcome.FLOAT_ISLAND: "bad", Outcome.RAISES: "bad"}
_BADGES = {Outcome.EXTRA_OPS: "extra op", Outcome.FLOAT_ISLAND: "float"}
_MOST_FINDINGS = 6
"""Findings that are shown at once."""


def html_page(result: Report | Comparison) -> str:
    """The whole page."""
    folder = files("qlsp.verify.report") / "page"
    style = "\n" + (folder / "style.css").read_text(encoding="utf-8")
    script = "\n" + (folder / "script.js").read_text(encoding="utf-8")
    page = _Page(result)
    title = escape(page.reports[-1].target.shown)
    # Whatever names and sources hold, only this script runs, and nothing is fetched.
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head>\n<body>\n"
        f"<main>\n<h1>{title}</h1>\n{chr(10).join(page.main())}\n</main>\n"
        f"{page.aside()}\n<script>{script}</script></body></html>\n"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


class _Page:
    """The parts of the page of one report, or of two that are compared."""

    def __init__(self, result: Report | Comparison) -> None:
        self._result = result
        self.reports = [result] if isinstance(result, Report) else [result.before, result.after]
        self._names = ("",) if len(self.reports) == 1 else ("before", "after")
        self._sources = Sources(self.reports, self._names)

    def main(self) -> Iterator[str]:
        """What is not source."""
        result, report = self._result, self.reports[-1]
        worse = report.worse or (isinstance(result, Comparison) and result.broken)
        mark = "✗" if worse else "✓"
        yield (
            f'<p class="verdict {"bad" if worse else "good"}"><span>{mark}</span> '
            f"{escape(verdict(report))}</p>"
        )
        if isinstance(result, Comparison):
            if result.against:
                yield f"<p>against <code>{escape(result.against)}</code></p>"
            style = "good" if result.same_function else "bad" if result.broken else "extra"
            yield f'<p class="{style}">{escape(function_line(result).plain)}</p>'
            yield from _fixes(result)
        yield overview(self.reports)
        if isinstance(result, Comparison):
            yield from (f"<p>{escape(line)}</p>" for line in change_lines(result))
        yield latency_plot(result)
        for index, measurement in enumerate(report.measurements):
            yield f"<h2>{measurement.workflow}</h2>"
            yield self._findings(index)
            yield self._graphs(index)
            yield noise_plot(self.reports, index)
        yield self._made_with()

    def aside(self) -> str:
        """The source, and what was picked; below it all on a narrow page."""
        parts = "".join(self._sources.html())
        if not parts:
            return ""
        return (
            '<aside id="source"><button id="close" aria-label="close">&times;</button>'
            '<div id="card" aria-live="polite">Pick an operator to see the lines that made it, '
            f"or a line to see its operators.</div><div id='files'>{parts}</div></aside>"
        )

    def _findings(self, index: int) -> str:
        parts = []
        for side, report in enumerate(self.reports):
            name = self._names[side]
            measurement, found = report.measurements[index], report.findings[index]
            label = f'<span class="tag">{escape(name)}</span> ' if name else ""
            text = escape(summary(measurement, found).plain.partition(": ")[2])
            items = list(_listed(found, report, measurement, side))
            more = "".join(items[_MOST_FINDINGS:])
            if more:
                count = len(items) - _MOST_FINDINGS
                more = f"<details><summary>{count} more</summary><ul>{more}</ul></details>"
            listed = "".join(items[:_MOST_FINDINGS])
            placed = "".join(
                f'<div class="soft">{escape(each.plain)}</div>'
                for each in placement_lines(report, index)
            )
            parts.append(
                f'<div class="side"><div>{label}{text}</div>'
                f"{f'<ul>{listed}</ul>{more}' if items else ''}{placed}</div>"
            )
        return f'<div class="sides">{"".join(parts)}</div>'

    def _graphs(self, index: int) -> str:
        """The graphs side by side, what stands for each other on one height."""
        flats = [
            (side, report.measurements[index].flat) for side, report in enumerate(self.reports)
        ]
        there = [(side, flat.main) for side, flat in flats if flat is not None]
        if not there:
            return ""
        if len(there) > 1:
            steps = list(aligned(*(report.measurements[index] for report in self.reports)))
        else:
            steps = [(operator, None) for operator in range(len(there[0][1].operators))]
        rows = common_rows([graph for _, graph in there], steps)
        drawn = []
        for number, (side, graph) in enumerate(there):
            others = {
                own: other
                for own, other in (step if number == 0 else step[::-1] for step in steps)
                if own is not None and other is not None
            }
            name = self._names[side]
            box = partial(self._box, index, side, others)
            label = f"operators {name} {self.reports[side].measurements[index].workflow}"
            drawing = draw(graph, box, rows[number], label)
            caption = f'<figcaption class="tag">{name}</figcaption>' if name else ""
            drawn.append(f"<figure>{caption}{drawing}</figure>")
        return f'<div class="graphs">{"".join(drawn)}</div>'

    def _box(self, index: int, side: int, others: Mapping[int, int], operator: int) -> Box:
        report = self.reports[side]
        measurement = report.measurements[index]
        mapped = measurement.operators[operator]
        op = mapped.operator.op
        layers = [report.model.layers[each] for each in mapped.layers]
        names = str(made_of(measurement, operator))
        found = [each for each in report.findings[index] if operator in each.operators]
        outcome = found[0].outcome if found else None
        where = source_lines(layers, report.target.file)
        hint = [
            str(op),
            names,
            f"line {where}" if where else "",
            _noise_of(report, index, operator),
        ]
        return Box(
            _key(side, measurement, operator),
            f"{op.name}+{op.activation}" if op.activation else op.name,
            _BADGES[outcome] if outcome in _BADGES else op.type.lower(),
            names or "not traced",
            _STYLES[outcome] if outcome else "",
            "\n".join([*filter(None, hint), *(each.message for each in found)]),
            self._sources.lines(side, layers),
            _key(1 - side, measurement, others[operator]) if operator in others else "",
        )

    def _made_with(self) -> str:
        """The exact toolchain, and the model."""
        report = self.reports[-1]
        model = report.model
        facts = {"model": f"{model.name}, {model.params:,} parameters" if model.params else ""}
        facts["inputs"] = ", ".join(
            f"{each.name} {'x'.join('?' if size is None else str(size) for size in each.shape)} "
            f"{each.dtype}"
            for each in model.inputs
        )
        if report.versions is not None and report.interpreter is not None:
            versions, interpreter = report.versions, report.interpreter
            facts["TensorFlow"] = versions.tensorflow
            facts["Keras"] = model.keras_package
            facts["tfmot"] = versions.tfmot or "none"
            facts["Python"] = f"{versions.python}, {interpreter.path} ({interpreter.origin})"
            if model.randomized:
                facts["weights"] = (
                    f"{model.randomized} at their initial constants got random values, as after "
                    "training"
                )
        facts["qlsp"] = __version__
        items = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
            for name, text in facts.items()
            if text
        )
        return f"<h2>Made with</h2><dl>{items}</dl>"


def _key(side: int, measurement: Measurement, operator: int) -> str:
    return f"op{side}-{measurement.workflow}-{operator}"


def _fixes(comparison: Comparison) -> Iterator[str]:
    if comparison.mended is None:
        return
    items = "".join(
        f"<li><code>{escape(shown(Path(each.path)))}:{each.span.line}</code> {each.code} "
        f"{escape(each.fix.title if each.fix else each.message)}</li>"
        for each in comparison.mended.applied
    )
    yield f"<h2>Fixes</h2><ul>{items}</ul>"


def _listed(
    found: Sequence[Finding], report: Report, measurement: Measurement, side: int
) -> Iterator[str]:
    """Findings as items of a list; what is the same at one line, as in a loop, is one item."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in found:
        sites = (report.model.layers[layer].site for layer in each.layers)
        place = next((site[0] for site in sites if site), None)
        where = f"{shown(Path(place.file))}:{place.line}" if place else ""
        groups.setdefault((where, each.message), []).append(each)
    for (where, message), same in groups.items():
        first = same[0]
        code = f"<code>{escape(where or 'operator')}</code>"
        if first.operators:
            code = f'<a href="#{_key(side, measurement, first.operators[0])}">{code}</a>'
        elif not where:
            code = ""
        times = f" <b>&times;{len(same)}</b>" if len(same) > 1 else ""
        yield f'<li class="{_STYLES[first.outcome]}">{code} {escape(message)}{times}</li>'


def _noise_of(report: Report, index: int, operator: int) -> str:
    noise = report.noises[index] if report.noises else None
    ratios = dict(noise.operators) if noise is not None else {}
    return f"signal-to-noise {decibels(ratios[operator])}" if operator in ratios else ""
