"""``orly-policy script-check``, on real scripts with one fault each."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from orly_policy_plugin.cli.script_check.interruptions import uninterrupted

Check = Callable[[str, float], Result]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]
Script = Callable[..., Path]

PYTHON = f"#!{sys.executable} -IS\nimport json, sys\n"
"""Two lines: what follows begins in the third."""

ANSWER = '{"id": event["id"], "action": "accept"}'
GOOD = f"""{PYTHON}for line in sys.stdin:
    event = json.loads(line)
    print(json.dumps({ANSWER}), flush=True)
"""


@pytest.fixture
def script(folder: Path) -> Script:
    """Write a script into the current folder and make it executable."""

    def script(name: str, text: str | bytes, mode: int = 0o755) -> Path:
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return script


JQ = f"""#!{sys.executable} -IS
import json, sys
options = {{option for option in sys.argv[1:] if option.startswith("-")}}
indent = None if "-c" in options else 2
for line in sys.stdin:
    answer = {{"id": json.loads(line)["id"], "action": "accept"}}
    print(json.dumps(answer, indent=indent), flush="--unbuffered" in options)
"""


@pytest.fixture(autouse=True, scope="module")
def _there_is_a_jq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the machine has none, one that accepts everything and buffers as jq does."""
    if shutil.which("jq"):
        yield
        return
    folder = tmp_path_factory.mktemp("bin")
    (folder / "jq").write_text(JQ)
    (folder / "jq").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture
