"""Entry point of the `qlsp` command."""

from qlsp.cli import main

if __name__ == "__main__":
    main()
