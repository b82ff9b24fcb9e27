"""Scripts' processes: when one is started, goes on, is started anew, and ends."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from examples import ALICE, NOBODY, NOW, AnEvent, by

from orly_policy_plugin.decisions.replies import Reply
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.scripts.our_replies import NOT_IN_TIME, STOPPED
from orly_policy_plugin.scripts.running import THREAD_NAME

LogLines = Callable[[], list[str]]

LONG_SECONDS = 20.0

ANSWER = """
for event in events():
    answer(event, msg="{said}")
"""
FIRST, SECOND = ANSWER.format(said="first"), ANSWER.format(said="second")
ONCE_TOLD = """
for event in events():
    while not os.path.exists("go"):
        time.sleep(0.001)
    answer(event, msg="after all")
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(9)"


def numbered(number: int) -> AnEvent:
    return AnEvent(id=f"{number:064x}")


def said(folder: Any, scripts: Any, script: str = "script.py") -> str:
    (told,) = folder.ask(scripts, numbered(0), script=script)
    return str(told.reply.message)


def pids(scripts: Any) -> dict[str, int | None]:
    return {status.path.name: status.pid for status in scripts.status}


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


# --- start and stop


def test_nothing_runs_before_the_start(folder: Any) -> None:
    """A server that forks may load the policy before it does."""
    folder.write(FIRST)
    scripts = folder.scripts()
    assert (threads(), scripts.status) == ([], ())
    scripts.start()
    folder.until(lambda: folder.started)
    folder.until(lambda: pids(scripts) == {"script.py": folder.started[0]})


def test_the_first_question_starts_it_as_well(folder: Any) -> None:
    """Such as that of a command that asks one."""
    folder.write(FIRST)
    assert said(folder, folder.scripts()) == "first"


def test_without_scripts_there_is_no_thread(folder: Any) -> None:
    """Until one is used."""
    scripts = folder.scripts()
    scripts.use(())
    scripts.start()
    assert threads() == []
    scripts.stop()
    folder.write(FIRST)
    scripts.use(["script.py"])
    scripts.start()
    folder.until(lambda: folder.started)


def test_it_runs_in_the_folder_of_the_policy(folder: Any) -> None:
    """In a session of its own, with its three pipes and no other descriptor of ours."""
    folder.write("""
for event in events():
    said = [os.getcwd(), os.getsid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd"))]
    answer(event, msg=json.dumps(said))
""")
    with (folder.path / "other").open("w") as other:
        os.set_inheritable(other.fileno(), False)
        told = json.loads(said(folder, folder.scripts()))
    folder_of_listing = "3"
    assert told == [str(folder.path), True, ["0", "1", "2", folder_of_listing]]


@pytest.mark.parametrize("name", ["script.py", "./script.py", "sub/script.py", "absolute"])
def test_a_path_is_relative_to_the_folder_or_absolute(folder: Any, name: str) -> None:
    """Whatever the working directory is."""
    path = folder.write(FIRST, "sub/script.py" if name.startswith("sub") else "script.py")
    used = str(path) if name == "absolute" else name
    assert said(folder, folder.scripts(used), used) == "first"


def test_stopping_ends_it_in_order(folder: Any) -> None:
    """It sees the end of its input, and has the time to tidy up; all has ended on return."""
    folder.write(FIRST + "time.sleep(0.2); open('tidied', 'w').close()")
    scripts = folder.scripts()
    assert said(folder, scripts) == "first"
    scripts.stop()
    assert (folder.path / "tidied").exists()
    assert (threads(), scripts.status) == ([], ())
    assert not folder.is_alive(folder.started[0])


def test_stopping_asks_with_sigterm_next(folder: Any) -> None:
    """About a second after the end of its input."""
    folder.write(
        "def leave(*_): open('told', 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)" + FIRST + "while True: time.sleep(9)"
    )
    scripts = folder.scripts()
    assert said(folder, scripts) == "first"
    began = time.monotonic()
    scripts.stop()
    assert (folder.path / "told").exists()
    assert time.monotonic() - began > 0.9


def test_stopping_kills_at_last(folder: Any) -> None:
    """About two seconds after the end of its input, whatever it ignores."""
    folder.write("open('ready', 'w').close()\n" + DEAF)
    scripts = folder.scripts()
    scripts.start()
    folder.until((folder.path / "ready").exists)
    time.sleep(0.05)
    began = time.monotonic()
    folder.in_time(scripts.stop)
    assert 1.9 < time.monotonic() - began < 6
    assert not folder.is_alive(folder.started[0])


