"""``python -m benchmarks``: measure and print the table, or draw the plots."""

import argparse
import json
import sys
from pathlib import Path

from . import ROOT, scaling
from .figures import Measured
from .real_events import folder_of_events
from .rows import ROWS, Options, Row
from .table import HEADING, as_json, lines_of, machine
from .timing import Effort


def main() -> None:
    """Do what the command line says."""
    arguments = _parser().parse_args()
    effort = Effort(quick=arguments.quick)
    facts = machine()
    _say(
        f"Python {facts['python']}, {facts['cores']} cores, V (one Schnorr verification) is "
        f"{facts['v_microseconds']} µs"
    )
    if arguments.plots:
        for path in scaling.draw(arguments.plots_folder, effort):
            _say(f"written: {path}")
        return
    options = Options(effort=effort, events=folder_of_events(arguments.events))
    _measure([row for row in ROWS if row.name in arguments.only], options, arguments.json)


def _measure(rows: list[Row], options: Options, json_file: Path) -> None:
    _say(HEADING)
    results: dict[str, tuple[Row, Measured]] = {}
    for row in rows:
        measured = row.measure(options)
        results[row.name] = row, measured
        for line in lines_of(row, measured):
            _say(line)
    json_file.write_text(json.dumps(as_json(results), indent=2, ensure_ascii=False) + "\n")
    _say(f"written: {json_file}")


def _parser() -> argparse.ArgumentParser:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="ROW", help=", ".join(names)
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures are rough")
    parser.add_argument(
        "--json",
        type=Path,
        default=ROOT / "benchmarks" / "results.json",
        metavar="FILE",
        help="where the figures go; without it %(default)s",
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="DIR",
        help="a folder with real events, .jsonl or .jsonl.gz; else $ORLY_BENCHMARK_EVENTS, "
        "else ../shared/data, else events are generated",
    )
    parser.add_argument("--plots", action="store_true", help="measure and draw the plots instead")
    parser.add_argument(
        "--plots-folder",
        type=Path,
        default=ROOT / "docs",
        metavar="DIR",
        help="where the plots go; without it %(default)s",
    )
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
