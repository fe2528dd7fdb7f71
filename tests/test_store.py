from __future__ import annotations

import errno
import json
import logging
import multiprocessing
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors import SafetensorError

from valuelocate import store as store_module
from valuelocate.errors import UserError
from valuelocate.store import Draft, Entry, Store, digest, write_atomically, writing

PARTS = {"model": "m", "layers": [1, 2], "percentile": None}
MULTIPROCESSING = multiprocessing.get_context("fork")

# Python 3.12 warns of every fork of a process with threads.
forks = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fill(draft: Draft) -> None:
    draft.tensors({"a": torch.arange(3.0)})
    draft.table(pd.DataFrame({"x": [1, 2]}))
    draft.json({"n": 1})


def unexpected(draft: Draft) -> None:
    raise AssertionError("made again")


def left_over(store: Store) -> list[str]:
    """Whatever lies in the store beside entries."""
    names = [path.name for path in store.root.glob("*/*/*")]
    return sorted(name for name in names if len(name) != 64)


def check(entry: Entry) -> None:
    torch.testing.assert_close(entry.tensors(), {"a": torch.arange(3.0)})
    assert entry.table().to_dict("list") == {"x": [1, 2]}
    assert entry.json() == {"n": 1}


def test_an_entry_is_made_once_and_read_back(store: Store) -> None:
    check(store.get_or_make("kind", PARTS, fill))
    check(store.get_or_make("kind", PARTS, unexpected))
    found = store.get("kind", PARTS)
    assert found is not None
    check(found)
    assert left_over(store) == []


def test_the_manifest_says_what_the_entry_is(store: Store) -> None:
    entry = store.get_or_make("kind", PARTS, fill)
    manifest = json.loads((entry.folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["parts"]) == ("kind", PARTS)
    assert set(manifest["sha256"]) == {"tensors.safetensors", "table.parquet", "data.json"}


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("other", PARTS),
        ("kind", {**PARTS, "model": "n"}),
        ("kind", {**PARTS, "layers": [2, 1]}),
        ("kind", {}),
    ],
)
def test_another_key_is_another_entry(store: Store, kind: str, parts: dict[str, Any]) -> None:
    store.get_or_make("kind", PARTS, fill)
    assert store.get(kind, parts) is None


