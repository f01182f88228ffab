"""The generated pages in docs/rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlsp.rules.catalogue import RULES
from qlsp.rules.document import markdown
from qlsp.rules.rule import Rule

PAGES = Path(__file__).parents[2] / "docs" / "rules"
COMMAND = "qlsp rule --all --output docs/rules"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_page_is_up_to_date(rule: type[Rule]) -> None:
    page = (PAGES / f"{rule.name}.md").read_text(encoding="utf-8")
    assert page == markdown(rule), f"run `{COMMAND}`"


def test_no_page_without_rule() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {rule.name for rule in RULES}
