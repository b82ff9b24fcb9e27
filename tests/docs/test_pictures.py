"""docs/pictures/ shows what the commands print."""

import re
from pathlib import Path

import pytest

from .pictures import ALL, PICTURES, drawn, text_in

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.heavy
def test_it_shows_what_is_printed(name: str, tmp_path: Path) -> None:
    """One that drifts is made anew by ``python3 run.py pictures``."""
    now = drawn(name, ALL[name].text(tmp_path))
    there = (PICTURES / f"{name}.svg").read_text()
    assert text_in(there) == text_in(now)
    assert text_in(there)[0] == f"$ {ALL[name].command}"


def test_each_is_shown_somewhere() -> None:
    """On a page, or in the README; and none is shown that is not made."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    shown = {
        name for page in pages for name in re.findall(r"pictures/(\w+)\.svg", page.read_text())
    }
    assert shown == set(ALL) == {path.stem for path in PICTURES.glob("*.svg")}


def test_they_load_nothing_from_the_network() -> None:
    """They name no address but that of SVG."""
    for path in PICTURES.glob("*.svg"):
        assert set(re.findall(r"https?://[^\"]*", path.read_text())) == {
            "http://www.w3.org/2000/svg"
        }
