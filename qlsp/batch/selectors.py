"""Whether selectors select anything."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from qlsp.config import Config
from qlsp.error import QlspError
from qlsp.settings import ALL, specificity
from qlsp.toml import shown


def check_selectors(selectors: Iterable[str], origin: str) -> None:
    """Raise `QlspError` for a selector that no rule answers to."""
    asked = set(selectors) - {ALL}
    if not asked:
        return
    from qlsp.rules.catalogue import RULES  # 0.1 s to import

    for selector in sorted(asked):
        if not any(specificity(selector, rule.code, rule.name) for rule in RULES):
            names = [name for rule in RULES for name in (rule.code, rule.name)]
            close = difflib.get_close_matches(selector, names, n=1)
            hint = f"did you mean {close[0]}?" if close else "`qlsp rule --all` lists them"
            raise QlspError(f"{origin}: no rule is called {selector!r}; {hint}")


def check_config(config: Config) -> None:
    """Raise `QlspError` for a selector in `config` that no rule answers to."""
    if config.file is not None:
        origin = shown(config.file)
        check_selectors(config.select, f"{origin}: select")
        check_selectors(config.ignore, f"{origin}: ignore")
        for pattern, selectors in config.per_file_ignores:
            check_selectors(selectors, f"{origin}: per-file-ignores.{pattern}")
