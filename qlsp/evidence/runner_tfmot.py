"""Runs programs within a toolchain's own interpreter (Python 3.7 and later).

Run as a script with a file to append to; the cases come as JSON on standard input, each a
`{name, source}`. Each is run in a process of its own, forked where TensorFlow is imported and
nothing has been computed yet, and in an empty folder. One line is written for each that ends:
`{name, said}` or `{name, error: [type, message]}`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(journal: str) -> None:
    """Run each case of standard input."""
    import tensorflow  # noqa: F401
    import tensorflow_model_optimization  # noqa: F401

    for case in json.load(sys.stdin):
        child = os.fork()
        if not child:
            _run(case["name"], case["source"], journal)
            os._exit(0)
        os.waitpid(child, 0)


def _run(name: str, source: str, journal: str) -> None:
    os.chdir(tempfile.mkdtemp())
    # A real file: Keras reads the source of what layers of one's own do.
    program = Path("program.py").resolve()
    program.write_text(source, encoding="utf-8")
    line: dict[str, object] = {"name": name}
    try:
        line["said"] = runpy.run_path(str(program)).get("said", "")
    except Exception as error:
        line["error"] = [type(error).__name__, " ".join(str(error).split())]
    with Path(journal).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
