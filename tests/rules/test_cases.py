"""The examples in the documentation of the rules."""

from __future__ import annotations

import pytest

from qlsp.rules.catalogue import RULES
from qlsp.rules.document import module
from qlsp.rules.rule import Case, Rule
from qlsp.settings import Settings
from tests.rules.support import fixed, found

Example = tuple[type[Rule], Case]
BAD: list[Example] = [(rule, case) for rule in RULES for case in rule.bad]
GOOD: list[Example] = [(rule, case) for rule in RULES for case in rule.good]


def name(value: object) -> str:
    return value.title if isinstance(value, Case) else getattr(value, "code", "")


def chosen(rule: type[Rule], case: Case) -> Settings:
    return Settings(
        select=(rule.code,),
        workflows=case.workflows,
        toolchains=case.toolchains,
        device=case.device,
    )


@pytest.mark.parametrize(("rule", "case"), BAD, ids=name)
def test_bad(rule: type[Rule], case: Case) -> None:
    source, settings = module(case.source), chosen(rule, case)
    assert rule.code in {each.code for each in found(source, settings)}
    expected = source if case.fixed is None else module(case.fixed)
    assert fixed(source, settings) == expected
    if case.fixed is not None:
        assert not found(expected, settings)


@pytest.mark.parametrize(("rule", "case"), GOOD, ids=name)
def test_good(rule: type[Rule], case: Case) -> None:
    assert not found(module(case.source), chosen(rule, case))


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_documentation(rule: type[Rule]) -> None:
    assert rule.summary().endswith(".")
    assert len(rule.summary()) < 100
    for heading in ("## What it does", "## Why it matters"):
        assert heading in rule.body()
    assert len({each.code for each in RULES}) == len({each.name for each in RULES}) == len(RULES)
