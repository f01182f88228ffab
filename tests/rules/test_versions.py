import pytest

from qlsp.rules.versions import describe
from qlsp.toolchain import MEASURED, Toolchain


def chosen(text: str) -> list[Toolchain]:
    return [each for each, mark in zip(MEASURED, text, strict=True) if mark == "x"]


@pytest.mark.parametrize(
    ("marks", "text", "setting"),
    [
        ("xxxxxxxxx", "", None),
        ("........x", "Keras 3", "keras"),
        ("xxxxxxxx.", "Keras 2", "keras"),
        ("..x......", "tfmot 0.5.0", "tfmot"),
        (".xx......", "tfmot ≤ 0.5.0", "tfmot"),
        ("...xxxxxx", "tfmot ≥ 0.6.0", "tfmot"),
        ("...xx....", "tfmot 0.6.0 to 0.7.0", "tfmot"),
        ("xx.......", "TF ≤ 2.1.4", "tensorflow"),
        ("x.......x", "TF 1.15.5 or TF 2.21.0 with Keras 3", "tensorflow"),
    ],
)
def test_describe(marks: str, text: str, setting: str | None) -> None:
    phrase = describe(chosen(marks), MEASURED)
    assert (phrase.text, phrase.setting) == (text, setting)


def test_tfmot_decides_nothing_without_it() -> None:
    assert describe(chosen(".xx......"), MEASURED, "ptq").text == "TF 2.1.4 or TF 2.5.3"
    assert describe(chosen("..xx....."), MEASURED, "ptq").text == "TF 2.5.3"


def test_many_unrelated_toolchains_are_counted() -> None:
    phrase = describe(chosen("x.x.x.x.."), MEASURED)
    assert phrase.text == "TF 1.15.5 or TF 2.5.3 with tfmot 0.5.0 or 2 others"
