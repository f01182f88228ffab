import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Qlsp

CLEAN = """\
from tf_keras import Sequential
from tf_keras.layers import BatchNormalization, Conv2D, Input, ReLU

model = Sequential([
    Input((8, 8, 3)),
    Conv2D(4, 3, use_bias=False),
    BatchNormalization(),
    ReLU(),
])
"""
LATE_BATCHNORM = CLEAN.replace(
    "    BatchNormalization(),\n    ReLU(),\n", "    ReLU(),\n    BatchNormalization(),\n"
)
"""QL101, whose fix is unsafe."""
STACKED = CLEAN.replace(
    "    Conv2D(4, 3, use_bias=False),\n    BatchNormalization(),\n    ReLU(),\n",
    "    Conv2D(4, 3, activation='relu'),\n    ReLU(6.0),  # twice\n",
)
"""QL104, whose fix is safe."""
FIXED = STACKED.replace(", activation='relu'", "")
PINS = "tensorflow==2.21.0\ntf-keras==2.21.0\ntensorflow-model-optimization==0.8.1\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("requirements.txt").write_text(PINS)
    return tmp_path


def test_clean(qlsp: Qlsp) -> None:
    Path("model.py").write_text(CLEAN)
    Path("other.py").write_text("print('hello')\n")
    result = qlsp("lint")
    assert (result.code, result.out, result.err) == (0, "All checks passed!\n", "")


def test_findings(qlsp: Qlsp) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    Path("b.py").write_text(STACKED)
    result = qlsp("lint", "--output-format", "concise")
    assert result.code == 1
    first, second, *rest = result.out.splitlines()
    assert first.startswith("a.py:8:5: QL101 [*] ")
    assert second.startswith("b.py:7:5: QL104 [*] ")
    assert rest == [
        "Found 2 problems (1 error, 1 warning).",
        "[*] 1 fixable with `--fix`, 1 hidden fix with `--unsafe-fixes`",
    ]


def test_full_output_underlines_the_fault_and_its_causes(qlsp: Qlsp) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    out = qlsp("lint").out
    assert "\n --> a.py:8:5\n" in out
    assert "8 |     BatchNormalization(),\n  |     ^^^^^^^^^^^^^^^^^^^^\n" in out
    assert "note: the activation\n --> a.py:7:5\n  |\n7 |     ReLU(),\n  |     ------\n" in out
    assert "help: Move BatchNormalization before the activation (unsafe fix: " in out


def test_exit_codes(qlsp: Qlsp) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    assert qlsp("lint", "--exit-zero").code == 0
    assert qlsp("lint", "--ignore", "QL1").code == 0
    assert qlsp("lint", "--no-such-option").code == 2
    result = qlsp("lint", "missing.py", "a.py")
    assert (result.code, result.err) == (2, "qlsp: error: missing.py: no such file or directory\n")
    assert "QL101" in result.out, "the other files are linted all the same"


def test_nothing_to_lint(qlsp: Qlsp) -> None:
    result = qlsp("lint")
    assert result.code == 0
    assert result.err == "qlsp: warning: no Python files found under the given paths\n"


def test_safe_fixes(qlsp: Qlsp) -> None:
    Path("a.py").write_text(STACKED)
    Path("b.py").write_text(LATE_BATCHNORM)
    result = qlsp("lint", "--fix", "--output-format", "concise")
    assert result.code == 1
    assert Path("a.py").read_text() == FIXED
    assert Path("b.py").read_text() == LATE_BATCHNORM
    assert "Found 2 problems, fixed 1; 1 left (1 error).\n" in result.out
    result = qlsp("lint", "--fix", "--unsafe-fixes", "--output-format", "concise")
    assert (result.code, result.out) == (0, "Found 1 problem, fixed all.\n")
    assert Path("b.py").read_text() == CLEAN
    assert qlsp("lint", "--fix", "--unsafe-fixes").out == "All checks passed!\n"


def test_exit_non_zero_on_fix(qlsp: Qlsp) -> None:
    Path("a.py").write_text(STACKED)
    assert qlsp("lint", "--fix", "--exit-non-zero-on-fix").code == 1
    assert qlsp("lint", "--fix", "--exit-non-zero-on-fix").code == 0


def test_diff_changes_nothing(qlsp: Qlsp) -> None:
    Path("a.py").write_text(STACKED)
    result = qlsp("lint", "--diff")
    assert result.code == 1
    assert result.out.startswith("--- a.py\n+++ a.py\n@@ ")
    assert "\n-    Conv2D(4, 3, activation='relu'),\n+    Conv2D(4, 3),\n" in result.out
    assert result.err == "Would fix 1 problem in 1 file.\n"
    assert Path("a.py").read_text() == STACKED
    Path("a.py").write_text(CLEAN)
    result = qlsp("lint", "--diff")
    assert (result.code, result.out, result.err) == (0, "", "Nothing to fix.\n")


