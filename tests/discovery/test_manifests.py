from pathlib import Path

import pytest

from qlsp.discovery.manifests import facts
from qlsp.discovery.poetry import specifiers

CASES = {
    "PEP 621": (
        "pyproject.toml",
        """
        [project]
        dependencies = ["numpy", "TensorFlow>=2.8,<2.16 ; python_version < '3.12'"]
        [project.optional-dependencies]
        qat = ["tensorflow_model_optimization==0.8.0"]
        """,
        [("tensorflow", "<2.16,>=2.8", "declared"), ("tfmot", "==0.8.0", "pinned")],
    ),
    "dependency groups": (
        "pyproject.toml",
        """
        [dependency-groups]
        test = ["pytest"]
        train = ["tf-keras~=2.16", {include-group = "test"}]
        """,
        [("tf_keras", "~=2.16", "declared")],
    ),
    "Poetry": (
        "pyproject.toml",
        """
        [tool.poetry.dependencies]
        python = "^3.10"
        tensorflow = "^2.8"
        keras = [{version = "2.8.0", python = "<3.11"}, {version = ">=2.12", python = ">=3.11"}]
        [tool.poetry.group.qat.dependencies]
        tensorflow-model-optimization = {version = "~0.7.3", optional = true}
        [tool.poetry.dev-dependencies]
        tf-keras = {git = "https://github.com/keras-team/tf-keras"}
        """,
        [
            ("tensorflow", "<3,>=2.8", "declared"),
            ("keras", "==2.8.0", "pinned"),
            ("keras", ">=2.12", "declared"),
            ("tf_keras", "", "declared"),
            ("tfmot", "<0.8,>=0.7.3", "declared"),
        ],
    ),
    "uv and PDM and Hatch": (
        "pyproject.toml",
        """
        [tool.uv]
        dev-dependencies = ["tensorflow-cpu==2.15.*"]
        [tool.pdm.dev-dependencies]
        qat = ["tensorflow-model-optimization"]
        [tool.hatch.envs.default]
        dependencies = ["keras<3"]
        """,
        [
            ("tensorflow", "==2.15.*", "pinned"),
            ("tfmot", "", "declared"),
            ("keras", "<3", "declared"),
        ],
    ),
    "uv.lock": (
        "uv.lock",
        """
        version = 1
        [[package]]
        name = "tensorflow"
        version = "2.15.1"
        [[package]]
        name = "app"
        source = { virtual = "." }
        """,
        [("tensorflow", "==2.15.1", "pinned")],
    ),
    "poetry.lock": (
        "poetry.lock",
        """
        [[package]]
        name = "tf-keras"
        version = "2.16.0"
        """,
        [("tf_keras", "==2.16.0", "pinned")],
    ),
    "pylock.toml": (
        "pylock.toml",
        """
        lock-version = "1.0"
        [[packages]]
        name = "keras"
        version = "3.3.3"
        """,
        [("keras", "==3.3.3", "pinned")],
    ),
    "Pipfile": (
        "Pipfile",
        """
        [packages]
        tensorflow = "==2.12.0"
        tensorflow-model-optimization = "*"
        [dev-packages]
        keras = {version = "<3", markers = "python_version >= '3.9'"}
        """,
        [
            ("tensorflow", "==2.12.0", "pinned"),
            ("tfmot", "", "declared"),
            ("keras", "<3", "declared"),
        ],
    ),
    "Pipfile.lock": (
        "Pipfile.lock",
        '{"default": {"tensorflow": {"version": "==2.12.1"}, "x": {"git": "u"}}, "develop": {}}',
        [("tensorflow", "==2.12.1", "pinned")],
    ),
    "setup.cfg": (
        "setup.cfg",
        """
[options]
install_requires =
    numpy
    tensorflow>=2.4
[options.extras_require]
qat = tensorflow-model-optimization==0.5.0
""",
        [("tensorflow", ">=2.4", "declared"), ("tfmot", "==0.5.0", "pinned")],
    ),
    "setup.py": (
        "setup.py",
        """
from setuptools import setup
setup(install_requires=["tensorflow-gpu>=1.15,<2"], description="tensorflow models")
""",
        [("tensorflow", "<2,>=1.15", "declared")],
    ),
    "requirements": (
        "requirements-dev.txt",
        "# pins\n-r other.txt\n--hash=x\ntensorflow==2.8.4 \\\n    --hash=sha256:00 # why\n"
        "keras ; python_version<'3.9'\ntensorflow-model-optimization @ https://x/y.whl\n-e .\n"
        "./local/tensorflow.whl\n",
        [("tensorflow", "==2.8.4", "pinned"), ("keras", "", "declared"), ("tfmot", "", "declared")],
    ),
    "conda": (
        "environment.yml",
        """
name: x
dependencies:
  - python=3.9
  - conda-forge::tensorflow=2.10=cpu*
  - keras 2.10.*
  - tf-keras>=2.15,<2.17
  - pip
  - pip:
    - tensorflow-model-optimization==0.7.3
""",
        [
            ("tensorflow", "==2.10.*", "pinned"),
            ("keras", "==2.10.*", "pinned"),
            ("tf_keras", "<2.17,>=2.15", "declared"),
            ("tfmot", "==0.7.3", "pinned"),
        ],
    ),
}


@pytest.mark.parametrize(("name", "content", "expected"), CASES.values(), ids=CASES)
def test_each_kind_of_file(
    tmp_path: Path, name: str, content: str, expected: list[tuple[str, str, str]]
) -> None:
    file = tmp_path / name
    file.write_text(content)
    found = facts(file, name)
    assert [(fact.package, str(fact.versions), fact.kind) for fact in found] == expected


def test_requirements_tell_the_line(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_bytes(b"numpy\r\n\r\nscipy \\\r\n  >=1\r\ntensorflow==2.8.4\r\n")
    assert [fact.origin for fact in facts(file, "requirements.txt")] == ["requirements.txt:5"]


@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "uv.lock",
        "Pipfile",
        "Pipfile.lock",
        "setup.cfg",
        "setup.py",
        "environment.yml",
        "requirements.txt",
    ],
)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\0", b"[[[", b"[project]\ndependencies = 3", b"{", b"- a\n- b: [", b"[options"],
)
def test_broken_files_tell_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert facts(file, name) == []
    assert facts(tmp_path / "missing" / name, name) == []


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^2.8", [">=2.8,<3"]),
        ("^0.7.3", [">=0.7.3,<0.8"]),
        ("^0.0.3", [">=0.0.3,<0.0.4"]),
        ("~2.8", [">=2.8,<2.9"]),
        ("~2", [">=2,<3"]),
        ("~2.8.1", [">=2.8.1,<2.9"]),
        ("~=2.8", ["~=2.8"]),
        ("2.8", ["==2.8"]),
        ("2.8.*", ["==2.8.*"]),
        ("*", [""]),
        (">=2.8,<2.16", [">=2.8,<2.16"]),
        (">=2.8 <2.16", [">=2.8,<2.16"]),
        ("^2.8 || 2.15", [">=2.8,<3", "==2.15"]),
    ],
)
def test_poetry_constraints(constraint: str, expected: list[str]) -> None:
    assert specifiers(constraint) == expected
