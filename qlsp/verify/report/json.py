"""The report as data: `docs/verify.md` documents the form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from qlsp.lower.lowering import ConversionError
from qlsp.verify.comparison import Comparison
from qlsp.verify.findings import Finding
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import Layer
from qlsp.verify.prediction import agrees
from qlsp.verify.report.quality import quality_data
from qlsp.verify.verify import Report

VERSION = 1


def report_data(report: Report) -> dict[str, Any]:
    """The whole report, of JSON types only."""
    model = report.model
    return {
        "version": VERSION,
        "target": {"file": str(report.target.file), "builder": report.target.builder or None},
        "toolchain": _toolchain(report),
        "model": {
            "name": model.name,
            "parameters": model.params,
            "randomized_weights": model.randomized,
            "inputs": [
                {"name": each.name, "shape": list(each.shape), "dtype": each.dtype}
                for each in model.inputs
            ],
            "layers": [_layer(layer, model.paths[layer.index]) for layer in model.layers[1:]],
        },
        "workflows": [
            {
                **_workflow(measurement, found),
                **quality_data(report, index),
                "prediction": _prediction(report, index),
            }
            for index, (measurement, found) in enumerate(
                zip(report.measurements, report.findings, strict=True)
            )
        ],
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
        "worse": report.worse,
    }


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Both reports, the fixes between them, and whether the function is the same."""
    return {
        "version": VERSION,
        "before": report_data(comparison.before),
        "after": report_data(comparison.after),
        "fixes": [
            {
                "code": each.code,
                "file": each.path,
                "line": each.span.line,
                "title": each.fix.title if each.fix else None,
                "applicability": each.fix.applicability.value if each.fix else None,
            }
            for each in (comparison.mended.applied if comparison.mended else ())
        ],
        "function": {
            "same": comparison.same_function,
            "incomparable": comparison.incomparable or None,
            "outputs": [
                {
                    "largest_difference": _finite(each.largest),
                    "largest_value": _finite(each.magnitude),
                }
                for each in comparison.differences
            ],
        },
    }


def _finite(number: float) -> float | None:
    """JSON knows neither infinity nor NaN."""
    return number if math.isfinite(number) else None


def _toolchain(report: Report) -> dict[str, Any] | None:
    if report.versions is None or report.interpreter is None:
        return None
    return {
        "python": report.versions.python,
        "tensorflow": report.versions.tensorflow,
        "keras": report.model.keras,
        "keras_package": report.model.keras_package or None,
        "tfmot": report.versions.tfmot,
        "interpreter": str(report.interpreter.path),
    }


def _layer(layer: Layer, path: tuple[str, ...]) -> dict[str, Any]:
    return {
        "index": layer.index,
        "path": list(path),
        "class": layer.cls,
        "parameters": layer.params,
        "source": [{"file": str(Path(each.file)), "line": each.line} for each in layer.site],
    }


def _workflow(measurement: Measurement, found: tuple[Finding, ...]) -> dict[str, Any]:
    integer, computing = measurement.coverage
    integer_macs, all_macs = measurement.mac_coverage
    return {
        "workflow": measurement.workflow,
        "error": _error(measurement.error),
        "ops": [
            {"op": str(each.operator.op), "layers": list(each.layers), "macs": macs}
            for each, macs in zip(measurement.operators, measurement.macs, strict=True)
        ],
        "integer_ops": integer,
        "computing_ops": computing,
        "integer_macs": integer_macs,
        "macs": all_macs,
        "integer_io": measurement.integer_io,
        "bytes": measurement.size,
        "seconds": round(measurement.seconds, 3),
        "findings": [
            {
                "outcome": each.outcome.value,
                "message": each.message,
                "ops": list(each.operators),
                "layers": list(each.layers),
            }
            for each in found
        ],
    }


def _prediction(report: Report, index: int) -> dict[str, Any]:
    prediction = report.prediction
    if prediction.graph is None:
        return {"incomplete": prediction.reason}
    lowering = prediction.lowerings[index]
    return {
        "incomplete": prediction.gap(index) or None,
        "agrees": agrees(lowering, report.measurements[index]),
        "ops": [str(op) for op in lowering.ops],
        "error": _error(lowering.error),
    }


def _error(error: ConversionError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"type": error.type, "stage": error.stage, "message": error.message}
