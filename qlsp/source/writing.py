"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, data: bytes, *, mode: int | None = None, sync: bool = False) -> None:
    """Put `data` in place of what `file` holds, in one step. Raises `OSError`.

    Until then it is in a file beside it. `mode` are the permissions, by default those of the
    owner alone; with `sync` the data has reached the disk when the file is replaced.
    """
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        if mode is not None:
            Path(temporary).chmod(mode)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
