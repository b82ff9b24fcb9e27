"""The pages that are walked through: every command is run, and prints what the page shows."""

from pathlib import Path

import pytest

from .walking import Walk, shown_on, steady


@pytest.mark.parametrize("page", ["quick-start.md", "tutorial.md", "incidents.md"])
@pytest.mark.heavy
def test_what_the_page_shows_is_what_happens(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for ids, times, ports and where programs are."""
    monkeypatch.chdir(tmp_path)
    shown = shown_on(page)
    assert sum(each.language == "console" for each in shown) > 3
    with Walk(tmp_path) as walk:
        for each in shown:
            match each.language:
                case "console":
                    assert steady(walk.run(each.subject)) == steady(each.text), each.subject
                case "diff":
                    walk.edit(each.text)
                case "yaml":
                    walk.write(each.subject, each.text)
                case "text":
                    assert walk.relay_has_said(each.text)
                case _:
                    pytest.fail(f"nothing is known of ```{each.language}")
        assert walk.relay_has_logged() == ""