@pytest.mark.usefixtures("soon_killed")
def test_whoever_waits_when_it_is_stopped_is_told_so(folder: Any) -> None:
    """And so is whoever asks afterwards: at once, and not as the script's failure."""
    folder.write(DEAF)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)

    async def asking() -> list[Reply]:
        asked = [scripts.ask("script.py", numbered(n), "write", NOBODY, NOW) for n in range(20)]
        asked += [scripts.ask("script.py", numbered(0), "read", NOBODY, NOW)]
        folder.until(lambda: folder.started)
        await asyncio.to_thread(scripts.stop)
        asked += [scripts.ask("script.py", numbered(0), "write", NOBODY, NOW)]
        return await asyncio.wait_for(asyncio.gather(*asked), 5)

    assert set(asyncio.run(asking())) == {STOPPED}
    assert len(folder.started) == 1


def test_it_can_be_stopped_and_started_again_and_again(folder: Any) -> None:
    """Each time anew."""
    folder.write(FIRST)
    scripts = folder.scripts()
    scripts.stop()
    for _ in range(3):
        scripts.start()
        assert said(folder, scripts) == "first"
        scripts.stop()
        scripts.stop()
    assert len(set(folder.started)) == 3


@pytest.mark.usefixtures("soon_killed")
def test_calls_from_several_threads_wait_for_each_other(folder: Any) -> None:
    """Stopping, starting, pausing and resuming in any order: none hangs, the last one counts."""
    folder.write("signal.signal(signal.SIGTERM, signal.SIG_IGN)" + FIRST + "time.sleep(9)")
    scripts = folder.scripts()
    scripts.start()
    for _ in range(3):
        folder.in_time(*[scripts.pause, scripts.stop, scripts.start, scripts.resume] * 2)
    scripts.resume()
    scripts.start()
    folder.until(lambda: said(folder, scripts) == "first")
    assert len(threads()) == 1


def test_paused_it_does_not_run_and_questions_wait(folder: Any) -> None:
    """As long as they may; resumed, it answers those that can still be answered."""
    folder.write(FIRST)
    scripts = folder.scripts(longest_wait_seconds=1.0)
    assert said(folder, scripts) == "first"
    scripts.pause()
    assert not folder.is_alive(folder.started[0])
    assert pids(scripts) == {"script.py": None}

    async def asking() -> list[Reply]:
        early = scripts.ask("script.py", numbered(1), "write", NOBODY, NOW)
        assert await early == NOT_IN_TIME
        assert len(folder.started) == 1
        late = scripts.ask("script.py", numbered(2), "write", NOBODY, NOW)
        await asyncio.to_thread(scripts.resume)
        return [await early, await late]

    assert asyncio.run(asking())[1].message == "first"
    assert len(folder.started) == 2


@pytest.mark.usefixtures("soon_killed")
def test_a_pause_outlasts_all_that_starts_one(folder: Any) -> None:
    """A changed file, a new policy, a failure, another start; and it may be paused at first."""
    folder.write("sys.exit(1)")
    scripts = folder.scripts("script.py", "other.py")
    scripts.pause()
    scripts.start()
    folder.write(FIRST)
    scripts.use(["script.py"])
    scripts.use(["other.py", "script.py"])
    time.sleep(0.8)  # that nothing happens can only be waited for
    assert folder.started == []
    scripts.resume()
    folder.until(lambda: folder.started)


# --- one process a script


def test_one_process_for_all_who_name_it(folder: Any) -> None:
    """However they write it, from whichever thread and event loop."""
    folder.write(FIRST)
    folder.write(SECOND, "other.py")
    names = ["script.py", "./script.py", str(folder.path / "script.py")]
    scripts = folder.scripts(*names, "other.py")
    with ThreadPoolExecutor(6) as pool:
        told = pool.map(lambda name: said(folder, scripts, name), [*names, "other.py"] * 5)
        assert list(told) == ["first", "first", "first", "second"] * 5
    assert len(folder.started) == 2
    assert len(threads()) == 1


def test_another_policy_leaves_a_script_running(folder: Any) -> None:
    """That both name; one more is started, and one that is named no longer ends."""
    for name in ("a.py", "b.py", "c.py"):
        folder.write(ANSWER.format(said=name), name)
    scripts = folder.scripts("a.py", "b.py")
    scripts.start()
    folder.until(lambda: len(folder.started) == 2)
    before = pids(scripts)
    scripts.use(["b.py", "c.py"])
    folder.until(lambda: pids(scripts).keys() == {"b.py", "c.py"})
    folder.until(lambda: len(folder.started) == 3)
    assert pids(scripts)["b.py"] == before["b.py"]
    assert not folder.is_alive(before["a.py"])
    assert said(folder, scripts, "b.py") == "b.py"


