"""Pictures of what a terminal shows, in docs/pictures/: ``python3 run.py pictures`` makes them.

Each is of a command that is run. What would be another each time (a process id, a time) is
replaced, so that a second run makes the same files.
"""

import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from .walking import DOCS, Walk, shown_on

PICTURES = DOCS / "pictures"
COLUMNS = 100

TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own loads a font from the network."""

_STEADY = (
    (r"\S*/policy\.json", "/etc/relay/policy.json"),
    (r"since \S+ \(.*\)", "since 2026-11-26T20:48:18Z (3 hours ago)"),
    (r"^  \d+  started .*", "  25514  started 3 hours ago"),
)
"""Of a running relay."""


@attrs.frozen
class Picture:
    """A command, and what it is run on."""

    command: str
    prepare: Callable[[Walk], None]
    is_of_relay: bool = False

    def text(self, folder: Path) -> str:
        """What the terminal shows, as ANSI."""
        before = Path.cwd()
        os.chdir(folder)
        try:
            with Walk(folder, columns=COLUMNS, colours=True) as walk:
                self.prepare(walk)
                printed = walk.run(self.command)
        finally:
            os.chdir(before)
        for pattern, instead in _STEADY if self.is_of_relay else ():
            printed = re.sub(pattern, instead, printed, flags=re.MULTILINE)
        return f"\x1b[1;32m$\x1b[0m {self.command}\n{printed}"


def drawn(name: str, text: str) -> str:
    """The picture of a text."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text), highlight=False, soft_wrap=False)
    svg = console.export_svg(
        title="orly-policy", theme=MONOKAI, code_format=TEMPLATE, unique_id=name
    )
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def text_in(svg: str) -> list[str]:
    """The lines of a picture."""
    lines: dict[int, str] = {}
    found = re.findall(r"<text[^>]*line-(\d+)\)\"[^>]*>(.*?)</text>", svg)
    for number, text in found:
        lines[int(number)] = lines.get(int(number), "") + text
    return [line.replace("&#160;", " ").rstrip() for _, line in sorted(lines.items())]


def _readme(walk: Walk) -> None:
    """The README's policy, the same mistyped, and a note that is too long."""
    readme = (DOCS.parent / "README.md").read_text()
    (policy, *_) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    walk.write("policy.json", policy)
    wrong = policy.replace("280", '"280", "privliged": true').replace('"4"', '"04"')
    walk.write("wrong.json", wrong)
    note = {"id": "e0" * 32, "pubkey": "a1" * 32, "created_at": 1_750_000_000, "kind": 1}
    walk.write(
        "event.json", json.dumps({**note, "tags": [], "content": "a" * 300, "sig": "50" * 64})
    )


def _trying_out(walk: Walk) -> None:
    """The files of docs/trying-out.md."""
    page = (DOCS / "trying-out.md").read_text()
    files = r"`([\w.]+)`[^`]*?\n\n```(?:json|yaml)\n(.*?)```"
    for name, content in re.findall(files, page, re.DOTALL):
        walk.write(name, content)


def _slips(walk: Walk) -> None:
    """What is legal and surely not meant."""
    rules = {"1": {"size_limit": 280}, "7": {"max_age_of_event": 60}}
    walk.write("policy.json", json.dumps({"kind": {"whitelist": [0, 1, 3]}, "rules": rules}))


def _relay(walk: Walk) -> None:
    """The tutorial's relay, as far as Dave's hello."""
    for each in shown_on("tutorial.md"):
        if each.subject.startswith("cp "):
            return
        if each.language == "console":
            walk.run(each.subject)


ALL = {
    "check": Picture("orly-policy check policy.json", _readme),
    "mistakes": Picture("orly-policy check wrong.json", _readme),
    "explain": Picture(
        "orly-policy explain policy.json --access write --event event.json", _readme
    ),
    "lint": Picture("orly-policy lint policy.json", _slips),
    "test": Picture("orly-policy test suite.yaml --policy policy.json --coverage", _trying_out),
    "diff": Picture("orly-policy diff policy.json next.json", _trying_out),
    "status": Picture("orly-policy status relay-data/policy.json", _relay, is_of_relay=True),
}


def all_drawn() -> Iterator[tuple[Path, str]]:
    """Each picture's file with its content."""
    for name, picture in ALL.items():
        with tempfile.TemporaryDirectory() as folder:
            yield PICTURES / f"{name}.svg", drawn(name, picture.text(Path(folder)))


def main() -> None:
    """Make them."""
    PICTURES.mkdir(exist_ok=True)
    for path, svg in all_drawn():
        path.write_text(svg)


if __name__ == "__main__":
    main()
