"""What a builder reads is noticed, however it is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUILDER = """
import json
import os
import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # nothing of it is needed here
from qlsp.verify.runner import reading

reading.record()
reading.watch()
sys.path.insert(0, "project")
import helper
import h5py
import numpy as np

class Lazy(type(sys)):
    def __getattr__(self, name):
        raise RuntimeError("a lazy module was imported")

sys.modules["lazy"] = Lazy("lazy")
open("settings.json").read()
Path("notes.txt").read_text()
np.load("array.npy")
h5py.File("weights.h5", "r").close()
h5py.File(name="more.h5", mode="r").close()
for name in ("gone.json", "gone.h5"):
    try:
        open(name) if name.endswith("json") else h5py.File(name, "r")
    except OSError:
        pass
open("written.txt", "w").close()
os.close(os.open("log.txt", os.O_WRONLY | os.O_CREAT))
Path("own/converted.tflite").read_bytes()
os.listdir(".")
print(json.dumps(reading.files(os.path.abspath("own"))))
"""


def test_modules_and_files_are_told_and_nothing_else(tmp_path: Path) -> None:
    import json

    import h5py
    import numpy as np

    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "helper.py").write_text("import deeper")
    (tmp_path / "project" / "deeper.py").write_text("")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "converted.tflite").write_bytes(b"")
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("")
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("weights.h5", "more.h5"):
        h5py.File(tmp_path / name, "w").close()
    done = subprocess.run(
        [sys.executable, "-c", BUILDER], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told = {Path(each) for each in json.loads(done.stdout)}
    assert {each.relative_to(tmp_path).as_posix() for each in told if tmp_path in each.parents} == {
        *("project/helper.py", "project/deeper.py", "settings.json", "notes.txt", "array.npy"),
        *("weights.h5", "more.h5", "gone.json", "gone.h5"),
    }
    packages = Path(sys.prefix)
    assert not [each for each in told if packages in each.parents]
