"""Which line of a script is to be changed."""

import pytest

from orly_policy_plugin.cli.script_check.advice import advise
from orly_policy_plugin.cli.script_check.faults import Fault, Finding
from orly_policy_plugin.cli.script_check.source import Source

PYTHON = "#!/usr/bin/env python3"
SHELL = "#!/bin/sh"
NODE = "#!/usr/bin/env node"
PERL = "#!/usr/bin/perl"


def advice(fault: Fault, text: str, said: str = "") -> tuple[str, ...]:
    """What is said of a script in which a fault was seen."""
    return advise(Finding(fault, "seen", said), Source("x", text))


@pytest.mark.parametrize(
    ("first", "language"),
    [
        (PYTHON, "python"),
        ("#!/opt/python3.12", "python"),
        ("#!/usr/bin/env -S python3 -u", "python"),
        ("#!/bin/bash -e", "shell"),
        (NODE, "node"),
        ("#!/usr/bin/tcc -run", "other"),
        ("#!/opt/sh-tools/perl", "other"),
        ("import json", "other"),
        ("", "other"),
    ],
)
def test_the_language(first: str, language: str) -> None:
    """It is told by the first line."""
    assert Source("x", f"{first}\n").language == language


@pytest.mark.parametrize(
    ("fault", "first", "line", "said", "instead"),
    [
        (Fault.NOT_FLUSHED, PYTHON, "print(answer)", "", "print(answer, flush=True)"),
        (Fault.NOT_FLUSHED, PYTHON, "a = json.load(sys.stdin)", "", "for line in sys.stdin:"),
        (Fault.NOT_FLUSHED, SHELL, "jq -c '{id}'", "", "jq --unbuffered -c '{id}'"),
        (Fault.NOT_FLUSHED, SHELL, "a=$(cat)", "", "while IFS= read -r line; do … done"),
        (Fault.ENDS_EARLY, PYTHON, "line = input()", "", "for line in sys.stdin:"),
        (Fault.ENDS_EARLY, PYTHON, "e = sys.stdin.readline()", "", "for line in sys.stdin:"),
        (Fault.ENDS_EARLY, SHELL, "read -r a", "", "while IFS= read -r line; do … done"),
        (Fault.NOT_JSON, PYTHON, "print('saw', n)", "saw 5", "print('saw', n, file=sys.stderr)"),
        (Fault.NOT_JSON, SHELL, 'echo "saw $n"', "saw 5", 'echo "saw $n" >&2'),
        (Fault.NOT_JSON, NODE, "console.log(`saw ${n}`)", "saw 5", "console.error(`saw ${n}`)"),
        (Fault.NOT_JSON, SHELL, "jq '{id}'", "{", "jq -c '{id}'"),
        (Fault.UNKNOWN_ACTION, PYTHON, 'a = {"b": "Allow"}', "Allow", 'a = {"b": "accept"}'),
        (
            Fault.UNKNOWN_ACTION,
            SHELL,
            r'echo "{\"b\":\"no\"}"',
            "no",
            r'echo "{\"b\":\"reject\"}"',
        ),
        (Fault.NOT_ENDING, SHELL, "while true; do", "", "while IFS= read -r line; do … done"),
    ],
)
def test_the_line_with_what_would_do(
    fault: Fault, first: str, line: str, said: str, instead: str
) -> None:
    """The line, and behind an arrow the same line as it should be."""
    assert advice(fault, f"{first}\n{line}\n", said) == (f"x:2: {line}  ->  {instead}",)


@pytest.mark.parametrize(
    ("fault", "line", "said"),
    [
        (Fault.CRASHES, 'a = event["sig"]', 'File "/srv/x", line 2, in <module>\nKeyError: …'),
        (Fault.ENDS_AT_ONCE, "nosuch", "./x: line 2: nosuch: command not found"),
        (Fault.UNKNOWN_ACTION, 'a = {"action": "maybe"}', "maybe"),
        (Fault.ENDS_EARLY, "    break", ""),
        (Fault.NO_ANSWER, "    continue", ""),
        (Fault.MSG_NOT_A_TEXT, "answer['msg'] = 5", ""),
        (Fault.TWICE, "print(answer)", ""),
        (Fault.CHILDREN_LEFT, "subprocess.Popen(words)", ""),
    ],
)
def test_the_line_and_general_advice(fault: Fault, line: str, said: str) -> None:
    """Where it depends on the script what would do, that is told in general."""
    named, general = advice(fault, f"{PYTHON}\n{line}\n", said)
    assert named == f"x:2: {line.strip()}"
    assert general


@pytest.mark.parametrize(
    ("fault", "text", "said"),
    [
        (Fault.NOT_FLUSHED, f"{PYTHON}\nprint(answer, flush=True)", ""),
        (Fault.NOT_FLUSHED, f"{PYTHON}\nprint(answer, file=sys.stderr)", ""),
        (Fault.NOT_FLUSHED, f"{PYTHON}\n# print(answer)", ""),
        (Fault.NOT_FLUSHED, f"{SHELL}\nid=$(jq -r .id)", ""),
        (Fault.NOT_FLUSHED, f'{SHELL}\necho "$line" | jq -c "{{id}}"', ""),
        (Fault.NOT_FLUSHED, f"{PERL}\nprint($answer)", ""),
        (Fault.NOT_JSON, f"{PYTHON}\nprint('hello')", "goodbye"),
        (Fault.NOT_JSON, f"{PYTHON}\nprint({{'id': n}})", "{'id': 5}"),
        (Fault.CRASHES, f"{PYTHON}\n", 'File "x", line 99'),
        (Fault.CRASHES, f"{PYTHON}\n", 'File "/lib/json.py", line 1'),
        (Fault.UNKNOWN_ACTION, f"{PYTHON}\na = ''", ""),
    ],
)
def test_no_line_stands_out(fault: Fault, text: str, said: str) -> None:
    """Then no line is named, and there is general advice alone."""
    [general] = advice(fault, text, said)
    assert not general.startswith("x:")


@pytest.mark.parametrize("first", [PYTHON, SHELL, NODE, PERL])
def test_there_is_general_advice_for_everything(first: str) -> None:
    """Each fault has some in each language, with nothing left to fill in."""
    for fault in Fault:
        [general] = advice(fault, f"{first}\n")
        assert general
        assert not {"{loop}", "{answer}", "{flush}", "{log}"} & set(general.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{PYTHON}\n\0",
        f"{PYTHON}\n" + "print(" * 330 + ")" * 330,
        f"{SHELL}\n" + "jq " * 300_000 + "--unbuffered",
        f"{SHELL}\r\njq '\r\n",
        f"{NODE}\n" + "console.log('\n" * 500,
    ],
)
def test_odd_scripts(text: str) -> None:
    """Whatever the text is, at most three lines of it and no empty advice."""
    for fault in Fault:
        told = advice(fault, text, said="x:1: {'a")
        assert 1 <= len(told) <= 4
        assert all(line and len(line) < 500 for line in told)