def test_the_key_depends_on_the_schema(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.get_or_make("kind", PARTS, fill)
    monkeypatch.setattr(store_module, "SCHEMA", store_module.SCHEMA + 1)
    assert store.get("kind", PARTS) is None


def test_digest_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def truncate(folder: Path) -> None:
    path = folder / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def flip(folder: Path) -> None:
    path = folder / "data.json"
    path.write_text(path.read_text().replace("1", "2"))


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "does not have the hash": truncate,
    "data.json does not": flip,
    "table.parquet is missing": lambda folder: (folder / "table.parquet").unlink(),
    "cannot be read": lambda folder: (folder / "manifest.json").unlink(),
    "unreadable manifest: JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "unreadable manifest: Type": lambda folder: (folder / "manifest.json").write_text("[]"),
    "unreadable manifest: Attr": lambda folder: (folder / "manifest.json").write_text('{"sha256": null}'),
    "unreadable manifest: Key": lambda folder: (folder / "manifest.json").write_text("{}"),
    "unreadable manifest: Uni": lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("fault", DAMAGE)
def test_a_corrupt_entry_is_set_aside_and_made_anew(
    store: Store, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = store.get_or_make("kind", PARTS, fill).folder
    # Twice, since the first may be set aside already.
    for _ in range(2):
        DAMAGE[fault](folder)
        assert store.get("kind", PARTS) is None
        with caplog.at_level(logging.WARNING, logger="valuelocate"):
            check(store.get_or_make("kind", PARTS, fill))
    assert str(folder) in caplog.text
    assert fault in caplog.text
    assert left_over(store) == [f"{folder.name}.corrupt"]


def test_an_error_while_making_leaves_nothing_that_looks_complete(store: Store) -> None:
    def failing(draft: Draft) -> None:
        fill(draft)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get_or_make("kind", PARTS, failing)
    assert store.get("kind", PARTS) is None
    assert [name for name in left_over(store) if not name.endswith(".lock")] == []
    check(store.get_or_make("kind", PARTS, fill))
    assert left_over(store) == []


def test_an_error_of_the_operating_system_that_is_not_the_stores_is_not_blamed_on_it(store: Store) -> None:
    def offline(draft: Draft) -> None:
        raise ConnectionError("no route to the hub")

    with pytest.raises(ConnectionError, match="no route"):
        store.get_or_make("kind", PARTS, offline)


def die(root: Path, after: str) -> None:
    def killed(draft: Draft) -> None:
        fill(draft)
        os.kill(os.getpid(), signal.SIGKILL)

    if after == "writing":
        Store(root).get_or_make("kind", PARTS, killed)
    Path.rename = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
    Store(root).get_or_make("kind", PARTS, fill)


@forks
@pytest.mark.parametrize("after", ["writing", "the manifest"])
def test_a_process_killed_while_writing_leaves_no_entry_and_no_lock(store: Store, after: str) -> None:
    process = MULTIPROCESSING.Process(target=die, args=(store.root, after))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert store.get("kind", PARTS) is None
    assert any(name.startswith(".draft-") for name in left_over(store))
    check(store.get_or_make("kind", PARTS, fill))
    assert left_over(store) == []


def make_slowly(root: Path, made: Path) -> None:
    def slow(draft: Draft) -> None:
        with made.open("a") as file:
            file.write("made\n")
        time.sleep(0.2)
        fill(draft)

    check(Store(root).get_or_make("kind", PARTS, slow))


@forks
def test_concurrent_processes_make_an_entry_once(store: Store, tmp_path: Path) -> None:
    made = tmp_path / "made"
    processes = [MULTIPROCESSING.Process(target=make_slowly, args=(store.root, made)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert made.read_text() == "made\n"
    assert left_over(store) == []


@forks
def test_an_entry_whose_maker_failed_is_made_by_who_waited(store: Store, tmp_path: Path) -> None:
    waiting = MULTIPROCESSING.Process(target=make_slowly, args=(store.root, tmp_path / "made"))

    def failing(draft: Draft) -> None:
        waiting.start()
        time.sleep(0.3)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.get_or_make("kind", PARTS, failing)
    waiting.join(60)
    assert waiting.exitcode == 0
    check(store.get_or_make("kind", PARTS, unexpected))


FULL = OSError(errno.ENOSPC, "No space left on device")


def full(*args: Any, **kwargs: Any) -> None:
    raise FULL


def full_of_tensors(*args: Any, **kwargs: Any) -> None:
    raise SafetensorError("I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize(
    ("owner", "name", "replacement"),
    [
        (store_module, "save_file", full_of_tensors),
        (pd.DataFrame, "to_parquet", full),
        (Path, "write_text", full),
        (Path, "mkdir", full),
        (Path, "rename", full),
    ],
)
def test_a_full_disk_is_one_clear_error(
    store: Store, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, replacement: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, replacement)
        with pytest.raises(
            UserError,
            match=r"cannot write .*store.*No space left .* set paths\.outputs and paths\.store elsewhere",
        ):
            store.get_or_make("kind", PARTS, fill)
    assert store.get("kind", PARTS) is None
    check(store.get_or_make("kind", PARTS, fill))


def test_an_entry_that_appears_while_it_is_made_is_taken(store: Store) -> None:
    def overtaken(draft: Draft) -> None:
        fill(draft)
        other = Store(store.root.with_name("other")).get_or_make("kind", PARTS, fill)
        other.folder.rename(store.folder("kind", PARTS))

    check(store.get_or_make("kind", PARTS, overtaken))
    assert left_over(store) == []


def test_a_root_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    blocked = Store(tmp_path / "file")
    assert blocked.get("kind", PARTS) is None
    with pytest.raises(UserError, match=r"cannot write .*Not a directory"):
        blocked.get_or_make("kind", PARTS, fill)
    with pytest.raises(UserError, match=r"cannot write .*Not a directory"):
        blocked.scratch("kind", PARTS, "state")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_without_permission_can_be_read_but_not_written(store: Store) -> None:
    entry = store.get_or_make("kind", PARTS, fill)
    folders = [path for path in store.root.rglob("*") if path.is_dir()]
    for folder in folders:
        folder.chmod(0o500)
    try:
        check(store.get_or_make("kind", PARTS, unexpected))
        with pytest.raises(UserError, match="Permission denied"):
            store.get_or_make("kind", {**PARTS, "model": "n"}, fill)
    finally:
        for folder in folders:
            folder.chmod(0o700)
    check(entry)


def test_others_may_read_what_the_umask_lets_them(store: Store) -> None:
    before = os.umask(0o022)
    try:
        folder = store.get_or_make("kind", PARTS, fill).folder
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o644}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_scratch_lies_beside_the_entry(store: Store) -> None:
    scratch = store.scratch("kind", PARTS, "state")
    assert scratch == store.folder("kind", PARTS).with_name(f"{store.folder('kind', PARTS).name}.state")
    assert scratch.parent.is_dir()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    write_atomically(path, lambda temporary: temporary.write_text("before"))

    def failing(temporary: Path) -> None:
        temporary.write_text("half")
        raise FULL

    with pytest.raises(UserError, match=r"cannot write .*file\.txt: No space left on device"):
        write_atomically(path, failing)
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_keeps_the_suffix(tmp_path: Path) -> None:
    seen: list[str] = []

    def keep(temporary: Path) -> None:
        seen.append(temporary.suffix)
        temporary.touch()

    write_atomically(tmp_path / "table.parquet", keep)
    assert seen == [".parquet"]


def test_writing_leaves_other_errors_alone(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path):
        raise ZeroDivisionError