def test_a_diff_is_one_that_patch_applies(qlsp: Qlsp) -> None:
    Path("a.py").write_bytes(STACKED.rstrip("\n").replace("\n", "\r\n").encode())
    diff = qlsp("lint", "--diff").out
    Path("a.diff").write_bytes(diff.encode())
    assert os.system("patch --binary -s -p0 a.py a.diff") == 0
    assert Path("a.py").read_bytes() == FIXED.rstrip("\n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--select", "QL101"], {"QL101"}),
        (["--select", "stacked-activations"], {"QL104"}),
        (["--select", "QL2"], set()),
        (["--ignore", "batchnorm-after-activation"], {"QL104"}),
        (["--ignore", "QL1", "--extend-select", "QL104"], {"QL104"}),
        (["--select", "QL101, QL104", "--extend-ignore=QL104"], {"QL101"}),
        (["--select", "QL101", "--select", "QL104"], {"QL101", "QL104"}),
    ],
)
def test_selection(qlsp: Qlsp, arguments: list[str], codes: set[str]) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    Path("b.py").write_text(STACKED)
    result = qlsp("lint", *arguments, "--output-format", "concise")
    assert set(re.findall(r"QL\d+", result.out)) == codes
    assert result.code == bool(codes)


def test_a_selector_that_selects_nothing_is_an_error(qlsp: Qlsp) -> None:
    Path("a.py").write_text(CLEAN)
    result = qlsp("lint", "--select", "fused-batchnrom")
    assert result.code == 2
    assert "no rule is called 'fused-batchnrom'; did you mean fused-batchnorm?" in result.err
    Path("qlsp.toml").write_text("[per-file-ignores]\n'a.py' = ['QL999']\n")
    result = qlsp("lint")
    assert result.code == 2
    assert result.err.startswith("qlsp: error: qlsp.toml: per-file-ignores.a.py: no rule is called")


def test_json(qlsp: Qlsp) -> None:
    Path("a.py").write_text("# é\n" + LATE_BATCHNORM)
    result = qlsp("lint", "--output-format", "json")
    assert (result.code, result.err) == (1, "")
    content = json.loads(result.out)
    assert content["version"] == 1
    (found,) = content["diagnostics"]
    assert found["code"] == "QL101"
    assert found["name"] == "batchnorm-after-activation"
    assert found["severity"] == "error"
    assert found["filename"] == "a.py"
    assert found["location"] == {"row": 9, "column": 5}
    assert found["end_location"] == {"row": 9, "column": 25}
    assert [each["location"]["row"] for each in found["related"]] == [8, 7]
    fix = found["fix"]
    assert fix["applicability"] == "unsafe"
    text = ("# é\n" + LATE_BATCHNORM).splitlines(keepends=True)
    for edit in reversed(fix["edits"]):
        start, end = edit["location"], edit["end_location"]
        before = "".join(text[: start["row"] - 1]) + text[start["row"] - 1][: start["column"] - 1]
        after = text[end["row"] - 1][end["column"] - 1 :] + "".join(text[end["row"] :])
        text = (before + edit["content"] + after).splitlines(keepends=True)
    assert "".join(text) == "# é\n" + CLEAN


def test_statistics(qlsp: Qlsp) -> None:
    for name in ("a.py", "b.py"):
        Path(name).write_text(LATE_BATCHNORM)
    Path("c.py").write_text(STACKED)
    result = qlsp("lint", "--statistics")
    assert result.code == 1
    assert result.out.splitlines() == [
        "2  QL101  [*]  batchnorm-after-activation",
        "1  QL104  [*]  stacked-activations",
    ]


def test_standard_input(qlsp: Qlsp) -> None:
    Path("qlsp.toml").write_text("[per-file-ignores]\n'old.py' = ['ALL']\n")
    result = qlsp("lint", "-", "--output-format", "concise", stdin=LATE_BATCHNORM.encode())
    assert (result.code, result.out.partition(" ")[0]) == (1, "-:8:5:")
    result = qlsp("lint", "-", "--stdin-filename", "sub/old.py", stdin=LATE_BATCHNORM.encode())
    assert result.code == 0
    assert not Path("sub").exists()
    assert qlsp("lint", "-", "a.py").code == 2


