"""QL403 training-graph-exported."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import LayerLowering, Outcome
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related
from qlsp.source.span import Site
from qlsp.trace.graph import Effect, LayerGraph, Node, Style
from qlsp.trace.graph_mode import EXPORTS

_PROGRAM = """
import tensorflow as tf
from tensorflow.contrib import slim

x = tf.placeholder(tf.float32, [1, 8, 8, 4], name="image")
x = slim.conv2d(x, 8, 3, activation_fn=tf.nn.relu6)
tf.identity(x, name="output")
tf.contrib.quantize.{}
with tf.Session() as session:
    tf.train.Saver().restore(session, "model.ckpt")
    graph = tf.graph_util.convert_variables_to_constants(session, session.graph_def, ["output"])
"""


class TrainingGraphExported(Rule):
    """The graph that `contrib.quantize` made for training is exported.

    ## What it does
    Finds a graph that is frozen, or handed to the converter, after
    `tf.contrib.quantize.create_training_graph` and without `create_eval_graph`.

    ## Why it matters
    The training graph learns its ranges while it runs: beside each fake-quantization stand the
    moving averages of minimum and maximum. TOCO finds arithmetic there that has no range:
    `Array Conv/act_quant/AssignMinEma/AssignAdd, which is an input to the Pow operator …, is
    lacking min/max data, which is necessary for quantization`. Measured with TensorFlow 1.15.5: so
    for all 32 training graphs that were tried, whatever layers are in them. The evaluation graph
    of the same model reads the ranges from the checkpoint, and converts.

    ## How to fix it
    Build the model a second time in a graph of its own, with `is_training=False`, call
    `tf.contrib.quantize.create_eval_graph()`, restore the checkpoint, and export that.

    ## When it does not apply
    A function that only trains is not reported.

    ## References
    - [contrib.quantize](https://github.com/tensorflow/tensorflow/tree/r1.15/tensorflow/contrib/quantize)
    """

    code = "QL403"
    name = "training-graph-exported"
    applicability = None
    workflows = ("tf1",)
    bad = (
        Case(
            "the training graph is frozen",
            _PROGRAM.format("create_training_graph(quant_delay=2000)"),
            workflows=("tf1",),
        ),
    )
    good = (
        Case(
            "the evaluation graph is frozen",
            _PROGRAM.format("create_eval_graph()"),
            workflows=("tf1",),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """The last rewrite before an export, if it is one for training."""
        training, export = _exported(model.graph)
        if training is None or export is None or training.site is None:
            return
        fate = {
            cell: LayerLowering(0, Outcome.RAISES)
            for cell in model.cells
            if cell.workflow == "tf1" and model.lowering(cell).error is not None
        }
        found = consequence(fate)
        if found is not None:
            yield Finding(
                _node(training.site),
                "The graph is exported as it was rewritten for training, without "
                f"`create_eval_graph`: {found.text}",
                found,
                related=related((_node(export.site), "exported here")) if export.site else (),
            )


def _exported(graph: LayerGraph) -> tuple[Effect | None, Effect | None]:
    """The rewrite for training that is in force when the graph is exported, and the export."""
    training: Effect | None = None
    for effect in graph.effects:
        if "contrib.quantize" in effect.symbol:
            is_training = "training" in effect.symbol and not effect.conditions
            training = effect if is_training else None
        elif effect.symbol in EXPORTS and training is not None:
            return training, effect
    return None, None


def _node(site: Site | None) -> Node:
    return Node(0, "op", "contrib.quantize", -1, None, {}, (), site, site, Style.OP)
