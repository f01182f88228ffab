"""Entry of the runner, started by path in the user's interpreter: `python main.py FOLDER`.

Reads on every Python, so that a too old one is told so.
"""

import os
import sys

_OLDEST = (3, 7)
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - Python 2 has no pathlib


def _main():  # type: () -> None
    if sys.version_info < _OLDEST:
        sys.stdout.write('{"too_old": "%s"}\n' % sys.version.split()[0])  # noqa: UP031
        sys.exit()
    import importlib.util

    # Only by this name: the user's own modules may be called `data` or `build`.
    spec = importlib.util.spec_from_file_location(
        "qlsp_runner",
        os.path.join(_HERE, "__init__.py"),  # noqa: PTH118
        submodule_search_locations=[_HERE],
    )
    package = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules["qlsp_runner"] = package
    sys.path.pop(0)

    from qlsp_runner.serve import serve  # type: ignore[import-not-found]

    serve(sys.argv[1])


if __name__ == "__main__":
    _main()