def test_what_is_named_no_longer_answers_what_it_was_asked(folder: Any) -> None:
    """And what is asked of it meanwhile, by those who decide by the old policy; then it ends."""
    folder.write(ONCE_TOLD)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)

    async def asking() -> list[Reply]:
        asked = [scripts.ask("script.py", numbered(n), "write", NOBODY, NOW) for n in range(5)]
        folder.until(lambda: folder.started)
        scripts.use([])
        await asyncio.sleep(0.6)
        asked += [scripts.ask("script.py", numbered(n), "read", NOBODY, NOW) for n in range(5)]
        (folder.path / "go").touch()
        return await asyncio.gather(*asked)

    assert {reply.message for reply in asyncio.run(asking())} == {"after all"}
    folder.until(lambda: scripts.status == ())
    assert len(folder.started) == 1
    assert not folder.is_alive(folder.started[0])


def test_what_is_named_again_meanwhile_runs_on(folder: Any) -> None:
    """Or is started anew; in either case it answers."""
    folder.write(FIRST)
    scripts = folder.scripts()
    for _ in range(4):
        assert said(folder, scripts) == "first"
        scripts.use([])
        time.sleep(0.15)
        scripts.use(["script.py"])
    folder.until(lambda: said(folder, scripts) == "first")
    assert scripts.status[0].failure == ""


# --- its file changes


def in_place(folder: Any, path: Path, body: str) -> None:
    """As most editors do."""
    head = path.read_text().partition("def answer")[0]
    preamble = path.read_text().partition("\nfor event")[0]
    assert preamble.startswith(head)
    path.write_text(preamble + body)


def and_rename(folder: Any, path: Path, body: str) -> None:
    """As careful ones do."""
    folder.write(body, str(path.relative_to(folder.path)))


def in_pieces(folder: Any, path: Path, body: str) -> None:
    """With half a script in between."""
    whole = path.read_text().partition("\nfor event")[0] + body
    with path.open("w") as file:
        for start in range(0, len(whole), 200):
            file.write(whole[start : start + 200])
            file.flush()
            time.sleep(0.01)


def missing_meanwhile(folder: Any, path: Path, body: str) -> None:
    """Moved aside, written anew."""
    aside = path.rename(path.with_name("aside"))
    time.sleep(0.4)
    folder.write(body, str(path.relative_to(folder.path)))
    aside.unlink()


def by_symlink(folder: Any, path: Path, body: str) -> None:
    """A link to another release is renamed over it."""
    folder.write(body, "release-2/script.py")
    link = folder.path / "link"
    link.symlink_to("release-2/script.py")
    link.replace(path)


@pytest.mark.parametrize(
    "change", [in_place, and_rename, in_pieces, missing_meanwhile, by_symlink]
)
def test_a_changed_file_is_followed(
    folder: Any, log_lines: LogLines, change: Callable[[Any, Path, str], None]
) -> None:
    """However it is saved: the new one answers soon, and nothing is said to be wrong."""
    path = folder.write(FIRST)
    if change is by_symlink:
        folder.write(FIRST, "release-1/script.py")
        path.unlink()
        path.symlink_to("release-1/script.py")
    scripts = folder.scripts()
    assert said(folder, scripts) == "first"
    change(folder, path, SECOND)
    folder.until(lambda: said(folder, scripts) == "second", 5)
    assert log_lines() == []
    assert not folder.is_alive(folder.started[0])


def test_no_question_is_lost_while_a_file_changes(folder: Any) -> None:
    """Each is answered, by the old one or the new one; never by none."""
    folder.write(FIRST)
    scripts = folder.scripts()
    events = [numbered(number) for number in range(20)]
    before = "first"
    for now in ("second", "third", "fourth"):
        heard = {before}
        folder.write(ANSWER.format(said=now))
        while now not in heard:
            heard |= {one.reply.message for one in folder.ask(scripts, *events)}
            assert heard <= {before, now}
        before = now


def test_an_unchanged_file_restarts_nothing(folder: Any) -> None:
    """Reading it, or writing beside it."""
    path = folder.write(FIRST)
    scripts = folder.scripts()
    assert said(folder, scripts) == "first"
    for _ in range(8):
        path.read_text()
        (folder.path / "beside").write_text("x")
        time.sleep(0.1)
    assert said(folder, scripts) == "first"
    assert len(folder.started) == 1