def check(run: Run) -> Run:
    """Run the command on a script, as a process of its own."""

    def check(name: str, *options: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return run("script-check", name, *options, **more)

    return check


@pytest.fixture
def quick_check(folder: Path, invoke: Invoke) -> Check:
    """The same within this process, which saves its start; the script is a real one."""

    def check(name: str, timeout: float) -> Result:
        return invoke("script-check", name, "--timeout", str(timeout))

    return check


# --- nothing is wrong


def test_a_right_script_is_measured(script: Script, check: Run) -> None:
    """Exit 0; what it answered to each sample and how fast, and how many answers a second."""
    rejects = GOOD.replace(ANSWER, '{**answer(event), "id": event["id"]}').replace(
        "for line",
        "def answer(event):\n"
        '    if event["content"]: return {"action": "accept"}\n'
        '    return {"action": "reject", "msg": "blocked: no\\x1b[2J words"}\n'
        "for line",
    )
    script("spam.py", rejects)
    done = check("spam.py")
    first, *rows, empty, last = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert (first, empty, last) == ("spam.py:", "", "no problems found")
    words = [row.split() for row in rows]
    assert [row[0] for row in words] == [*["accept"] * 2, "reject", *["accept"] * 5, "20"]
    assert all(" ms" in row or " s" in row for row in rows)
    assert rows[2].endswith(r"blocked: no\x1b[2J words")
    assert rows[-1].startswith("  20 of 20  events sent together")
    assert rows[-1].endswith(" answers per second")


def test_answers_may_come_in_any_order(script: Script, check: Run) -> None:
    """Answers are matched by their ids: a script that answers the later ones first is right."""
    script(
        "late.py",
        f"""{PYTHON}import os, select
while chunk := os.read(0, 1 << 20):
    while select.select([0], [], [], 0.1)[0] and (more := os.read(0, 1 << 20)):
        chunk += more
    for line in reversed(chunk.splitlines()):
        event = json.loads(line)
        print(json.dumps({ANSWER}), flush=True)
""",
    )
    done = check("late.py")
    assert done.stdout.endswith("\n\nno problems found\n"), done.stdout
    assert done.returncode == 0


def test_what_is_asked_is_what_a_relay_asks(script: Script, check: Run, folder: Path) -> None:
    """Reads, nobody logged in, IPv6, long and odd contents; all ids differ."""
    script(
        "tee.py", GOOD.replace("    event =", "    open('asked', 'a').write(line)\n    event =")
    )
    assert check("tee.py").returncode == 0
    asked = [json.loads(line) for line in (folder / "asked").read_text().split("\n")[:-1]]
    assert len({event["id"] for event in asked}) == len(asked) == 28
    assert {event["access_type"] for event in asked} == {"read", "write"}
    assert sum("logged_in_pubkey" not in event for event in asked) == 1
    assert sum(":" in event["ip_address"] for event in asked) == 1
    assert max(len(event["content"]) for event in asked) > 100_000
    assert max(len(event["tags"]) for event in asked) == 500
    assert any('"' in event["content"] and "\n" in event["content"] for event in asked)


def test_an_event_of_ones_own(script: Script, check: Run, event: Callable[..., Any]) -> None:
    """``--event`` adds a question, here from standard input."""
    script("spam.py", GOOD.replace('"accept"', '"accept" if event["kind"] == 1 else "reject"'))
    own = json.dumps(event(kind=7))
    done = check("spam.py", "--event", "-", stdin=own)
    assert done.returncode == 0
    [row] = [row for row in done.stdout.splitlines() if "your event" in row]
    assert row.split()[0] == "reject"


def test_what_only_a_shell_sets_is_not_there(
    script: Script, quick_check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PYTHONUNBUFFERED would hide that a script does not flush; a relay does not pass it on."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    script("spam.py", GOOD.replace("-IS", "-S").replace(", flush=True", ""))
    assert "does not flush its output" in quick_check("spam.py", 0.3).stdout


def test_a_variable_is_passed_on_by_name(
    script: Script, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``--pass-env``, as a relay does with its setting; otherwise it is not there."""
    monkeypatch.setenv("WORD_LIST", "words.txt")
    script("spam.py", GOOD.replace("for line", "import os; os.environ['WORD_LIST']\nfor line", 1))
    assert invoke("script-check", "spam.py", "--pass-env", "WORD_LIST").exit_code == 0
    assert "KeyError: 'WORD_LIST'" in invoke("script-check", "spam.py").stdout


def test_it_runs_in_the_folder_that_is_named(script: Script, invoke: Invoke, folder: Path) -> None:
    """``--folder`` is where the script starts; its own path starts from where we are."""
    (folder / "relay").mkdir()
    (folder / "relay" / "words").write_text("spam")
    script("spam.py", GOOD.replace("for line", "open('words')\nfor line", 1))
    assert invoke("script-check", "spam.py", "--folder", "relay").exit_code == 0
    assert "FileNotFoundError" in invoke("script-check", "spam.py").stdout


# --- it cannot be started


def _missing(_: Script) -> None:
    """Nothing there."""


def _folder(script: Script) -> None:
    script("x", b"").unlink()
    Path("x").mkdir()


def _fifo(_: Script) -> None:
    os.mkfifo("x")


def _dead_link(_: Script) -> None:
    Path("x").symlink_to("elsewhere")


def _not_executable(script: Script) -> None:
    script("x", GOOD, mode=0o644)


def _no_interpreter(script: Script) -> None:
    script("x", "#!/opt/python9\n")


def _no_first_line(script: Script) -> None:
    script("x", "import json\n")


def _empty(script: Script) -> None:
    script("x", b"")


def _carriage_returns(script: Script) -> None:
    script("x", GOOD.replace("\n", "\r\n"))


def _nothing_behind(script: Script) -> None:
    script("x", "#!\n")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_missing, "x is not there"),
        (_folder, "x is a directory"),
        (_fifo, "x is no ordinary file"),
        (_dead_link, "x is a symlink that leads nowhere"),
        (_not_executable, "x may not be executed by this user; chmod +x it"),
        (_no_interpreter, "x is for the interpreter '/opt/python9', which is not there"),
        (
            _no_first_line,
            "x cannot be started in .: it is no program and does not begin with #!; ",
        ),
        (_empty, "x cannot be started in .: it is no program and does not begin with #!; "),
        (_carriage_returns, "x has Windows line ends"),
        (_nothing_behind, "x names no interpreter in its first line; "),
    ],
)
def test_what_cannot_be_started_gets_one_clear_line(
    make: Callable[[Script], None], says: str, script: Script, quick_check: Check
) -> None:
    """Exit 2, and one line that says why and what to do."""
    make(script)
    done = quick_check("x", 0.3)
    assert (done.exit_code, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert says in line


def test_a_wrong_call(script: Script, invoke: Invoke) -> None:
    """A folder that is not there, a timeout of nothing, an event that is none: exit 2."""
    script("spam.py", GOOD)
    for wrong in (("--folder", "nowhere"), ("--timeout", "0"), ("--event", "spam.py")):
        done = invoke("script-check", "spam.py", *wrong)
        assert (done.exit_code, done.stdout) == (2, "")


# --- one fault each


def _sh(body: str) -> str:
    return f"#!/bin/sh\n{body}\n"


def _answering(answer: str) -> str:
    return GOOD.replace(f"json.dumps({ANSWER})", answer)


QUICK = [
    pytest.param(
        _sh("echo 'no words list' >&2; exit 3"),
        ["problem: ended without any answer (status 3); its last words: no words list"],
        id="exits at once",
    ),
    pytest.param(
        "#!/usr/bin/env python9\n",
        ["problem: ended without any answer (status 127); its last words: ", "python9"],
        id="no interpreter",
    ),
    pytest.param(
        _sh("read line; kill -SEGV $$"),
        ["problem: ended without any answer (by SIGSEGV)"],
        id="killed by a signal",
    ),
    pytest.param(
        f"{PYTHON}event = json.loads(input())\nprint(json.dumps({ANSWER}))\n",
        [
            "problem: ended after 1 answer, though there was more to read",
            "x:3: event = json.loads(input())  ->  for line in sys.stdin:",
        ],
        id="reads one line",
    ),
    pytest.param(
        GOOD.replace("    print", '    event["logged_in_pubkey"]\n    print'),
        [
            "problem: ended when asked about “nobody logged in” (status 1); "
            "its last words: KeyError: 'logged_in_pubkey'",
            "  | Traceback (most recent call last):\n",
            "  | KeyError: 'logged_in_pubkey'\n",
            'x:5: event["logged_in_pubkey"]\n',
            "accept     from an IPv6 address",
        ],
        id="crashes on one",
    ),
    pytest.param(
        GOOD.replace("    print", "    print('looking at', event['kind'])\n    print"),
        [
            "problem: printed 'looking at 1', which is not JSON (27 more)",
            "x:5: print('looking at', event['kind'])  ->  "
            "print('looking at', event['kind'], file=sys.stderr)",
        ],
        id="prints what is no answer",
    ),
    pytest.param(
        _answering(f"json.dumps({ANSWER.replace('accept', 'allow')})"),
        [
            "answered “a plain note”: the action is the text 'allow', which is none of accept, ",
            'x:5: print(json.dumps({"id": event["id"], "action": "allow"}), flush=True)  ->  '
            'print(json.dumps({"id": event["id"], "action": "accept"}), flush=True)',
        ],
        id="unknown action",
    ),
    pytest.param(
        _answering("json.dumps({'id': event['id'], 'action': 'reject', 'msg': 5})"),
        ["answered “a plain note”: msg is the number 5", "x:5: ", "msg is a text in quotes"],
        id="msg is not a text",
    ),
    pytest.param(
        GOOD + f"    print(json.dumps({ANSWER}), flush=True)\n",
        ["problem: answered “a plain note” twice (28 answers more than questions)", "x:6: print("],
        id="answers twice",
    ),
    pytest.param(
        GOOD.replace(
            "    print", "    import time; time.sleep(1.1 * (event['content'] == ''))\n    print"
        ),
        ["note: slow: took 1.", " s for “no content, no tags”", "no problems found"],
        id="slow",
    ),
    pytest.param(
        _sh("sleep 987 >/dev/null 2>&1 &\nexec jq -c --unbuffered '{id, action: \"accept\"}'"),
        ["problem: ended, and left behind: sleep 987", "x:2: sleep 987 >/dev/null 2>&1 &"],
        id="leaves children behind",
    ),
    pytest.param(
        _sh("exec yes"),
        ["problem: printed 'y', which is not JSON (1000 more)"],
        id="floods its output",
    ),
    pytest.param(
        GOOD.replace("for", "sys.stderr.write('x' * (40 << 20))\nfor", 1),
        ["no problems found"],
        id="floods its log",
    ),
]


@pytest.mark.parametrize(("text", "says"), QUICK)
def test_what_is_seen_at_once(
    text: str, says: list[str], script: Script, quick_check: Check
) -> None:
    """Faults that need no waiting: what was seen, and the line to change."""
    script("x", text)
    done = quick_check("x", 4)
    for expected in says:
        assert expected in done.stdout, done.stdout
    assert done.stderr == ""
    assert done.exit_code == ("no problems found" not in done.stdout)


SILENT = [
    pytest.param(
        GOOD.replace(", flush=True", ""),
        [
            "problem: does not flush its output: no answer came within 300 ms, and at the end of "
            "input 8 came at once",
            'x:5: print(json.dumps({"id": event["id"], "action": "accept"}))  ->  '
            'print(json.dumps({"id": event["id"], "action": "accept"}), flush=True)',
            "a plain note                only at the end of input",
        ],
        id="Python does not flush",
    ),
    pytest.param(
        _sh("jq -c '{id, action: \"accept\"}'"),
        ["does not flush its output", "x:2: jq -c '{id", "  ->  jq --unbuffered -c '{id"],
        id="jq does not flush",
    ),
    pytest.param(
        f"{PYTHON}for line in sys.stdin.readlines():\n    event = json.loads(line)\n"
        f"    print(json.dumps({ANSWER}), flush=True)\n",
        ["does not flush", "x:3: for line in sys.stdin.readlines():  ->  for line in sys.stdin:"],
        id="reads to the end first",
    ),
    pytest.param(
        _sh("exec cat >/dev/null"),
        ["problem: gave no answer to any of 8 events", "while IFS= read -r line"],
        id="never answers",
    ),
    pytest.param(
        _answering("'accept'"),
        ["printed 'accept', which is not JSON (7 more)", "x:5: print('accept', flush=True)  ->  "],
        id="prints a word",
    ),
    pytest.param(
        _sh("jq --unbuffered '{id, action: \"accept\"}'"),
        ["printed '{', which is not JSON", "  ->  jq -c --unbuffered"],
        id="an answer of several lines",
    ),
    pytest.param(
        _answering("json.dumps({'action': 'accept'})"),
        ["which names no event in 'id' (7 more)", 'json.dumps({"id": event["id"], "action"'],
        id="no id",
    ),
    pytest.param(
        _answering("json.dumps({'id': '0' * 64, 'action': 'accept'})"),
        ["answers with the id '000", "', which no event has that it was asked about", "x:5: "],
        id="an id of its own",
    ),
    pytest.param(
        GOOD.replace("for", "first = None\nfor").replace(
            "    print", "    first = first or event\n    event = first\n    print"
        ),
        ["problem: answered “unicode, quotes, line ends” with the id of “a plain note”"],
        id="always the first id",
    ),
    pytest.param(
        _answering("json.dumps({'id': event['id'], 'action': 'accept', 'e': ' ' * (1 << 20)})"),
        ["problem: prints a line over 1 MiB (7 more)", "do not send the event back"],
        id="a line too long",
    ),
    pytest.param(
        GOOD.replace(", flush", ", end='', flush"),
        ['problem: printed \'{"id": ', "without an end of line", "x:5: print("],
        id="no end of line",
    ),
    pytest.param(
        GOOD.replace("    print", "    if event['access_type'] == 'read': continue\n    print"),
        [
            "problem: does not answer reads: “a read”",
            "x:5: if event['access_type'] == 'read': continue",
            "no answer  a read\n",
        ],
        id="no answer to reads",
    ),
    pytest.param(
        GOOD.replace("    print", "    if 'logged_in_pubkey' not in event: continue\n    print"),
        ["problem: gave no answer where “nobody logged in”", "x:5: "],
        id="no answer where nobody is logged in",
    ),
    pytest.param(
        GOOD.replace("    print", "    if not event['tags']: continue\n    print"),
        ["problem: gave no answer to “a plain note”", "x:5: if not event['tags']: continue"],
        id="no answer to some",
    ),
    pytest.param(
        f"""{PYTHON}import os
while chunk := os.read(0, 1 << 20):
    while not chunk.endswith(b"\\n"):
        chunk += os.read(0, 1 << 20)
    event = json.loads(chunk.splitlines()[-1])
    print(json.dumps({ANSWER}), flush=True)
""",
        [
            "problem: gave no answer to “event 1 of 20",
            "x:4: while chunk := os.read(0, 1 << 20):  ->",
        ],
        id="several lines in one read",
    ),
    pytest.param(
        GOOD.replace(
            "    print", "    import time; time.sleep(0.4 * (event['content'] == ''))\n    print"
        ),
        ["problem: too slow: took ", " ms for “no content, no tags”: the relay waits 300 ms"],
        id="too slow",
    ),
    pytest.param(
        GOOD + "import time\nwhile True:\n    time.sleep(1)\n",
        [
            "problem: did not end at the end of input",
            "x:7: while True:  ->  for line in sys.stdin:",
        ],
        id="does not end",
    ),
]


@pytest.mark.parametrize(("text", "says"), SILENT)
@pytest.mark.heavy
def test_what_is_seen_by_waiting(
    text: str, says: list[str], script: Script, quick_check: Check
) -> None:
    """Faults that are seen by what does not come: what was seen, and the line to change."""
    script("x", text)
    done = quick_check("x", 0.3)
    for expected in says:
        assert expected in done.stdout, done.stdout
    assert (done.exit_code, done.stderr) == (1, "")


# --- the check itself


def _gone(name: str) -> bool:
    """Nothing runs any more that has the name in its command line."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    return not any(name.encode() in line for line in lines)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.heavy
def test_nothing_outlives_an_interrupted_check(
    how: signal.Signals, script: Script, folder: Path, command: list[str]
) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end the script and what it started."""
    name = f"orphan-{os.getpid()}-{how}"
    body = f"""trap '' TERM INT HUP
sh -c ': {name}; sleep 60; sleep 60' &
touch started
while :; do sleep 60; done"""
    script(name, _sh(body))
    with subprocess.Popen(
        [*command, "script-check", name, "--timeout", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        _until((folder / "started").exists)
        process.send_signal(how)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out.strip(), err.strip()) == (128 + how, b"", b"")
    _until(lambda: _gone(name))


def test_a_signal_waits_until_a_process_is_known() -> None:
    """Whoever is interrupted while it starts one could not end it."""
    known: list[str] = []

    def start() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            known.append("the process")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert known


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at processes in /proc")
def test_nothing_outlives_a_check(script: Script, check: Run) -> None:
    """A script that does not end, and its children, are gone when the answer is there."""
    name = f"lasting-{os.getpid()}"
    script(name, _sh(f"trap '' TERM\nsh -c ': {name}; sleep 60; sleep 60' &\nsleep 60; sleep 60"))
    started = time.monotonic()
    assert "did not end at the end of input" in check(name, "--timeout", "0.2").stdout
    assert time.monotonic() - started < 15
    _until(lambda: _gone(name))


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.heavy
def test_a_flood_is_not_kept(script: Script, command: list[str]) -> None:
    """A line without end costs no memory: the check stays below what the line would take."""
    script("x", _sh("exec cat /dev/zero"))
    limit = 'ulimit -v 1500000; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", limit, "sh", *command, "script-check", "x", "--timeout", "0.5"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "problem: prints a line over 1 MiB" in done.stdout, done.stderr
    assert done.returncode == 1
