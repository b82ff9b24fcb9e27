"""Mutation testing: which changes of the code does no test notice?

``python3 run.py mutants`` changes one thing at a time in a copy of the contract and of the pure
core, and runs the tests that come by it. What survives is listed in ``docs/mutants.md`` with the
reason; one that is not listed there is an error, and so is a listed one that is killed by now.
With names behind ``--``, as in ``run.py mutants -- 'orly_policy_hookspecs.gate*'``, only these are
tried.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs" / "mutants.md"
LEAST_KILLED = 0.9
PACKAGES = {
    "orly_policy_hookspecs": ROOT / "hookspecs" / "orly_policy_hookspecs",
    "orly_policy_plugin": ROOT / "orly_policy_plugin",
}
MUTATED = ("orly_policy_hookspecs", *(f"orly_policy_plugin/{one}" for one in (
    "authority", "decisions", "lint", "policy",
)))  # fmt: skip
TESTS = (
    "authority", "conformance", "contract", "decisions", "lint", "lists", "nip01", "plugin",
    *(f"plugins/test_{one}.py" for one in (
        "criteria", "criteria_gone", "criteria_keys", "criteria_told", "explained", "section",
        "shown",
    )),
    "policy", "rates", "test_every_field.py", "test_policy_file.py",
)  # fmt: skip
"""Those that are about what is mutated. What only comes by it, as the session's tests do, would
have each survivor take minutes.
"""
NEEDED = ("benchmarks", "docs", "tests", "README.md", "example_relay", "pyproject.toml")
PYTEST_ARGUMENTS = [
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    "--ignore=tests/contract/test_documented.py",  # whose examples are processes of their own
]
LONGEST_SECONDS = 600
"""That the tests may take in a process of its own."""
CONFIGURATION = f"""
[tool.mutmut]
source_paths = {list(PACKAGES)}
only_mutate = {[f"{one}/*" for one in MUTATED]}
also_copy = {[one for one in NEEDED if one != "tests"]}
pytest_add_cli_args_test_selection = {[f"tests/{one}" for one in TESTS]}
pytest_add_cli_args = {PYTEST_ARGUMENTS}
use_git_change_detection = false
timeout_multiplier = 10.0
timeout_constant = 10.0
do_not_mutate_patterns = ['^\\s*log\\.', 'cast\\(']
"""
"""What mutmut is told. Each mutant meets the tests that have called its function.

What is logged is for operators and promised to nobody; a cast is there for mypy. A mutant has ten
times as long as its tests, for the machine may be busy: one that only takes longer is not killed.
"""
KILLED = ("killed", "timeout", "segfault", "suspicious", "caught by type check")
LISTED = re.compile(r"^- `(?P<function>[^`]+)`: ``(?P<change>.+)``$", re.MULTILINE)


def main(folder: Path, names: list[str]) -> int:
    """Try mutants; the exit status.

    :param folder: where the copy is.
    :param names: of mutants, with wildcards; all, where there are none.
    """
    make_tree(folder)
    os.chdir(folder)  # mutmut's configuration is the current folder's
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run", *names]
    environment = {**os.environ, "ORLY_POLICY_TEST_DEPTH": "quick"}
    if status := subprocess.run(command, check=False, env=environment).returncode:
        return status
    found = dict(statuses(names))
    imported = called_while_importing()
    alone = [
        name
        for name in found
        if found[name] not in KILLED and name.partition("__mutmut_")[0] in imported
    ]
    with ThreadPoolExecutor(os.cpu_count()) as at_a_time:
        for name, survives in zip(alone, at_a_time.map(survives_alone, alone), strict=True):
            found[name] = "survived" if survives else "killed"
    return judge(found)


def make_tree(folder: Path) -> None:
    """Copy the project: mutmut wants packages where their names say."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name, path in (PACKAGES | {name: ROOT / name for name in NEEDED}).items():
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=ignored)
        else:
            shutil.copy(path, folder / name)
    with (folder / "pyproject.toml").open("a") as file:
        file.write(CONFIGURATION)


def statuses(names: list[str]) -> Iterator[tuple[str, str]]:
    """Each mutant that was tried, and what became of it."""
    from mutmut.stats import status_by_exit_code

    for path in sorted(Path("mutants").rglob("*.meta")):
        for name, code in json.loads(path.read_text())["exit_code_by_key"].items():
            if not names or any(fnmatch(name, one) for one in names):
                yield name, status_by_exit_code[code]


CALLS_WHILE_IMPORTING = """
import sys

called = set()

def note(frame, event, _):
    function, is_one, _ = frame.f_code.co_name.partition("__mutmut_orig")
    if event == "call" and is_one:
        called.add(f"{frame.f_globals['__name__']}.{function}")

sys.setprofile(note)
import orly_policy_plugin.lint, orly_policy_plugin.plugin
sys.setprofile(None)
print(*called, sep="\\n")
"""


def called_while_importing() -> set[str]:
    """The functions, as mutants name them, that run while the packages are imported.

    mutmut forks from a process that has imported them: there a change of these does nothing.
    """
    command = [sys.executable, "-c", CALLS_WHILE_IMPORTING]
    done = subprocess.run(command, cwd="mutants", stdout=subprocess.PIPE, text=True, check=True)
    return set(done.stdout.split())


def survives_alone(name: str) -> bool:
    """Run the tests in a process of its own, in which the change is there from the beginning.

    Those of the mutant's package come first, for one that fails ends it.
    """
    package = name.split(".")[1]
    tests = [f"tests/{one}" for one in sorted(TESTS, key=lambda one: one != package)]
    command = [sys.executable, "-m", "pytest", "-x", *PYTEST_ARGUMENTS, *tests]
    environment = {**os.environ, "MUTANT_UNDER_TEST": name, "ORLY_POLICY_TEST_DEPTH": "quick"}
    nowhere = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command,
            cwd="mutants",
            env=environment,
            stdout=nowhere,
            stderr=nowhere,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def judge(found: dict[str, str]) -> int:
    """Compare with the list; the exit status."""
    survivors = Counter(map(described, (name for name in found if found[name] not in KILLED)))
    killed = 1 - survivors.total() / len(found)
    functions = {function_of(name) for name in found}
    listed = Counter(
        (one["function"], one["change"])
        for one in LISTED.finditer(LIST.read_text())
        if one["function"] in functions
    )
    say(f"{len(found)} mutants, {killed:.1%} of them killed")
    for title, differ in (
        ("survives and is not in docs/mutants.md:", survivors - listed),
        ("is in docs/mutants.md and does not survive:", listed - survivors),
    ):
        for function, change in sorted(differ.elements()):
            say(f"{title}\n- `{function}`: ``{change}``")
    return 0 if survivors == listed and killed >= LEAST_KILLED else 1


def function_of(name: str) -> str:
    """``package.module.Class.method`` of ``package.module.xǁClassǁmethod__mutmut_1``."""
    module, _, function = name.partition("__mutmut_")[0].rpartition(".")
    parts = function.split("ǁ")[1:] or [function.removeprefix("x_")]
    return ".".join([module, *parts])


def described(name: str) -> tuple[str, str]:
    """A survivor's function, and its change, whose text is the same while other lines change."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = [line for line in get_diff_for_mutant(name).splitlines()[2:] if line[:1] in ("-", "+")]
    return function_of(name), " ".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def say(text: str) -> None:
    """A line."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
