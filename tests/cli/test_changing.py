"""``history``, ``diff``, ``rollback`` and ``follows``: what is kept beside a policy."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authority.making import admin_key, owner_key, stranger_key
from click.testing import Result

from orly_policy_plugin.authority import Freshness, Mark
from orly_policy_plugin.policy import policy_version, read_policy
from orly_policy_plugin.state import Entry
from orly_policy_plugin.state.files.folders import StateFolders
from orly_policy_plugin.state.files.freshness_file import FreshnessFile
from orly_policy_plugin.state.files.history_files import History
from orly_policy_plugin.state.files.locks import exclusive
from orly_policy_plugin.state.files.signed_events import write_event

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

OLD: dict[str, Any] = {"rules": {"1": {"content_limit": 1000}}}
NEW: dict[str, Any] = {"rules": {"1": {"content_limit": 3}}}
APPLIED = 1_700_000_100


def version_of(value: Any) -> str:
    return policy_version(read_policy(json.dumps(value).encode()))


@pytest.fixture
def folders(write: Write) -> StateFolders:
    """NEW stands, by an owner's event; OLD stood before."""
    path = write("policy.json", NEW)
    folders = StateFolders(path)
    with exclusive(folders.lock_file) as held:
        history = History(folders.history, folders.policy_file)
        for value, when, how, who in (
            (OLD, APPLIED - 100, "start", None),
            (NEW, APPLIED, "event", owner_key.pubkey),
        ):
            history.record(
                Entry(
                    version=version_of(value),
                    recorded_at=when,
                    how=how,  # type: ignore[arg-type]
                    author=who,
                    event_id="e7" * 32 if who else None,
                    content=json.dumps(value).encode(),
                ),
                held,
            )
        FreshnessFile(folders.history).raise_to(Freshness(Mark(APPLIED, "e7" * 32)), held)
    return folders


# --- history


