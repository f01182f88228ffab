"""Names from other files."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from qlsp.source.document import Document
from qlsp.trace import Project, trace, trace_builder
from tests.trace.describe import chain, write

_BLOCKS = """
    from tensorflow.keras import layers
    DEFAULT = 7
    def conv(x, n=DEFAULT):
        return layers.Conv2D(n, 3)(x)
    class Head(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.d = layers.Dense(units)
        def call(self, x):
            return self.d(x)
    """


def _build(folder: Path, files: dict[str, str], path: str = "model.py") -> str:
    project = write(folder, files)
    return chain(trace_builder(Document.read(folder / path), "build", project).flat)


_MODEL = """
def build():
    i = keras.Input((8, 8, 3))
    return keras.Model(i, {head}(2)({conv}(i)))
"""


def test_a_module_beside_the_file(tmp_path: Path) -> None:
    model = "import keras, blocks\n" + _MODEL.format(head="blocks.Head", conv="blocks.conv")
    assert _build(tmp_path, {"model.py": model, "blocks.py": _BLOCKS}) == "Conv2D(7) Dense(2)"


def test_names_of_a_module(tmp_path: Path) -> None:
    model = "import keras\nfrom blocks import conv as c, Head\n" + _MODEL.format(
        head="Head", conv="c"
    )
    assert _build(tmp_path, {"model.py": model, "blocks.py": _BLOCKS}) == "Conv2D(7) Dense(2)"


def test_relative_imports_in_a_package(tmp_path: Path) -> None:
    files = {
        "src/net/__init__.py": "",
        "src/net/models/__init__.py": "",
        "src/net/models/model.py": "import keras\nfrom ..parts import *\nfrom . import names\n"
        + _MODEL.format(head="Head", conv="names.conv"),
        "src/net/models/names.py": "from net.parts.blocks import conv\n",
        "src/net/parts/__init__.py": "from .blocks import Head, conv\n",
        "src/net/parts/blocks.py": _BLOCKS,
    }
    assert _build(tmp_path, files, "src/net/models/model.py") == "Conv2D(7) Dense(2)"


def test_a_package_re_exports_with_all(tmp_path: Path) -> None:
    files = {
        "model.py": "import keras\nfrom parts import *\n" + _MODEL.format(head="Head", conv="conv"),
        "parts/__init__.py": "from .blocks import *\nfrom . import blocks\n",
        "parts/blocks.py": "__all__ = ['Head', 'conv']\n" + dedent(_BLOCKS),
    }
    assert _build(tmp_path, files) == "Conv2D(7) Dense(2)"


def test_keras_re_exported_by_the_project(tmp_path: Path) -> None:
    files = {
        "compat.py": "try:\n    import tensorflow.keras as keras\nexcept ImportError:\n"
        "    import keras\nfrom tensorflow.keras.layers import *\nL = keras.layers\n",
        "model.py": "from compat import *\nfrom compat import L\nimport compat\ndef build():\n"
        "    i = compat.keras.Input((8, 8, 3))\n"
        "    return compat.keras.Model(i, Dense(2)(compat.Conv2D(7, 3)(L.ReLU()(i))))\n",
    }
    assert _build(tmp_path, files) == "ReLU Conv2D(7) Dense(2)"


def test_circular_imports(tmp_path: Path) -> None:
    files = {
        "model.py": "import keras\nimport other\ndef conv(x): return keras.layers.Dense(1)(x)\n"
        "def build():\n    i = keras.Input((3,))\n    return keras.Model(i, other.f(i))\n",
        "other.py": "import model\ndef f(x): return model.conv(x)\n",
    }
    assert _build(tmp_path, files) == "Dense(1)"


def test_imports_in_functions(tmp_path: Path) -> None:
    model = (
        "import keras\ndef build():\n    from blocks import conv\n    i = keras.Input((8, 8, 3))\n"
        "    if unknown: from blocks import Head\n    return keras.Model(i, conv(i))\n"
    )
    assert _build(tmp_path, {"model.py": model, "blocks.py": _BLOCKS}) == "Conv2D(7)"


def test_a_search_folder(tmp_path: Path) -> None:
    write(tmp_path, {"a/model.py": "", "lib/blocks.py": _BLOCKS})
    model = "import keras\nfrom blocks import conv, Head\n" + _MODEL.format(
        head="Head", conv="conv"
    )
    write(tmp_path, {"a/model.py": dedent(model)})
    document = Document.read(tmp_path / "a/model.py")
    found = trace_builder(document, "build", Project(tmp_path / "a", [tmp_path / "lib"]))
    assert chain(found.flat) == "Conv2D(7) Dense(2)"
    unknown = trace_builder(document, "build", Project(tmp_path / "a"))
    assert not unknown.complete


def test_broken_and_missing_modules_are_unknown(tmp_path: Path) -> None:
    files = {
        "model.py": "import keras\nimport bad, gone, sys\nfrom bad import f\nfrom gone.x import g\n"
        "def build():\n    i = keras.Input((3,))\n"
        "    return keras.Model(i, f(g(bad.h(keras.layers.Dense(1)(i)))))\n",
        "bad.py": "def f(:\n",
    }
    assert _build(tmp_path, files) == "Dense(1) ? ? ?"


def test_an_edited_document_takes_precedence(tmp_path: Path) -> None:
    write(
        tmp_path, {"model.py": "from blocks import n\nimport keras\nkeras.Sequential(["
        "keras.layers.Dense(n)])\n", "blocks.py": "n = 1\n"},
    )  # fmt: skip
    path = str(tmp_path / "blocks.py")
    project = Project(tmp_path, documents={path: Document(path, "n = 2\n")})
    document = Document.read(tmp_path / "model.py")
    assert chain(trace(document, project).graphs[0]) == "Dense(2)"
    project.documents[path] = Document(path, "n = 3\n")
    assert chain(trace(document, project).graphs[0]) == "Dense(3)"


def test_findings_in_another_file_carry_its_path(tmp_path: Path) -> None:
    model = "import keras, blocks\n" + _MODEL.format(head="blocks.Head", conv="blocks.conv")
    project = write(tmp_path, {"model.py": model, "blocks.py": _BLOCKS})
    graph = trace_builder(Document.read(tmp_path / "model.py"), "build", project)
    site = graph.nodes[1].construct
    assert site is not None
    assert Path(site.path).name == "blocks.py"
    assert [Path(step.path).name for step in graph.nodes[1].path] == ["model.py"]


def test_nothing_is_imported(tmp_path: Path) -> None:
    files = {
        "model.py": "import keras, danger\nm = keras.Sequential([keras.layers.Dense(danger.n)])\n",
        "danger.py": f"import os\nopen({str(tmp_path / 'made')!r}, 'w').close()\n"
        f"os.mkdir({str(tmp_path / 'folder')!r})\nn = 3\n",
    }
    project = write(tmp_path, files)
    (graph,) = trace(Document.read(tmp_path / "model.py"), project).graphs
    assert chain(graph) == "Dense(3)"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["danger.py", "model.py"]
