from importlib.resources import files
from itertools import product

import pytest

from qlsp.error import QlspError
from qlsp.evidence import Cell, Evidence, MeasuredOp, Measurement, load
from qlsp.evidence.patterns import patterns
from qlsp.evidence.toolchains import SETUPS, Setup, setup
from qlsp.lower.lowering import ConversionError, Op
from qlsp.toolchain import MEASURED, Toolchain
from tests.evidence import figures

EVIDENCE = Evidence(
    Toolchain("2.21.0", 2, "0.8.1"),
    "3.11.7",
    {"image > conv > relu6": (("input_1", "InputLayer"), ("conv2d", "Conv2D"))},
    {
        ("image > conv > relu6", "ptq"): Cell(
            "image > conv > relu6",
            "ptq",
            (MeasuredOp(Op("CONV_2D", "RELU6", "INT8"), ("conv2d", "re_lu")),),
            ("INT8", "INT8"),
        ),
        ("image > conv > relu6", "float"): Cell(
            "image > conv > relu6",
            "float",
            error=ConversionError("ValueError", "said “no”", stage="build"),
        ),
    },
)


def test_round_trip() -> None:
    text = EVIDENCE.dump()
    assert Evidence.parse(text) == EVIDENCE
    assert Evidence.parse(text).dump() == text


def test_a_cell_is_a_line_in_the_order_of_workflows() -> None:
    cells = [line for line in EVIDENCE.dump().splitlines() if '"workflow"' in line]
    assert cells == [
        '{"pattern": "image > conv > relu6", "workflow": "float", '
        '"error": "ValueError", "stage": "build", "message": "said “no”"},',
        '{"pattern": "image > conv > relu6", "workflow": "ptq", '
        '"types": ["INT8", "INT8"], "ops": ["CONV_2D+RELU6:INT8 conv2d re_lu"]}',
    ]


def test_differences() -> None:
    same = EVIDENCE.cells["image > conv > relu6", "float"]
    unfused = Cell("image > conv > relu6", "ptq", (MeasuredOp(Op("CONV_2D")),), ("INT8", "INT8"))
    new = Cell("image > conv", "ptq")
    cells = {(cell.pattern, cell.workflow): cell for cell in (same, unfused, new)}
    other = Evidence(EVIDENCE.toolchain, "3.11.7", {}, cells)
    assert EVIDENCE.differences(EVIDENCE) == []
    assert EVIDENCE.differences(other) == [
        (None, new),
        (EVIDENCE.cells["image > conv > relu6", "ptq"], unfused),
    ]


def test_another_format_is_refused() -> None:
    with pytest.raises(QlspError, match="format 2"):
        Evidence.parse('{"format": 2}')


def test_a_toolchain_without_evidence_is_refused() -> None:
    with pytest.raises(QlspError, match=r"no evidence for TF 2\.4\.0"):
        load(Toolchain("2.4.0", 2, None))


def test_the_measured_toolchains_are_those_with_data() -> None:
    data = files("qlsp.evidence") / "data"
    assert sorted(file.name for file in data.iterdir() if file.name.startswith("tf")) == sorted(
        f"{each.name}.json" for each in SETUPS
    )
    assert sorted(MEASURED, key=str) == sorted((each.toolchain for each in SETUPS), key=str)


@pytest.mark.parametrize("each", SETUPS, ids=lambda each: each.name)
def test_a_measured_pattern_was_measured_by_every_workflow(each: Setup) -> None:
    evidence = load(each.toolchain)
    assert evidence.toolchain == each.toolchain
    measured = {pattern for pattern, _ in evidence.cells}
    assert measured <= {pattern.name for pattern in patterns(each.flavour)}
    assert set(evidence.cells) == set(product(measured, each.workflows))


@pytest.mark.parametrize("each", SETUPS[:2], ids=lambda each: each.name)
def test_the_newest_toolchains_have_every_pattern(each: Setup) -> None:
    measured = {pattern for pattern, _ in load(each.toolchain).cells}
    assert measured == {pattern.name for pattern in patterns(each.flavour)}


@pytest.mark.parametrize("each", SETUPS, ids=lambda each: each.name)
def test_data_files_are_in_canonical_form(each: Setup) -> None:
    data = files("qlsp.evidence") / "data" / f"{each.name}.json"
    text = data.read_text(encoding="utf-8")
    assert Evidence.parse(text).dump() == text


@pytest.mark.parametrize("each", SETUPS, ids=lambda each: each.name)
def test_ops_name_layers_of_their_pattern(each: Setup) -> None:
    evidence = load(each.toolchain)
    for cell in evidence.cells.values():
        names = {name for name, _ in evidence.layers.get(cell.pattern, ())}
        assert {name for op in cell.ops for name in op.layers} <= names


def test_unknown_toolchain() -> None:
    with pytest.raises(QlspError, match=r"no toolchain 'tf9' is known; known are tf2\.21\.0"):
        setup("tf9")


# What everyone should know; a new measurement that says otherwise is worth a look.
@pytest.mark.parametrize(
    ("toolchain", "pattern", "workflow", "ops"),
    [
        ("tf2.5.3-keras2-tfmot0.5.0", "gray > conv_column > relu", "qat", "CONV_2D RELU"),
        ("tf2.5.3-keras2-tfmot0.6.0", "gray > conv_column > relu", "qat", "CONV_2D+RELU"),
        ("tf2.21.0-keras2-tfmot0.8.1", "image > conv > relu > bn", "ptq", "CONV_2D+RELU MUL ADD"),
        ("tf2.21.0-keras3-tfmot0.8.1", "image > conv > bn > relu6", "ptq", "CONV_2D+RELU6"),
    ],
)
def test_facts(toolchain: str, pattern: str, workflow: Measurement, ops: str) -> None:
    cell = load(setup(toolchain).toolchain).cells[pattern, workflow]
    assert " ".join(str(op.op).removesuffix(":INT8") for op in cell.ops) == ops


def test_the_documented_figures_are_those_of_the_data() -> None:
    text = figures.DOCUMENT.read_text(encoding="utf-8")
    assert figures.written(text) == text, "run python -m tests.evidence.figures"