def test_a_removed_file_is_a_failure_until_it_comes_back(folder: Any, log_lines: LogLines) -> None:
    """The process answers what it was asked, and ends."""
    path = folder.write(ONCE_TOLD)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)

    async def asking() -> Reply:
        asked = scripts.ask("script.py", numbered(1), "write", NOBODY, NOW)
        folder.until(lambda: folder.started)
        path.unlink()
        await asyncio.sleep(1.6)
        (folder.path / "go").touch()
        return await asyncio.wait_for(asked, 5)

    assert asyncio.run(asking()).message == "after all"
    folder.until(lambda: not folder.is_alive(folder.started[0]))
    folder.until(lambda: not folder.answers(scripts, numbered(2)))
    assert "is not there" in scripts.status[0].failure
    assert len([line for line in log_lines() if "is not there" in line]) == 1
    folder.write(SECOND)
    folder.until(lambda: said(folder, scripts) == "second", 5)


# --- with a policy


def save(folder: Any, policy: dict[str, Any]) -> Path:
    path = Path(folder.path / "policy.json")
    new = path.with_name("policy.json.new")
    new.write_text(json.dumps(policy))
    return new.replace(path)


def test_a_reload_of_the_policy_keeps_the_process(folder: Any) -> None:
    """One process for the global rule and all kinds that name it, whatever else changes."""
    folder.write("for event in events(): answer(event, 'accept')")
    folder.write("for event in events(): answer(event, 'accept')", "other.py")
    named = {"script": "script.py"}
    rules = {"global": named, "rules": {"1": named, "4": {"script": "./script.py"}}}
    path = save(folder, rules)
    plugin = PolicyPlugin.load(path, clock=lambda: NOW)
    folder.made.append(plugin.scripts)
    plugin.start()
    try:
        folder.until(lambda: folder.started)
        first = plugin.snapshot.version
        save(folder, {**rules, "default_policy": "deny"})
        folder.until(lambda: plugin.snapshot.version != first)
        assert asyncio.run(plugin.on_write(AnEvent(), by(ALICE))).accepted
        assert len(folder.started) == 1
        assert folder.is_alive(folder.started[0])
        save(folder, {"rules": {"1": {"script": "other.py"}}})
        folder.until(lambda: len(folder.started) == 2)
        folder.until(lambda: pids(plugin.scripts) == {"other.py": folder.started[1]})
        assert not folder.is_alive(folder.started[0])
        save(folder, {})
        folder.until(lambda: plugin.scripts.status == ())
    finally:
        plugin.stop()


def test_a_policy_that_names_its_first_script_starts_it(folder: Any) -> None:
    """There was no thread for scripts until then."""
    folder.write(FIRST)
    plugin = PolicyPlugin.load(save(folder, {}), clock=lambda: NOW)
    folder.made.append(plugin.scripts)
    plugin.start()
    try:
        save(folder, {"rules": {"1": {"script": "script.py"}}})
        folder.until(lambda: folder.started)
    finally:
        plugin.stop()


# --- a fork


IN_FORKS = f"""
import asyncio, os, sys, threading
from pathlib import Path
from examples import NOBODY, NOW, AnEvent
from orly_policy_plugin.scripts import Scripts

async def asked(number):
    event = AnEvent(id=f"{{number:064x}}")
    reply = await asyncio.wait_for(
        scripts.ask("script.py", event, "write", NOBODY, NOW), {LONG_SECONDS}
    )
    assert reply.message == "first", reply

def ask_on():
    async def asking():
        for number in range(100, 1_000_000):
            await asyncio.gather(*(asked(50 * number + each) for each in range(50)))
            if is_over.is_set():
                return
    asyncio.run(asking())

scripts, is_over = Scripts(Path(sys.argv[1])), threading.Event()
scripts.use(["script.py"])
scripts.start()
asyncio.run(asked(1))
asking = threading.Thread(target=ask_on)
asking.start()
for number in range(20):
    if (child := os.fork()) == 0:
        status = 1
        try:
            asyncio.run(asked(2))
            scripts.stop()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
is_over.set()
asking.join()
asyncio.run(asked(3))
scripts.stop()
"""


@pytest.mark.heavy
def test_a_fork_asks_processes_of_its_own(folder: Any) -> None:
    """Whatever its parent was about at that moment; the parent's go on."""
    folder.write(FIRST)
    paths = os.pathsep.join(path for path in sys.path if path)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IN_FORKS, str(folder.path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=5 * LONG_SECONDS,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(folder.started) == 21
