"""Hold the linter's diagnostics against what the converter did, layer by layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from qlsp.diagnostic import Diagnostic
from qlsp.linter.analysis import Analysis
from qlsp.linter.faults import Fault, faults, findings
from qlsp.linter.helpers import helper_faults
from qlsp.rules.catalogue import RULES
from qlsp.rules.fusion.dynamic_batch import DynamicBatch
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.source.span import Site
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace import Project

Outcome = Literal["raises", "float", "extra"]
Place = tuple[str, int]

_CLAMPS = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "MINIMUM", "MAXIMUM"})
_DYNAMIC = frozenset({"SHAPE", "PACK", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"})
_IMAGES = frozenset(
    {
        *("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "SeparableConv2D", "BatchNormalization"),
        *("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "UpSampling2D"),
    }
)
"""Layers of images, which transpose them only where the channels come first."""
_NORMALIZES = frozenset({"MUL", "ADD", "SUB", "RSQRT", "SQUARED_DIFFERENCE", "MEAN"})
CASTS = frozenset({"QUANTIZE", "DEQUANTIZE"})
CLAIM = re.compile(r"keeps ([A-Z0-9_, ]+)")


@dataclass(frozen=True, slots=True)
class Bad:
    """A layer for which something is worse than it has to be."""

    outcome: Outcome
    layer: int
    ops: tuple[str, ...] = ()


@dataclass
class Verdict:
    """What came of one model and workflow."""

    true: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def judge(
    record: Mapping[str, Any],
    workflow: Workflow,
    folder: Path,
    caller: Document | None = None,
) -> Verdict:
    """The verdict on one conversion. `folder` holds the packages.

    The files that make the layers are linted as a user's would be, and with them a `caller`, a
    program that builds the model. A diagnostic is true if it
    names what happened to a layer made at its place; one about code that this model does not run,
    or about what comes behind an error, is not decided.
    """
    toolchain = Toolchain(*record["toolchain"])
    measured = record["workflows"][workflow]
    layers = record["layers"]
    bad = list(_bad(record, workflow))
    verdict = Verdict()
    announced: set[Place] = set()
    files: list[str | Document] = [*_files(layers, folder), *([caller] if caller else [])]
    for file in files:
        for fault, diagnostic in _found(file, workflow, toolchain, folder):
            place = f"{Path(diagnostic.path).name}:{fault.span.line}"
            line = f"{place} {diagnostic.code} {diagnostic.message}"
            places = set(_places(fault))
            others = {place for each in diagnostic.related for place in _lines(each.site)}
            around = places | others
            # A function is made nowhere: it is judged by the layers that it is said to be within.
            own = around if all(each.node.kind == "op" for _, each in fault.findings) else places
            here = [index for index, each in enumerate(layers) if _is_meant(fault, each, own)]
            if not here or not _is_run(diagnostic, layers):
                verdict.undecided.append(line)
                continue
            announced |= around
            near = [index for index, each in enumerate(layers) if around & _made_at(each)]
            truth = _holds(diagnostic.message, bad, set(near), measured)
            told = {True: verdict.true, False: verdict.false, None: verdict.undecided}
            told[truth].append(line)
    for each in bad:
        layer = layers[each.layer]
        file, number = layer["site"][0] if layer["site"] else ("", 0)
        line = (
            f"{Path(file).name}:{number} {layer['cls']} {layer['name']} {each.outcome}"
            f" {' '.join(each.ops)}"
        )
        (verdict.announced if announced & _made_at(layer) else verdict.missed).append(line)
    return verdict


def _holds(
    message: str, bad: Sequence[Bad], here: set[int], measured: Mapping[str, Any]
) -> bool | None:
    """Whether a claim came true at the layers `here`; None if an error hides it."""
    mine = [each for each in bad if each.layer in here]
    if "raises" in message or "can't be converted" in message:
        if any(each.outcome == "raises" for each in mine):
            return True
        return None if measured.get("unnamed") else False
    if measured["error"] is not None:
        return None
    if " in float" in message and any(each.outcome == "float" for each in mine):
        return True
    kept = {name for match in CLAIM.findall(message) for name in match.strip(", ").split(", ")}
    found = {name for each in mine for name in each.ops}
    rescaled = any(
        operator["name"] == "QUANTIZE" and here.intersection(operator["layers"])
        for operator in measured["operators"]
    )
    return bool(kept & found) or ("QUANTIZE" in kept and rescaled)


def _bad(record: Mapping[str, Any], workflow: Workflow) -> Iterator[Bad]:
    """The bad outcomes of a conversion, each layer once per kind."""
    measured = record["workflows"][workflow]
    layers = record["layers"]
    yield from (Bad("raises", layer) for layer in measured["refused"])
    kinds: dict[tuple[Outcome, int], list[str]] = {}
    for operator in measured["operators"]:
        owners = operator["layers"]
        if operator["name"] in CASTS or not owners:
            continue
        if operator["float"]:
            for layer in owners:
                kinds.setdefault(("float", layer), []).append(operator["name"])
        elif operator["finding"] or is_extra(operator["name"], layers[owners[0]]["cls"]):
            kinds.setdefault(("extra", owners[0]), []).append(operator["name"])
    for (outcome, layer), ops in kinds.items():
        yield Bad(outcome, layer, tuple(ops))


def is_extra(name: str, cls: str) -> bool:
    """Whether an operator of a layer is one that a better form of the source would not have."""
    if name in _DYNAMIC:
        return True
    if cls == "BatchNormalization":
        return name in _NORMALIZES
    if name in _CLAMPS:
        return cls in {"ReLU", "Activation", "TFOpLambda"}
    return name == "TRANSPOSE" and cls in _IMAGES


def _is_run(diagnostic: Diagnostic, layers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the model has any of the layers that a diagnostic about its input names."""
    named = [each for each in diagnostic.related if diagnostic.code == DynamicBatch.code]
    made = {place for each in layers for place in _made_at(each)}
    return not named or any(place in made for each in named for place in _lines(each.site))


