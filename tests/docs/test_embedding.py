"""docs/embedding.md: its examples run, and print what the page shows."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_print_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, each with what those before have made."""
    monkeypatch.chdir(tmp_path)
    assert len(EXAMPLES) == PAGE.count("```python") == 3
    made: dict[str, Any] = {}
    for source, expected in EXAMPLES:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "embedding.md", "exec"), made)
        assert printed.getvalue() == expected
