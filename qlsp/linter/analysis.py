"""A document, traced and lowered."""

from __future__ import annotations

from dataclasses import dataclass

from qlsp.linter.requirements import able_to_run
from qlsp.rules.calls import Usage
from qlsp.rules.lowered import LoweredGraph
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.toolchain import Workflow
from qlsp.trace import Project, Trace, trace
from qlsp.trace.budget import Limits
from qlsp.trace.gate import builds_layers
from qlsp.trace.graph import LayerGraph
from qlsp.trace.tools import ANNOTATE_ALL, ANNOTATE_LAYER


@dataclass(frozen=True)
class Analysis:
    """The layer graphs of a document, lowered where a rule asks for it."""

    document: Document
    settings: Settings
    project: Project | None
    graphs: tuple[LoweredGraph, ...]
    usages: tuple[Usage, ...] = ()
    """What it does with converters, tfmot and built models."""
    workflows: tuple[Workflow, ...] = ()
    limits: Limits | None = None
    complete: bool = True
    """Whether the limits left out no builder as a variant of others."""
    read: tuple[Document, ...] = ()
    """The other files of the project that it rests on."""

    @classmethod
    def of(
        cls,
        document: Document,
        settings: Settings,
        project: Project | None,
        limits: Limits | None = None,
    ) -> Analysis:
        """Trace `document`. Raises `SourceError` if it does not parse."""
        if not builds_layers(document.tree):
            return cls(document, settings, project, (), limits=limits)
        traced = trace(document, project, limits)
        quantizes = any(name.startswith("tfmot") for name in traced.imports)
        workflows = settings.workflows_for(
            imports_tfmot=quantizes,
            is_tf1=any(map(_is_tf1, traced.graphs)),
        )
        toolchains = able_to_run(settings.toolchains, traced.imports)
        in_part = _annotates_in_part(traced)
        lowered = (
            LoweredGraph.of(
                graph,
                workflows,
                toolchains,
                quantizes=quantizes,
                device=settings.device,
                annotates_in_part=in_part,
            )
            for graph in traced.graphs
        )
        body = next((each.calls for each in traced.programs if each.name == "<module>"), ())
        usages = (
            Usage(
                program.calls,
                document,
                settings.toolchains,
                quantizes,
                () if program.name == "<module>" else body,
            )
            for program in traced.programs
        )
        return cls(
            document,
            settings,
            project,
            tuple(lowered),
            tuple(usages),
            workflows,
            limits,
            traced.complete,
            traced.read,
        )

    def changed(self, text: str) -> Analysis:
        """The analysis of the same file with another text. Raises `SourceError`."""
        document = Document(self.document.path, text, self.document.encoding)
        return Analysis.of(document, self.settings, self.project, self.limits)


def _annotates_in_part(traced: Trace) -> bool:
    """Whether tfmot is only told of single layers, e.g. while a model is cloned.

    Which layers of a model it then meets isn't known.
    """
    symbols = {call.symbol for program in traced.programs for call in program.calls}
    return ANNOTATE_LAYER in symbols and symbols.isdisjoint(ANNOTATE_ALL)


_TF1 = ("slim.", "tf.placeholder", "tf.contrib.", "tf.layers.", "tf.compat.v1.")


def _is_tf1(graph: LayerGraph) -> bool:
    """Whether the code is TensorFlow 1's, by how it is imported or by what it uses."""
    return (
        graph.flavour == "tf1"
        or any(node.cls.startswith(_TF1) for node in graph.nodes)
        or any("contrib.quantize" in effect.symbol for effect in graph.effects)
    )
