import os
from pathlib import Path

from qlsp.zoo.state import changed, newest, states


def test_content_counts_and_time_alone_does_not(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("a = 1")
    before = states([file])
    assert not changed(before)
    os.utime(file, (1, 1))
    assert not changed(before)
    file.write_text("a = 2")
    assert changed(before)


def test_a_file_that_comes_or_goes(tmp_path: Path) -> None:
    file = tmp_path / "weights.h5"
    missing = states([file])
    assert not changed(missing)
    file.write_bytes(b"weights")
    assert changed(missing)
    there = states([file])
    file.unlink()
    assert changed(there)


def test_a_folder_counts_with_all_in_it(tmp_path: Path) -> None:
    inside = tmp_path / "saved" / "variables"
    inside.mkdir(parents=True)
    (inside / "data").write_bytes(b"1")
    before = states([tmp_path / "saved"])
    assert not changed(before)
    (inside / "data").write_bytes(b"2")
    assert changed(before)
    before = states([tmp_path / "saved"])
    (inside / "more").write_bytes(b"")
    assert changed(before)


def test_newest(tmp_path: Path) -> None:
    for name, seconds in (("a", 5), ("b", 7)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (seconds, seconds))
    assert newest(states([tmp_path / "a", tmp_path / "b", tmp_path / "none"])) == 7 * 10**9