@cache
def _found(
    file: str | Document, workflow: Workflow, toolchain: Toolchain, folder: Path
) -> Sequence[tuple[Fault, Diagnostic]]:
    """What is found in a file; several models are made in the same ones."""
    document = Document.read(file) if isinstance(file, str) else file
    settings = Settings(workflows=(workflow,), toolchains=(toolchain,))
    analysis = Analysis.of(document, settings, Project(folder))
    traced = list(findings(analysis, RULES[1:]))
    found = [*faults(document, traced), *helper_faults(analysis, RULES[1:], traced)]
    return [(fault, fault.diagnostic(document, None)) for fault in found]


def _files(layers: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """The files of the package in which layers are made, in order."""
    files = dict.fromkeys(file for layer in layers for file, _ in layer["site"])
    return [file for file in files if Path(file).is_relative_to(folder) and Path(file).is_file()]


def _is_meant(fault: Fault, layer: Mapping[str, Any], places: set[Place]) -> bool:
    """Whether a layer is made at the place, and of a class that is spoken of.

    A line may make layers of two classes, such as `Conv2D if dimensions == 2 else Conv3D`.
    """
    classes = {each.node.cls for _, each in fault.findings if each.node.kind == "layer"}
    return bool(places & _made_at(layer)) and (not classes or layer["cls"] in classes)


def _made_at(layer: Mapping[str, Any]) -> set[Place]:
    return {(file, line) for file, line in layer["site"][:1]}


def _places(fault: Fault) -> Iterator[Place]:
    for _, finding in fault.findings:
        for site in (finding.node.construct, finding.node.call):
            if site is not None:
                yield from _lines(site)


def _lines(site: Site) -> Iterator[Place]:
    for line in range(site.span.line, site.span.end_line + 1):
        yield site.path, line
