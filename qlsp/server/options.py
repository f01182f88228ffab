"""What an editor's settings ask of the server."""

from __future__ import annotations

from dataclasses import dataclass

from qlsp.toml import Table


@dataclass(frozen=True, slots=True)
class Options:
    """The `qlsp` section of an editor's settings, apart from how to start the server."""

    enable: bool = True
    show_syntax_errors: bool = True
    configuration: str | None = None
    """A `qlsp.toml` or `pyproject.toml` to use instead of the ones found beside each file."""
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    interpreter: str | None = None
    """The Python whose installed packages tell the toolchain, where the project doesn't."""
    inlay_hints: bool = True
    code_lens: bool = True

    @classmethod
    def parse(cls, values: object) -> Options:
        """Options from JSON; a section `qlsp` or `settings` around them is taken off.

        Absent and null values are the defaults, unknown keys belong to the client.
        Raises `ConfigError`, naming the setting.
        """
        for section in ("settings", "qlsp"):
            if isinstance(values, dict) and isinstance(values.get(section), dict):
                values = values[section]
        table = Table("editor settings", "qlsp", {} if values is None else values)
        return cls(
            enable=table.boolean("enable", True),
            show_syntax_errors=table.boolean("showSyntaxErrors", True),
            configuration=table.string("configuration") or None,
            select=table.strings("select"),
            ignore=table.strings("ignore") or (),
            interpreter=table.string("interpreter") or None,
            inlay_hints=table.table("inlayHints").boolean("enable", True),
            code_lens=table.table("codeLens").boolean("enable", True),
        )
