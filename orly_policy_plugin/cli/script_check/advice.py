"""From what a script does wrong, and its text, to the line to change. Pure.

Lines are found by their looks, and only once the fault was seen. Where none stands out, and for
languages other than Python, shell and Node, there is general advice.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from .faults import Fault, Finding
from .source import Source

_MOST_LINES: Final = 3
_LONGEST_SHOWN: Final = 160
_LONGEST_LINE: Final = 2_000

_Change = tuple[int, str]
"""A line, from 0, and what would do instead; empty where that depends on what the script does."""


def advise(finding: Finding, source: Source) -> tuple[str, ...]:
    """What to change, a line each: lines of the script where they can be told, else in general."""
    changes = [] if source.language == "other" else [*_changes(finding, source)][:_MOST_LINES]
    told = tuple(_shown(source, *change) for change in changes)
    if told and all(instead for _, instead in changes):
        return told
    return (*told, _ADVICE[finding.fault].format_map(_WORDS[source.language]))


def _shown(source: Source, number: int, instead: str) -> str:
    text = f"{source.name}:{number + 1}: {_cut(source.lines[number])}"
    return f"{text}  ->  {_cut(instead)}" if instead else text


def _cut(text: str) -> str:
    text = text.strip()
    return text[:_LONGEST_SHOWN] + "…" * (len(text) > _LONGEST_SHOWN)


# --- from a fault to lines


def _changes(finding: Finding, source: Source) -> Iterable[_Change]:
    fault, said = finding.fault, finding.said.strip()
    if fault in (Fault.CRASHES, Fault.ENDS_AT_ONCE):
        return _named(said, source)
    if fault is Fault.UNKNOWN_ACTION:
        return _word(said, source)
    if fault is Fault.NOT_JSON:
        return _printing(said, source)
    loop = _WORDS[source.language]["loop"]
    found = [(number, loop) for number, _ in _matching(source, _NO_LOOP.get(fault, _NOTHING))]
    if fault is Fault.NOT_FLUSHED:
        return found or _matching(source, *_HOLDS_BACK.get(source.language, _NEVER))
    return found or _matching(source, _SUSPECT.get(fault, _NOTHING))


def _matching(source: Source, pattern: str, instead: str | None = None) -> Iterator[_Change]:
    """The lines in which the pattern is found, with its replacement. No comments."""
    for number, line in enumerate(source.lines):
        skipped = len(line) > _LONGEST_LINE or line.lstrip().startswith(("#", "//"))
        if not skipped and re.search(pattern, line):
            yield number, "" if instead is None else re.sub(pattern, instead, line, count=1)


def _named(said: str, source: Source) -> Iterator[_Change]:
    """The line that an error message names."""
    named = re.findall(rf'{re.escape(source.name)}"?[:,]?(?: line |: |:)(\d{{1,6}})\b', said)
    numbers = [int(number) - 1 for number in named if 0 < int(number) <= len(source.lines)]
    for number in numbers[:1] if source.language == "node" else numbers[-1:]:
        yield number, ""


def _word(action: str, source: Source) -> Iterable[_Change]:
    """The lines that hold the word which the script gave for an action."""
    meant = _MEANT.get(action.lower())
    pattern = rf"""(["']){re.escape(action)}(\\?["'])"""
    return _matching(source, pattern, meant and rf"\g<1>{meant}\g<2>") if action else []


def _printing(said: str, source: Source) -> Iterable[_Change]:
    """The lines that printed something, told by the fixed parts of their texts."""
    if said.startswith(("{", "[")):
        return _matching(source, *_COMPACT) if source.language == "shell" else []
    found = _matching(source, *_TO_STDERR[source.language])
    answer = _WORDS[source.language]["answer"].replace("accept", _MEANT.get(said, ""))
    return [
        (number, answer if said in _MEANT else instead)
        for number, instead in found
        if _is_part(source.lines[number], said)
    ]


def _is_part(line: str, said: str) -> bool:
    """Whether a fixed part of a text in the line was said."""
    texts = re.findall(r"""["'`]([^"'`]*)["'`]""", line)
    parts = [part for text in texts for part in re.split(r"\$?\{[^}]*\}|\$\w+|%\w|\\n", text)]
    return any(len(part.strip()) > 1 and part.strip() in said for part in parts)


# --- how such lines look


_NOTHING: Final = "(?!)"
_NEVER: Final = (_NOTHING, "")
_READS_ALL: Final = (
    r"stdin(\.buffer)?\.read(lines)?\(\)|json\.load\(sys\.stdin|\$\(\s*(cat\s*\)|<\s*/dev/stdin)"
    r"""|readFileSync\(\s*(0|process\.stdin\.fd|['"]/dev/stdin)"""
)
_NO_LOOP: Final = {
    Fault.NOT_FLUSHED: _READS_ALL,
    Fault.NO_ANSWER: _READS_ALL,
    Fault.ENDS_EARLY: r"^(?!while|for|\s)(.*\b(input|readline)\(|(IFS=\S*\s+)?read\b)|\.once\(",
    Fault.SOME_UNANSWERED: r"""\bos\.read\(|\.read1?\(\d|\.on\(\s*['"]data""",
    Fault.NOT_ENDING: r"\bwhile\s*\(?(True|true|1|:)|setInterval\(",
}
"""Lines for which the language's loop would do."""
_SUSPECT: Final = {
    Fault.ENDS_EARLY: r"^\s*(break|exit)\b|\b(sys|process)\.exit\(|\bhead -n?\s*1\b",
    Fault.NO_ID: "action",
    Fault.OTHER_ID: r"""\bid\b\\?["']?\s*[:=]""",
    Fault.MSG_NOT_A_TEXT: r"\bmsg\b",
    Fault.NO_NEWLINE: r"^(?!.*\\n).*(\bend\s*=|\bprintf\b|\becho\s+-\w*n|write\()",
    Fault.TWICE: r"\bprint\(|\.write\(|\becho\b|\bjq\b|console\.log\(",
    Fault.NO_ANSWER: r"\bcontinue\b|\breturn\s*;",
    Fault.SOME_UNANSWERED: r"\bcontinue\b|\breturn\s*;",
    Fault.READS_UNANSWERED: "access_type",
    Fault.NOBODY_UNANSWERED: "logged_in_pubkey|authed",
    Fault.CHILDREN_LEFT: r"Popen\(|Process\(|\bspawn\(|(?<![&>])&\s*$",
}
_HOLDS_BACK: Final = {
    "python": (r"^(?!.*\b(?:flush|file)\s*=)(\s*print\([^;]*[^,\s])\)\s*$", r"\1, flush=True)"),
    "shell": (
        r"^(?!.*(?:buffered|\$\(|`|<<<|\becho\b|\bprintf\b))(.*)\bjq\b",
        r"\1jq --unbuffered",
    ),
}
_TO_STDERR: Final = {
    "python": (r"^(?!.*\bfile\s*=)(.*\bprint\(.*)\)\s*$", r"\1, file=sys.stderr)"),
    "shell": (r"^(.*\b(?:echo|printf)\b.*)$", r"\1 >&2"),
    "node": (r"console\.log\(", "console.error("),
}
_COMPACT: Final = (r"\bjq\b(?!.*\s(-\w*c\w*|--compact-output)\b)", "jq -c")
_MEANT: Final = {
    **dict.fromkeys(("accept", "accepted", "allow", "allowed", "ok", "yes"), "accept"),
    **dict.fromkeys(("reject", "rejected", "deny", "denied", "block", "no"), "reject"),
    **dict.fromkeys(("shadowreject", "shadow", "shadow_reject"), "shadowReject"),
}

# --- general advice


_WORDS: Final = {
    "python": {
        "loop": "for line in sys.stdin:",
        "answer": 'print(json.dumps({"id": event["id"], "action": "accept"}), flush=True)',
        "flush": "print(…, flush=True), or begin with #!/usr/bin/env -S python3 -u",
        "log": "print what is for people with file=sys.stderr; an answer with json.dumps",
    },
    "shell": {
        "loop": "while IFS= read -r line; do … done",
        "answer": """jq -c --unbuffered '{id, action: "accept"}'""",
        "flush": "jq --unbuffered, grep --line-buffered, sed -u, awk with fflush(), stdbuf -oL "
        "before others",
        "log": "echo what is for people with >&2; make an answer with jq -cn --arg",
    },
    "node": {
        "loop": "require('readline').createInterface({input: process.stdin}).on('line', …)",
        "answer": 'console.log(JSON.stringify({id: event.id, action: "accept"}))',
        "flush": "read lines as they come, with readline",
        "log": "log with console.error; print an answer with console.log(JSON.stringify(answer))",
    },
    "other": {
        "loop": "read a line, answer it, and so on",
        "answer": '{"id": "<the id that was read>", "action": "accept"}',
        "flush": "C: fflush(stdout); Perl: $| = 1; Ruby: $stdout.sync = true",
        "log": "print nothing but answers, one line of JSON each; the rest to standard error",
    },
}
_LOOP: Final = "read lines in a loop until the end of input: {loop}"
_ANSWER: Final = "an answer has the id of the event that was just read: {answer}"
_SLOW: Final = (
    "keep what it looks up in memory; do not start a program or ask the network for each event"
)
_ADVICE: Final = {
    Fault.ENDS_AT_ONCE: _LOOP,
    Fault.ENDS_EARLY: _LOOP,
    Fault.CRASHES: "look at what the script wrote to standard error",
    Fault.NOT_JSON: "{log}",
    Fault.NO_ID: _ANSWER,
    Fault.OTHER_ID: _ANSWER,
    Fault.UNKNOWN_ACTION: "action is one of accept, reject and shadowReject, spelt like this",
    Fault.MSG_NOT_A_TEXT: "msg is a text in quotes, or is left out",
    Fault.LONG_LINE: "an answer has id, action and msg; do not send the event back",
    Fault.NO_NEWLINE: r"end each answer with a newline, \n",
    Fault.NOT_FLUSHED: "read line by line, and flush each answer: {flush}",
    Fault.TWICE: "print one answer to each line, on every way through the script",
    Fault.NO_ANSWER: _LOOP,
    Fault.SOME_UNANSWERED: "every line wants an answer, on every way through the script, "
    "and where several come in one read",
    Fault.READS_UNANSWERED: "every line wants an answer, reads (access_type read) too",
    Fault.NOBODY_UNANSWERED: "logged_in_pubkey is absent where nobody authenticated: take that "
    "for nobody, and answer",
    Fault.SLOW: _SLOW,
    Fault.TOO_SLOW: _SLOW,
    Fault.NOT_ENDING: "leave the loop at the end of input, where a read gives nothing",
    Fault.CHILDREN_LEFT: "end what it started at the end of input (shell: trap 'kill $(jobs -p)' "
    "EXIT)",
}
