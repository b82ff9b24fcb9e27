"""``orly-policy init``."""

import json
import os
import resource
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from orly_policy_plugin.recipes import RECIPES

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

NPUB = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"
TEST = ("test", "policy-suite.json", "--policy", "policy.json")
HEX = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_open_relay_is_what_is_written_where_nothing_is_said(folder: Path, run: Run) -> None:
    """It says what it wrote, and what to do next; and that works."""
    done = run("init")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "wrote policy.json",
        "wrote policy-suite.json",
        "wrote blocked.txt",
        "",
        "  orly-policy check policy.json                            what it says",
        "  orly-policy test policy-suite.json --policy policy.json  what it does",
    ]
    for command in (("check", "--start", "policy.json"), ("lint", "policy.json")):
        done = run(*command)
        assert (done.returncode, done.stderr) == (0, "")
    assert run(*TEST).stdout.endswith("in 1 suite: all as expected\n")


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_written_can_be_used(recipe: str, folder: Path, invoke: Invoke) -> None:
    """With an npub, as a newcomer has it: check, lint and test have nothing against it."""
    assert invoke("init", recipe, "--key", NPUB).exit_code == 0
    for command in ("check", "lint"):
        done = invoke(command, "policy.json")
        told = "a start would be refused: the policy needs the follow lists of"
        assert done.exit_code == 0
        assert done.stderr == "" or (recipe == "community" and told in done.stderr)
    assert invoke(*TEST).exit_code == 0
    assert json.loads((folder / "policy.json").read_text())["owners"] == [HEX]


def test_a_community_needs_follow_lists_first(folder: Path, invoke: Invoke) -> None:
    """And is told how to get them."""
    told = invoke("init", "community", "--key", NPUB).stdout
    assert "orly-policy follows import FILE --policy policy.json" in told


def test_keys_are_the_owner_and_members(folder: Path, invoke: Invoke) -> None:
    assert (
        invoke("init", "private", "--key", NPUB, "--key", "B0" * 32, "--key", HEX).exit_code == 0
    )
    lines = (folder / "members.txt").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert lines[1:] == [HEX, "b0" * 32]


@pytest.mark.parametrize("recipe", [name for name, each in RECIPES.items() if each.needs_key])
def test_a_recipe_that_needs_a_key_says_so(recipe: str, folder: Path, invoke: Invoke) -> None:
    """There is no placeholder that could be left in."""
    done = invoke("init", recipe)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{recipe} needs a public key: --key npub1… (the owner, " in done.stderr
    assert files_in(folder) == {}


def test_a_secret_key_is_refused_and_not_repeated(folder: Path, invoke: Invoke) -> None:
    done = invoke(
        "init", "private", "--key", "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935"
    )
    assert done.exit_code == 2
    assert "this is a secret key" in done.stderr
    assert "vl029" not in done.stderr
    assert files_in(folder) == {}


@pytest.mark.parametrize("there", ["policy.json", "policy-suite.json", "members.txt"])
def test_no_file_is_overwritten(there: str, folder: Path, write: Write, invoke: Invoke) -> None:
    """Nor is anything else written then."""
    write(there, "mine")
    done = invoke("init", "private", "--key", NPUB)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"{there} is there already; nothing was written\n"
    assert files_in(folder) == {there: b"mine"}


def test_a_symlink_that_leads_nowhere_is_not_written_through(
    folder: Path, invoke: Invoke, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "policy.json"
    (folder / "policy.json").symlink_to(elsewhere)
    assert invoke("init").exit_code == 2
    assert not elsewhere.exists()


def test_a_folder_is_made(folder: Path, invoke: Invoke) -> None:
    """Where --folder names one that is not there."""
    done = invoke("init", "archive", "--folder", "my relay", "--json")
    assert json.loads(done.stdout) == {
        "recipe": "archive",
        "files": ["my relay/policy.json", "my relay/policy-suite.json"],
    }
    assert sorted(files_in(folder / "my relay")) == ["policy-suite.json", "policy.json"]


def test_a_folder_that_is_made_is_its_owners_alone(folder: Path, invoke: Invoke) -> None:
    """A relay keeps its events there. One that was there is left as it is."""
    (folder / "old").mkdir()
    (folder / "old").chmod(0o755)
    for name in ("new", "old"):
        assert invoke("init", "--folder", name).exit_code == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"new": 0o700, "old": 0o755}


def test_a_file_where_the_folder_should_be(write: Write, folder: Path, run: Run) -> None:
    """One line, exit 2."""
    write("there", "mine")
    done = run("init", "--folder", "there/relay")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
    assert files_in(folder) == {"there": b"mine"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(folder: Path, run: Run) -> None:
    (folder / "closed").mkdir(mode=0o500)
    done = run("init", "--folder", "closed")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "closed/policy.json: Permission denied; nothing was written\n"


def test_a_full_disk_leaves_nothing_half_written(folder: Path, command: list[str]) -> None:
    """The policy has room, its suite has none."""

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))

    done = subprocess.run(
        [*command, "init"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=little_room,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "policy-suite.json: File too large; nothing was written\n"
    assert files_in(folder) == {}


def test_an_unknown_recipe_is_told_with_the_near_one(invoke: Invoke, folder: Path) -> None:
    done = invoke("init", "privat")
    assert done.exit_code == 2
    assert done.stderr == "'privat' is no recipe; did you mean 'private'?\n"
    assert invoke("init", "xyz").stderr.endswith("long-form, group\n")
    assert files_in(folder) == {}


def test_the_list_has_a_line_for_each(invoke: Invoke, folder: Path) -> None:
    """In 80 columns; and as JSON."""
    told = invoke("init", "--list").stdout.splitlines()
    assert [line.split()[0] for line in told[::2]] == list(RECIPES)
    assert max(map(len, told)) <= 80
    listed = json.loads(invoke("init", "--list", "--json").stdout)
    assert [each["name"] for each in listed] == list(RECIPES)
    assert files_in(folder) == {}
