"""docs/index.md leads to every page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "index.md"


def listed() -> list[Path]:
    """What the tables of contents have."""
    blocks = re.findall(r"```{toctree}\n(?:[^`]*\n)?\n((?:[^`\n]+\n)+)```", INDEX.read_text())
    names = [name for block in blocks for name in block.split()]
    return [(INDEX.parent / f"{name}.md").resolve() for name in names]


def test_each_page_is_listed_once() -> None:
    """Those of the project's folder, too."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    assert sorted(listed()) == sorted(page.resolve() for page in pages if page != INDEX)
