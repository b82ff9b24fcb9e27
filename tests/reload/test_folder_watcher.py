"""Following folders in which files are renamed and removed."""

import threading
from pathlib import Path

import pytest

from orly_policy_plugin.reload import FolderWatcher


def test_what_could_not_be_taken_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it is; what is wrong is in the log once."""
    calls: list[int] = []
    taken = threading.Event()

    def changed() -> None:
        calls.append(len(list(tmp_path.iterdir())))
        if len(calls) < 4:
            raise ValueError("not now")
        taken.set()

    (tmp_path / "one").touch()
    watcher = FolderWatcher([tmp_path], changed)
    watcher.start()
    try:
        assert taken.wait(10)
    finally:
        watcher.stop()
    assert calls == [1, 1, 1, 1]
    assert len([record for record in caplog.records if record.exc_text]) == 1
