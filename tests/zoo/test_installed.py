import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from qlsp.discovery.interpreter import Interpreter
from qlsp.zoo.installed import Installed, installed

HERE = Interpreter(Path(sys.executable), "the tests")


def test_packages_and_version() -> None:
    found = installed(HERE)
    assert found is not None
    assert found.python == sys.version
    assert f"click-{version('click')}.dist-info" in found.packages
    assert found == installed(HERE)


def test_variables_that_change_the_toolchain_count(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for variables in ((), (("TF_USE_LEGACY_KERAS", "1"),), (("KERAS_BACKEND", "jax"),)):
        found = installed(replace(HERE, environment=variables))
        assert found is not None
        digests.add(found.digest)
    assert len(digests) == 3
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    again = installed(HERE)
    assert again is not None
    assert again.digest in digests


@pytest.mark.parametrize("program", ["/bin/true", "/bin/false", "/bin/echo", "/none"])
def test_what_is_no_python_says_nothing(program: str) -> None:
    assert installed(Interpreter(Path(program), "the tests")) is None


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("tensorflow-2.21.0.dist-info", "2.21.0"),
        ("tensorflow_cpu-2.15.1.dist-info", "2.15.1"),
        ("tensorflow-1.15.5-py3.7.egg-info", "1.15.5"),
        ("tensorflow_io-0.37.1.dist-info", None),
    ],
)
def test_tensorflow(package: str, expected: str | None) -> None:
    assert Installed("3", ("numpy-2.0.0.dist-info", package)).tensorflow == expected
