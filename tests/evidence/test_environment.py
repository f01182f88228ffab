from pathlib import Path

import pytest

from qlsp.error import QlspError
from qlsp.evidence import environment
from qlsp.evidence.toolchains import SETUPS, Setup


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(QlspError, match="not empty"):
        environment.make(SETUPS[0], tmp_path)


def test_a_missing_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    oldest = SETUPS[-1]
    with pytest.raises(QlspError, match=f"{oldest.name} needs Python {oldest.python}"):
        environment.make(oldest, tmp_path / "environment")


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_pins_are_exact_and_agree_with_the_toolchain(setup: Setup) -> None:
    folder = Path(environment.__file__).parent / "environments"
    pins = dict(line.split("==") for line in (folder / setup.pins).read_text().split())
    assert setup.toolchain.tensorflow in (pins.get("tensorflow"), pins.get("tensorflow-cpu"))
