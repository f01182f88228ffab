"""Measure what qlsp costs, beside other tools, as ratios.

    python -m benchmarks.speed [--repeats N] [--fixit-share N] [--check]

All is measured in one run, the tools in turn, and compared by medians, so that the ratios hold on
a busy machine. Commands are compared by processor time (user and system, of all processes), the
servers by the time from an edit to its diagnostics. The tree is what is installed of tf_keras and
Keras beside `$QLSP_TENSORFLOW_PYTHON`. `--check` exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import compileall
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import qlsp
from tests.server.client import Client, replaced
from tests.tensorflow import tensorflow_python

_BIN = Path(sys.executable).parent
_PARSE = """
import re, sys
from pathlib import Path
import {parser}
for line in sys.stdin:
    data = Path(line.rstrip()).read_bytes()
    if re.search(rb"keras|tensorflow", data):
        {parser}.{function}(data)
"""
_BLOCK = '''

def block_{n}(x, filters, stride=1, expand=6):
    """An inverted residual block."""
    shortcut = x
    channels = x.shape[-1]
    y = layers.Conv2D(channels * expand, 1, use_bias=False, name="block_{n}_expand")(x)
    y = layers.BatchNormalization(name="block_{n}_expand_bn")(y)
    y = layers.ReLU(6.0, name="block_{n}_expand_relu")(y)
    y = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        name="block_{n}_depthwise",
    )(y)
    y = layers.BatchNormalization(name="block_{n}_depthwise_bn")(y)
    y = layers.ReLU(6.0, name="block_{n}_depthwise_relu")(y)
    y = layers.Conv2D(filters, 1, use_bias=False, name="block_{n}_project")(y)
    y = layers.BatchNormalization(name="block_{n}_project_bn")(y)
    if stride == 1 and channels == filters:
        y = layers.Add(name="block_{n}_add")([shortcut, y])
    return y
'''
_BLOCKS = 40


@dataclass(frozen=True)
class Row:
    """One measured command and its figures over the repeats, in seconds."""

    name: str
    times: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.times)


@dataclass(frozen=True)
class Goal:
    """A ratio or time that must not be exceeded."""

    name: str
    value: float
    limit: float

    @property
    def missed(self) -> bool:
        return self.value > self.limit

    def __str__(self) -> str:
        verdict = "missed" if self.missed else "met"
        return f"{self.name}: {self.value:.2f}, goal {self.limit:g}: {verdict}"


def model_source() -> str:
    """A model file of a thousand lines, without a fault."""
    calls = "".join(
        f"    x = block_{n}(x, {16 + n // 4 * 8}, stride={2 if n % 10 == 9 else 1})\n"
        for n in range(_BLOCKS)
    )
    return (
        '"""A large model."""\n\nimport tf_keras\nfrom tf_keras import layers\n'
        + "".join(_BLOCK.format(n=n) for n in range(_BLOCKS))
        + "\n\ndef build_model(size=224, classes=10):\n"
        + "    inputs = tf_keras.Input((size, size, 3))\n"
        + "    x = layers.Conv2D(16, 3, strides=2, use_bias=False)(inputs)\n"
        + "    x = layers.BatchNormalization()(x)\n    x = layers.ReLU(6.0)(x)\n"
        + calls
        + "    x = layers.GlobalAveragePooling2D()(x)\n"
        + "    return tf_keras.Model(inputs, layers.Dense(classes)(x))\n"
    )


def other_source() -> str:
    """A file of a thousand lines that has nothing to do with Keras."""
    function = (
        "\n\ndef total_{n}(values):\n    return sum(value * {n} for value in values if value)\n"
    )
    return '"""Totals."""\n' + "".join(function.format(n=n) for n in range(250))


def processor_time(command: Sequence[str], stdin: str = "") -> float:
    """Seconds of processor time that a command takes, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=stdin.encode(), capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1) or b"no Python files" in done.stderr:
        raise RuntimeError(f"{command}: {done.stderr.decode()[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(commands: dict[str, Callable[[], float]], repeats: int) -> list[Row]:
    """Measure each command `repeats` times, the commands in turn."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            times[name].append(command())
    return [Row(name, each) for name, each in times.items()]


def lint(*paths: str, cache: str | None = None) -> Callable[[], float]:
    options = [] if cache else ["--no-cache"]
    return lambda: processor_time(
        [sys.executable, "-m", "qlsp", "lint", "-q", "--output-format", "concise", *options, *paths]
    )


def ruff(*paths: str) -> Callable[[], float]:
    command = [str(_BIN / "ruff"), "check", "--isolated", "--no-cache", "--exit-zero", "-q"]
    return lambda: processor_time([*command, *paths])


def fixit(*paths: str) -> Callable[[], float]:
    return lambda: processor_time([str(_BIN / "fixit"), "lint", *paths])


def parse(parser: str, function: str, files: Sequence[Path]) -> Callable[[], float]:
    program = _PARSE.format(parser=parser, function=function)
    listing = "".join(f"{file}\n" for file in files)
    return lambda: processor_time([sys.executable, "-c", program], listing)


def keystrokes(command: Sequence[str], folder: Path, source: str, edits: int) -> list[float]:
    """Seconds from an edit of one digit to the diagnostics published for it."""
    line = source.splitlines().index(
        "    x = layers.Conv2D(16, 3, strides=2, use_bias=False)(inputs)"
    )
    times = []
    with Client(folder, command) as client:
        client.initialize()
        name = client.open(folder / "model.py", source)
        client.published(name)
        for version in range(2, edits + 2):
            start = time.perf_counter()
            digit = str(version % 9 + 1)
            client.change(name, version, replaced((line, 22), (line, 23), digit))
            client.published(name, version)
            times.append(time.perf_counter() - start)
        client.shut_down()
    return times


def tree_rows(packages: Sequence[Path], repeats: int) -> list[Row]:
    """The whole packages."""
    files = [file for package in packages for file in sorted(package.rglob("*.py"))]
    paths = [str(package) for package in packages]
    return compare(
        {
            "qlsp lint": lint(*paths),
            "ruff check": ruff(*paths),
            "parse Keras-looking files with ast": parse("ast", "parse", files),
            "parse Keras-looking files with libcst": parse("libcst", "parse_module", files),
        },
        repeats,
    )


def warm_rows(folder: Path, repeats: int) -> list[Row]:
    """The same again, with the results of an earlier run at hand."""
    (folder / "pyproject.toml").touch()
    lint(str(folder), cache=True)()
    return compare({"qlsp lint": lint(str(folder), cache=True)}, repeats)


def sample_rows(packages: Sequence[Path], share: int, repeats: int) -> list[Row]:
    """Every so-manieth file, because Fixit takes minutes for all."""
    files = [file for package in packages for file in sorted(package.rglob("*.py"))][::share]
    paths = [str(file) for file in files]
    return compare(
        {"qlsp lint": lint(*paths), "ruff check": ruff(*paths), "fixit lint": fixit(*paths)},
        repeats,
    )


def file_rows(file: Path, repeats: int) -> list[Row]:
    """One file."""
    path = str(file)
    return compare(
        {
            "python -c pass": lambda: processor_time([sys.executable, "-c", "pass"]),
            "qlsp lint": lint(path),
            "ruff check": ruff(path),
            "parse with libcst": parse("libcst", "parse_module", [file]),
            "fixit lint": fixit(path),
        },
        repeats,
    )


def server_rows(folder: Path, repeats: int) -> list[Row]:
    """An edit in a model of a thousand lines, until its diagnostics are published."""
    source = model_source()
    commands = {
        "qlsp server": [sys.executable, "-m", "qlsp", "server", "--stdio"],
        "ruff server": [str(_BIN / "ruff"), "server"],
    }
    return [Row(name, keystrokes(each, folder, source, repeats)) for name, each in commands.items()]


def table(title: str, rows: Sequence[Row], unit: str = "CPU s") -> str:
    """The rows as Markdown, each with its ratio to the first."""
    first = rows[0].median
    lines = [f"### {title}", "", f"| | {unit}, median | ratio |", "|---|---|---|"]
    lines += [f"| {row.name} | {row.median:.3f} | {row.median / first:.2f} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fixit-share", type=int, default=30, metavar="N")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    # As pip does when it installs: else `PYTHONDONTWRITEBYTECODE` has every run compile it anew.
    compileall.compile_dir(Path(qlsp.__file__).parent, quiet=1)
    prefix = Path(tensorflow_python()).parent.parent
    site = next(prefix.glob("lib/python3*/site-packages"))
    packages = [site / "tf_keras", site / "keras"]
    repeats = arguments.repeats
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, other = folder / "model.py", folder / "other.py"
        model.write_text(model_source())
        other.write_text(other_source())
        # Copied, as no linter looks into an environment that git ignores.
        packages = [
            Path(shutil.copytree(each, folder / "tree" / each.name, symlinks=True))
            for each in packages
        ]
        tree = tree_rows(packages, repeats)
        print(table("tf_keras and keras, cold", tree), flush=True)
        warm = warm_rows(folder / "tree", repeats)
        print(table("tf_keras and keras, warm", warm), flush=True)
        sample = sample_rows(packages, arguments.fixit_share, 1)
        print(table(f"every {arguments.fixit_share}th of these files", sample), flush=True)
        one = file_rows(model, repeats)
        print(table(f"one clean model file, {_lines(model)} lines", one), flush=True)
        without = file_rows(other, repeats)
        print(table(f"one file without Keras, {_lines(other)} lines", without), flush=True)
        servers = server_rows(folder, 40 * repeats)
        print(
            table("from a keystroke to its diagnostics, the same model", servers, "s"), flush=True
        )
    goals = [
        Goal("cold lint, of parsing with libcst", tree[0].median / tree[-1].median, 0.5),
        Goal("CPU s for a file without Keras", without[1].median, 0.1),
    ]
    print("\n".join(map(str, goals)))
    return int(arguments.check and any(goal.missed for goal in goals))


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


if __name__ == "__main__":
    sys.exit(main())