def test_history_lists_versions_newest_first(folders: StateFolders, run: Run) -> None:
    """Version, when, how, who and which event; the one that stands is marked."""
    done = run("history", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["version", "when", "how", "who", "event", "with"],
        [
            "*",
            version_of(NEW),
            "2023-11-14T22:15:00Z",
            "event",
            f"{owner_key.pubkey[:8]}…",
            "e7e7e7e7…",
            "0",
        ],
        [version_of(OLD), "2023-11-14T22:13:20Z", "start", "-", "-", "0"],
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_history_for_programs(folders: StateFolders, invoke: Invoke) -> None:
    """Nothing shortened."""
    newest, oldest = json.loads(invoke("history", "policy.json", "--json").stdout)
    assert (newest["stands"], oldest["stands"]) == (True, False)
    assert newest["author"] == owner_key.pubkey
    assert oldest["recorded_at"] == APPLIED - 100


def test_the_environment_names_the_policy(folders: StateFolders, run: Run) -> None:
    """``ORLY_POLICY_PATH``; one that is not absolute is exit 2."""
    done = run("history", ORLY_POLICY_PATH=str(folders.policy_file))
    assert version_of(NEW) in done.stdout
    wrong = run("history", ORLY_POLICY_PATH="policy.json")
    assert wrong.returncode == 2
    assert "not an absolute path" in wrong.stderr


def test_a_state_folder_elsewhere(folders: StateFolders, folder: Path, invoke: Invoke) -> None:
    """``--state`` names it."""
    (folder / "other").mkdir()
    folders.history.rename(folder / "other" / "policy-history")
    assert version_of(OLD) not in invoke("history", "policy.json").stdout
    assert version_of(OLD) in invoke("history", "policy.json", "--state", "other").stdout


def test_without_a_history_it_says_so(write: Write, invoke: Invoke) -> None:
    """Exit 0: there is nothing, and that is no mistake."""
    write("policy.json", {})
    result = invoke("history", "policy.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no history yet" in result.stderr
    assert json.loads(invoke("history", "policy.json", "--json").stdout) == []


def test_a_file_that_is_in_no_entry_is_told(
    folders: StateFolders, write: Write, invoke: Invoke
) -> None:
    """An edit that no relay has taken up."""
    write("policy.json", {})
    result = invoke("history", "policy.json")
    assert "*" not in result.stdout
    assert "in no entry of the history" in result.stderr


def test_the_versions_of_a_file_that_is_gone_are_listed(
    folders: StateFolders, invoke: Invoke
) -> None:
    """So that one can be put back. Exit 2: the file that was named is not there."""
    folders.policy_file.unlink()
    result = invoke("history", "policy.json")
    assert (result.exit_code, "*" in result.stdout) == (2, False)
    assert version_of(OLD) in result.stdout
    assert result.stderr.startswith("policy.json is not there")


# --- diff


def test_diff_compares_versions_and_files(folders: StateFolders, run: Run) -> None:
    """Exit 1 where they differ, with what is newly allowed and refused."""
    done = run("diff", version_of(OLD)[:6], "policy.json", "--policy", "policy.json")
    assert done.stdout == (
        "rules.1.content_limit: 1000 -> 3  newly refused: content of 4 to 1000 bytes\n"
        "  newly refused: writing kind 1, 346 bytes (4 of content); nobody authenticated, "
        "author 868458e8…\n"
        "    rules.1.content_limit: reject: blocked: content is 4 bytes, the limit for kind 1 "
        "is 3\n"
    )
    assert (done.returncode, done.stderr) == (1, "")
    back = run("diff", version_of(NEW), version_of(OLD), "--policy", "policy.json")
    assert "newly allowed: content of 4 to 1000 bytes" in back.stdout


def test_diff_of_the_same(write: Write, invoke: Invoke) -> None:
    """Exit 0, and it says so; comments do not count."""
    write("a.json", OLD)
    write("b.json", OLD | {"_why": "because"})
    result = invoke("diff", "a.json", "b.json")
    assert (result.exit_code, result.stdout) == (0, "both mean the same\n")
    made = json.loads(invoke("diff", "a.json", "b.json", "--json").stdout)
    assert made == {
        "same_meaning": True,
        "decide_alike": True,
        "differences": [],
        "witnesses": [],
        "change_no_decision": [],
        "not_found_out": [],
        "not_looked_into": [],
        "contributions": [],
    }


def test_a_witness_is_what_explain_says(write: Write, invoke: Invoke, alice: str) -> None:
    """Each is a question to either policy: an event, who asks, and when."""
    old = {"rules": {"1": {"write_allow": [alice], "max_age_of_event": 60}}}
    new = {"rules": {"1": {"write_allow": [alice], "max_age_of_event": 30}}}
    write("a.json", old)
    write("b.json", new)
    result = invoke("diff", "a.json", "b.json", "--json")
    [witness] = json.loads(result.stdout)["witnesses"]
    assert (result.exit_code, witness["places"]) == (1, ["rules.1.max_age_of_event"])
    write("event.json", witness["event"])
    question = ("--access", witness["access"], "--event", "event.json", "--json")
    by = ("--authed", *witness["authed"], "--now", str(witness["now"]))
    for name, side in (("a.json", "old"), ("b.json", "new")):
        told = json.loads(invoke("explain", name, *question, *by).stdout)["decision"]
        assert {key: told[key] for key in ("accepted", "message")} == witness[side]


def test_what_changes_no_decision_is_exit_0(write: Write, invoke: Invoke) -> None:
    """It is listed, and said to be no difference."""
    write("a.json", {"kind": {"whitelist": [1]}, "rules": {"2": {"content_limit": 9}}})
    write("b.json", {"kind": {"whitelist": [1]}, "rules": {"2": {"content_limit": 5}}})
    result = invoke("diff", "a.json", "b.json")
    assert (result.exit_code, result.stdout) == (
        0,
        "rules.2.content_limit: 9 -> 5  newly refused: content of 6 to 9 bytes\n"
        "  changes no decision\n"
        "both decide alike, on a question of every region\n",
    )


def test_what_could_not_be_looked_into_is_exit_1(write: Write, invoke: Invoke) -> None:
    """Another script may answer otherwise."""
    write("a.json", {"rules": {"1": {"script": "ask"}}})
    write("b.json", {"rules": {"1": {"script": "tell"}}})
    result = invoke("diff", "a.json", "b.json")
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (
        1,
        [
            "  whether it changes a decision was not found out",
            "no difference of decisions was found; not everything could be looked into",
            "  rules.1.script: the script is taken to accept",
        ],
    )
    assert json.loads(invoke("diff", "a.json", "b.json", "--json").stdout)["decide_alike"] is None


def test_diff_for_programs(write: Write, invoke: Invoke) -> None:
    """Values and effects, nothing shortened."""
    write("a.json", OLD)
    write("b.json", {"rules": {"1": {"content_limit": 1000, "identifier_regex": "x"}}})
    write("c.json", {"rules": {"1": {"content_limit": 1000, "identifier_regex": "y"}}})
    result = invoke("diff", "b.json", "c.json", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["differences"] == [
        {
            "place": "rules.1.identifier_regex",
            "old": "x",
            "new": "y",
            "newly_allowed": [],
            "newly_refused": [],
        }
    ]
    assert "changed: what that allows" in invoke("diff", "b.json", "c.json").stdout


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("nothing", "policy.json"), "nothing is no file, and as a version: there is no version"),
        (("policy.json", "wrong.json"), "wrong.json: rulse: unknown key"),
        (("policy.json", "."), "is a directory"),
    ],
)
def test_what_cannot_be_compared_is_exit_2(
    names: tuple[str, str], says: str, folders: StateFolders, write: Write, invoke: Invoke
) -> None:
    """One line that says why."""
    write("wrong.json", {"rulse": {}})
    result = invoke("diff", *names, "--policy", "policy.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


# --- rollback


def test_rollback_puts_a_version_back(folders: StateFolders, run: Run) -> None:
    """Byte for byte; recorded as a rollback; the mode of the file stays; it says what changed."""
    folders.policy_file.chmod(0o640)
    done = run("rollback", version_of(OLD)[:5], "policy.json")
    assert done.stdout.splitlines() == [
        f"policy put back: version {version_of(OLD)}",
        "rules.1.content_limit: 3 -> 1000  newly allowed: content of 4 to 1000 bytes",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert folders.policy_file.read_bytes() == json.dumps(OLD).encode()
    assert folders.policy_file.stat().st_mode & 0o777 == 0o640
    newest, *others = History(folders.history, folders.policy_file).entries([])
    assert (newest.version, newest.how, newest.author) == (version_of(OLD), "rollback", None)
    assert len(others) == 2


def test_after_a_rollback_no_older_event_is_fresh(folders: StateFolders, invoke: Invoke) -> None:
    """The owner's mark rises to now, far above the event that had been applied."""
    assert invoke("rollback", version_of(OLD), "policy.json").exit_code == 0
    owner = FreshnessFile(folders.history).load().owner
    assert owner is not None
    assert owner.created_at > APPLIED + 1_000_000
    assert owner.event_id == ""


def test_a_hand_edit_goes_into_the_history_first(
    folders: StateFolders, write: Write, invoke: Invoke
) -> None:
    """So that a rollback can be rolled back."""
    write("policy.json", {"default_policy": "deny"})
    assert invoke("rollback", version_of(OLD), "policy.json").exit_code == 0
    entries = list(History(folders.history, folders.policy_file).entries([]))
    assert [entry.how for entry in entries[:2]] == ["rollback", "hand edit"]
    assert invoke("rollback", entries[1].version, "policy.json").exit_code == 0
    assert json.loads(folders.policy_file.read_bytes()) == {"default_policy": "deny"}


@pytest.mark.parametrize("content", [None, '{"rulse": {}}', "{"])
def test_a_file_that_is_gone_or_wrong_can_be_rolled_back(
    content: str | None, folders: StateFolders, write: Write, invoke: Invoke
) -> None:
    """That is when it is needed; what stood there is kept."""
    if content is None:
        folders.policy_file.unlink()
    else:
        write("policy.json", content)
    result = invoke("rollback", version_of(NEW), "policy.json")
    assert result.exit_code == 0
    assert json.loads(folders.policy_file.read_bytes()) == NEW
    kept = [path.read_text() for path in folders.history.glob("unusable-*.json")]
    assert kept == ([content] if content else [])
    assert FreshnessFile(folders.history).load().owner > Mark(APPLIED, "e7" * 32)  # type: ignore[operator]


def test_a_rollback_to_where_nobody_can_look_changes_nothing(
    folders: StateFolders, invoke: Invoke
) -> None:
    """Nobody knows what is there."""
    away = folders.root / ("x" * 300) / "policy.json"
    done = invoke("rollback", version_of(OLD), str(away), "--state", str(folders.root))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be read: File name too long" in done.stderr


def test_what_stands_is_not_put_back(folders: StateFolders, invoke: Invoke) -> None:
    """Nothing changes, the marks neither."""
    result = invoke("rollback", version_of(NEW), "policy.json")
    assert result.exit_code == 0
    assert "already" in result.stdout
    assert FreshnessFile(folders.history).load().owner == Mark(APPLIED, "e7" * 32)


def test_a_version_that_cannot_be_used_any_more_is_refused(
    folders: StateFolders, invoke: Invoke
) -> None:
    """Exit 1, with its places; the file stays."""
    with exclusive(folders.lock_file) as held:
        content = json.dumps({"global": {"script": "x"}}).encode()
        entry = Entry(version="ab" * 6, recorded_at=APPLIED + 1, how="start", content=content)
        History(folders.history, folders.policy_file).record(entry, held)
    result = invoke("rollback", "abab", "policy.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("version abababababab: global.script: ")
    assert json.loads(folders.policy_file.read_bytes()) == NEW


def test_an_unknown_version_is_exit_2(folders: StateFolders, invoke: Invoke) -> None:
    """With those that there are."""
    result = invoke("rollback", "zz", "policy.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert version_of(OLD) in result.stderr


def test_a_file_is_no_version(folders: StateFolders, invoke: Invoke) -> None:
    """The history of another policy would be looked into."""
    done = invoke("rollback", "policy.json")
    assert done.exit_code == 2
    assert done.stderr == "'policy.json' is no version; orly-policy history lists them\n"


def test_marks_that_cannot_be_read_stop_a_rollback(folders: StateFolders, invoke: Invoke) -> None:
    """Nothing is written: without them old events would come back."""
    (folders.history / "freshness.json").write_text("{")
    result = invoke("rollback", version_of(OLD), "policy.json")
    assert result.exit_code == 2
    assert "freshness.json" in result.stderr
    assert json.loads(folders.policy_file.read_bytes()) == NEW


# --- follows


@pytest.fixture
def following(write: Write) -> StateFolders:
    """A policy that needs the admin's list."""
    rule = {"follows_whitelist_admins": [admin_key.pubkey]}
    path = write("policy.json", {"default_policy": "deny", "rules": {"1": rule}})
    return StateFolders(path)


def test_follow_lists_are_imported(following: StateFolders, write: Write, run: Run) -> None:
    """Kept as signed files; then ``explain`` decides with them."""
    missing = run("follows", "list", "--policy", "policy.json")
    assert (missing.returncode, missing.stdout.split()[:2]) == (1, [admin_key.pubkey, "missing"])
    tags = [["p", stranger_key.pubkey], ["p", "nobody"]]
    write("list.json", admin_key.event(3, "", tags, created_at=1_700_000_000))
    done = run("follows", "import", "list.json", "--policy", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    short = admin_key.pubkey[:8]
    assert done.stdout == f"{short}… of 2023-11-14T22:13:20Z follows 1: imported\n"
    listed = run("follows", "list", "--policy", "policy.json")
    assert listed.returncode == 0
    assert "of 2023-11-14T22:13:20Z, follows 1  (the policy needs it)" in listed.stdout
    write("note.json", stranger_key.event())
    asked = ("--access", "write", "--event", "note.json", "--authed", stranger_key.pubkey)
    explained = run("explain", "policy.json", *asked)
    assert explained.stdout.startswith("accept")
    assert explained.stderr == ""


def test_only_newer_lists_replace_what_is_kept(
    following: StateFolders, write: Write, invoke: Invoke
) -> None:
    """In whatever order they come, and by lines or as an array, also from standard input."""
    old = admin_key.event(3, "", [["p", stranger_key.pubkey]], created_at=1_700_000_000)
    new = admin_key.event(3, "", [], created_at=1_700_000_001)
    lines = f"{json.dumps(new)}\n\n{json.dumps(old)}\n"
    result = invoke("follows", "import", "-", "--policy", "policy.json", stdin=lines)
    assert [line.rpartition(": ")[2] for line in result.stdout.splitlines()] == [
        "imported",
        "not newer than what is kept",
    ]
    write("both.json", [old, new])
    again = invoke("follows", "import", "both.json", "--policy", "policy.json")
    assert again.stdout.count("not newer") == 2


def test_one_wrong_event_refuses_all(
    following: StateFolders, write: Write, invoke: Invoke
) -> None:
    """Every problem is named with its place, and nothing is kept."""
    right = admin_key.event(3, "", [])
    forged = right | {"tags": [["p", stranger_key.pubkey]]}
    ahead = admin_key.event(3, "", [], created_at=4_000_000_000)
    write("a.json", [right, forged, admin_key.event(1), ahead, {"id": 1}])
    write("b.json", "{")
    result = invoke("follows", "import", "a.json", "b.json", "--policy", "policy.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line[:60] for line in result.stderr.splitlines()] == [
        "a.json: [1]: the id or the signature is wrong",
        "a.json: [2]: this is kind 1, a list of people is kind 3, 100",
        result.stderr.splitlines()[2][:60],
        "a.json: [4]: the event has no pubkey and no created_at and n",
        result.stderr.splitlines()[4][:60],
        "nothing was imported",
    ]
    assert "seconds ahead" in result.stderr.splitlines()[2]
    assert not following.follows.exists()


# --- explain, with what is kept


def test_explain_counts_contributions_and_names_their_event(
    write: Write, invoke: Invoke, folder: Path
) -> None:
    """The step's place has the event's id, short in the table and whole below it and in JSON."""
    content = {"rules_add": {"30023": {"write_allow": []}}}
    event = admin_key.event(12345, json.dumps(content), created_at=1_700_000_000)
    write("policy.json", {"default_policy": "deny", "policy_admins": [admin_key.pubkey]})
    write_event(folder / "policy-contributions", event["id"], event)
    write("note.json", stranger_key.event(30023))
    asked = ("explain", "policy.json", "--access", "write", "--event", "note.json")
    shown = invoke(*asked)
    assert shown.stdout.startswith("accept")
    assert f"contributions.{event['id'][:8]}…." in shown.stdout
    assert "  rules_add.30023.write_allow " in shown.stdout
    assert event["id"] in shown.stdout.splitlines()
    assert max(map(len, shown.stdout.splitlines())) <= 80
    [step] = json.loads(invoke(*asked, "--json").stdout)["steps"]
    assert step["place"] == f"contributions.{event['id']}.rules_add.30023.write_allow"


def test_what_cannot_be_used_of_the_state_is_told(
    write: Write, invoke: Invoke, folder: Path
) -> None:
    """On standard error; the policy decides without it."""
    write("policy.json", {})
    write("note.json", stranger_key.event())
    (folder / "policy-contributions").mkdir()
    (folder / "policy-contributions" / "mine.json").write_text("{}")
    shown = invoke("explain", "policy.json", "--access", "write", "--event", "note.json")
    assert (shown.exit_code, shown.stdout.split()[0]) == (0, "accept")
    assert shown.stderr.startswith("policy-contributions/mine.json: is not named by")


def test_owners_of_the_environment_count(write: Write, run: Run) -> None:
    """They may read policy events; a value that is no key is exit 2."""
    write("policy.json", {})
    write("update.json", owner_key.event(12345))
    asked = ("--access", "read", "--event", "update.json", "--authed", owner_key.pubkey)
    assert run("explain", "policy.json", *asked).stdout.startswith("reject")
    granted = run("explain", "policy.json", *asked, ORLY_OWNERS=owner_key.pubkey)
    assert granted.stdout.startswith("accept")
    assert run("explain", "policy.json", *asked, ORLY_OWNERS="me").returncode == 2


# --- an output that cannot be written


def unread(command: list[str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose output nobody reads."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as pipe:
        return subprocess.run(
            [*command, *arguments], stdout=pipe, stderr=subprocess.PIPE, timeout=30, check=False
        )


def test_a_rollback_that_is_not_printed_is_done(folders: StateFolders, command: list[str]) -> None:
    """Exit 2, and standard error says that nothing but the printing failed."""
    done = unread(command, "rollback", version_of(OLD), "policy.json")
    assert json.loads(folders.policy_file.read_bytes()) == OLD
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert line.startswith(f"version {version_of(OLD)} is put back into policy.json; what changes")


def test_an_import_that_is_not_printed_is_done_to_its_end(
    folders: StateFolders, write: Write, command: list[str]
) -> None:
    """Not only up to the first line."""
    write("both.json", [key.event(3, "", []) for key in (owner_key, admin_key)])
    done = unread(command, "follows", "import", "both.json", "--policy", "policy.json")
    assert len(list(folders.follows.iterdir())) == 2
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("2 of 2 follow lists are imported")
