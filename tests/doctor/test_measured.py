"""What is found in the graphs of data/ is what the converters were measured to do with them."""

from __future__ import annotations

import json

import pytest

from qlsp.doctor.examine import examine
from tests.doctor.measured import DATA, FAR_OFF, MEASURED, graphs

GRAPHS = graphs()
_FOUND = json.loads(MEASURED.read_text())


@pytest.mark.parametrize("name", GRAPHS)
def test_stops_where_toco_stopped(name: str) -> None:
    said = [finding.says for finding in GRAPHS[name].findings if finding.says]
    assert bool(said) == ("error" in _FOUND["old"][name])


@pytest.mark.parametrize("name", GRAPHS)
def test_says_what_toco_said(name: str) -> None:
    """Of a tensor without a range; TOCO names the first that it comes to."""
    error = _FOUND["old"][name].get("error", "")
    kinds = {finding.kind for finding in GRAPHS[name].findings}
    if kinds == {"missing-range"}:
        said = [finding.says.partition(" If accuracy")[0] for finding in GRAPHS[name].findings]
        assert any(error.startswith(each) for each in said), (error, said)


@pytest.mark.parametrize("name", _FOUND["new_mended"])
@pytest.mark.parametrize("converter", ["old", "new"])
def test_mended_graphs_convert_to_integers(name: str, converter: str) -> None:
    found = _FOUND[f"{converter}_mended"].get(name)
    if found is None:
        pytest.skip("not measured")
    assert found.get("integer"), found
    if (converter, name) in FAR_OFF:
        return
    assert found["decibels"] >= 20
    assert found["steps"] <= 3


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_is_found_in_a_mended_graph(name: str) -> None:
    plan = GRAPHS[name].plan
    if plan is None or not GRAPHS[name].mendable:
        pytest.skip("not mended")
    graph = plan.mended(dict.fromkeys(plan.unmeasured, (-1.0, 3.0)))
    assert examine(DATA / f"{name}.pb", graph, ("image",), ("result",)).findings == ()
    assert list(graph.sorted().nodes) == list(graph.nodes)


def test_all_that_has_findings_but_training_is_mended() -> None:
    left = {name for name, each in GRAPHS.items() if each.findings and not each.mendable}
    assert left == {"norm_in_training", "slim_training", "contrib_training_norm"}