def test_fixing_standard_input_prints_the_fixed_text(qlsp: Qlsp) -> None:
    result = qlsp("lint", "-", "--fix", stdin=STACKED.encode())
    assert (result.code, result.out) == (0, FIXED)
    assert result.err == "Found 1 problem, fixed all.\n"
    result = qlsp("lint", "-", "--fix", stdin=CLEAN.encode())
    assert (result.code, result.out) == (0, CLEAN)


def test_color_is_for_terminals_and_as_the_environment_asks(
    qlsp: Qlsp, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    assert "\x1b[" not in qlsp("lint").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in qlsp("lint").out
    assert "\x1b[" not in qlsp("lint", "--output-format", "json").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in qlsp("lint").out


def test_show_files_and_settings(qlsp: Qlsp) -> None:
    Path("a.py").write_text(CLEAN)
    Path("qlsp.toml").write_text("select = ['QL1']\n")
    assert qlsp("lint", "--show-files").out == "a.py\n"
    out = qlsp("lint", "--show-settings").out
    assert out.startswith("# qlsp.toml\n")
    assert "\nselect = ('QL1',)\n" in out


def test_verbose_tells_why_nothing_is_said(qlsp: Qlsp) -> None:
    Path("a.py").write_text(CLEAN)
    Path("b.py").write_text("import keras\nprint(keras)\n")
    Path("c.py").write_text(
        "import keras\nfrom somewhere import f\n"
        "def build():\n    i = keras.Input((8,))\n    return keras.Model(i, f(i))\n"
    )
    err = qlsp("lint", "-v").err
    assert "toolchains: TF 2.21.0, Keras 2, tfmot 0.8.1; TF 2.21.0, Keras 3, tfmot 0.8.1\n" in err
    assert re.search(r"a\.py: <module>\S*: sequential, 4 nodes, complete\n", err)
    assert "b.py: nothing in it builds layers or converts a model\n" in err
    assert "\n  c.py:5: " in err


def test_a_config_given_by_name(qlsp: Qlsp) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    Path("elsewhere").mkdir()
    Path("elsewhere/qlsp.toml").write_text("ignore = ['QL101']\n")
    assert qlsp("lint").code == 1
    assert qlsp("lint", "--config", "elsewhere/qlsp.toml").code == 0
    result = qlsp("lint", "--config", "nothing.toml")
    assert (result.code, result.err) == (2, "qlsp: error: nothing.toml: no such file\n")


def test_helpers_in_other_files_are_followed_and_the_cache_notices_them(qlsp: Qlsp) -> None:
    helper = "from tf_keras.layers import ReLU\n\ndef act(x):\n    return {}(x)\n"
    Path("blocks.py").write_text(helper.format("ReLU()"))
    Path("model.py").write_text(
        "from tf_keras import Input, layers\nfrom blocks import act\n\n"
        "def build():\n    x = Input((8, 8, 3))\n    y = layers.Conv2D(4, 3)(x)\n"
        "    return layers.BatchNormalization()(act(y))\n"
    )
    arguments = ("lint", "model.py", "--select", "QL101", "--output-format", "concise")
    assert qlsp(*arguments).code == 1
    assert qlsp(*arguments).code == 1
    Path("blocks.py").write_text(helper.format("(lambda y: y)"))
    assert qlsp(*arguments).code == 0
    Path("blocks.py").unlink()
    assert qlsp(*arguments).code == 0
    Path("blocks").mkdir()
    Path("blocks/__init__.py").write_text(helper.format("ReLU()"))
    assert qlsp(*arguments).code == 1
    Path("requirements.txt").unlink()
    assert "QL101" in qlsp(*arguments).out


def test_the_cache_can_be_left_alone(qlsp: Qlsp) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    assert qlsp("lint", "--no-cache").code == 1
    assert not Path(".qlsp_cache").exists()
    assert qlsp("lint").code == 1
    assert Path(".qlsp_cache/.gitignore").read_text().endswith("*\n")
    for entry in Path(".qlsp_cache").glob("*.json"):
        entry.write_text("{broken")
    assert qlsp("lint").code == 1


def test_many_files_are_linted_in_processes_with_the_same_result(qlsp: Qlsp) -> None:
    padding = "# " + "x" * 20_000 + "\n"
    for number in range(30):
        Path(f"m{number:02}.py").write_text(padding + (LATE_BATCHNORM if number % 3 else STACKED))
    one = qlsp("lint", "--no-cache", "-j", "1", "--output-format", "concise")
    two = qlsp("lint", "--no-cache", "-j", "2", "--output-format", "concise")
    assert two == one
    assert one.out.count("QL101") == 20
