"""Digests of the graphs that Keras builds for its own applications.

python -m tests.yardstick.digests [FOLDER]

writes `digests.json` anew; `FOLDER` keeps the graphs themselves (default `.build/yardstick`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.tensorflow import tensorflow_python
from tests.yardstick.compare import digest, measured_layers
from tests.yardstick.running import measure
from tests.yardstick.sets import SETS
from tests.yardstick.tracing import site_of

APPLICATIONS = tuple(models for models in SETS if not models.requirements)
"""The sets that come with Keras itself."""
DIGESTS = Path(__file__).with_name("digests.json")


def main() -> None:
    """Build every application and write the digests."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".build/yardstick")
    folder.mkdir(parents=True, exist_ok=True)
    python = Path(tensorflow_python())
    digests = {}
    for models in APPLICATIONS:
        jobs = models.list(site_of(models, python, folder))
        built = measure(models, jobs, python, folder, folder / f"{models.name}.json")
        digests[models.name] = {
            job.name: digest(measured_layers(built[job.name]["layers"])) for job in jobs
        }
    DIGESTS.write_text(json.dumps(digests, indent=1) + "\n")


if __name__ == "__main__":
    main()
