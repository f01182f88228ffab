"""Running the yardstick: install a set's package, ask Keras for its graphs, trace, compare."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.yardstick.compare import Keras, first_difference, measured_layers, traced_layers
from tests.yardstick.sets import Model, ModelSet, Package
from tests.yardstick.tracing import Traced

_MEASURE = Path(__file__).with_name("measure.py")


def install(package: Package, python: Path, site: Path) -> None:
    """Install what the package needs into folder `site`, without dependencies."""
    done = site / f".{package.package}"
    if not package.requirements or done.exists():
        return
    pip = ["uv", "pip", "install", "--python", str(python)]
    if shutil.which("uv") is None:
        pip = [str(python), "-m", "pip", "install", "--upgrade"]
    command = [*pip, "-q", "--no-deps", "--target", str(site), *package.requirements]
    subprocess.run(command, check=True)
    done.touch()


def measure(
    models: ModelSet, jobs: Sequence[Model], python: Path, site: Path, output: Path
) -> dict[str, Any]:
    """What Keras builds, by model name (see `measure.py`); kept in file `output`."""
    kept: dict[str, Any] = json.loads(output.read_text()) if output.exists() else {}
    missing = [job for job in jobs if job.name not in kept]
    if missing:
        environment = {**os.environ, **models.environment, "PYTHONPATH": str(site)}
        fresh = output.with_suffix(".new")
        subprocess.run(
            [str(python), str(_MEASURE), models.keras, str(fresh), *models.absent],
            input=json.dumps([asdict(job) for job in missing]),
            text=True,
            env=environment,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        kept |= json.loads(fresh.read_text())
        fresh.unlink()
        output.write_text(json.dumps(kept))
    return kept


def difference(traced: Traced, described: Sequence[Any], keras: Keras) -> str | None:
    """How a traced graph differs from what Keras built, None if it does not."""
    if traced.graph is None:
        return traced.error
    found = first_difference(traced_layers(traced.graph, keras), measured_layers(described))
    if found is None and traced.graph.holes:
        return f"a hole: {traced.graph.holes[0].reason}"
    return found
