"""The contract that installed plugins want, beside the one that is installed."""

from importlib.metadata import Distribution, EntryPoint, version
from os import PathLike

import pytest

from orly_policy_hookspecs.wanted import CONTRACT, fits, misfit, missing

HERE = version(CONTRACT)


class Installed(Distribution):
    """A distribution that needs what it is given."""

    def __init__(self, *needs: str) -> None:
        self._needs = needs

    def read_text(self, filename: str) -> str | None:
        lines = ("Metadata-Version: 2.1", "Name: members", "Version: 1.0")
        needs = (f"Requires-Dist: {need}" for need in self._needs)
        return "\n".join((*lines, *needs)) if filename == "METADATA" else None

    def locate_file(self, path: str | PathLike[str]) -> PathLike[str]:
        raise NotImplementedError


def point(*needs: str) -> EntryPoint:
    """An entry point of a distribution that needs this."""
    made = EntryPoint("pro", "members:pro", "orly_policy")
    vars(made)["dist"] = Installed(*needs)
    return made


@pytest.mark.parametrize(
    ("wanted", "installed", "is_so"),
    [
        ("", "0.1.0", True),
        (">=0.1", "0.1.0", True),
        (">=0.1.1", "0.1.0", False),
        (">=0.1,<0.2", "0.1.9", True),
        (">=0.1,<0.2", "0.2.0", False),
        (">=0.1, <0.2", "0.2", False),
        (">0.1", "0.1.0", False),
        (">0.1", "0.1.1", True),
        ("<=0.1", "0.1.0", True),
        ("<=0.1", "0.1.1", False),
        ("<0.10", "0.9", True),
        ("==0.1", "0.1.0", True),
        ("===0.1.0", "0.1.0", True),
        ("==0.1", "0.1.1", False),
        ("==0.1.*", "0.1.7", True),
        ("==0.1.*", "0.2.0", False),
        ("==0.1.0.*", "0.1", True),
        ("!=0.1.*", "0.1.7", False),
        ("!=0.1.*", "0.2", True),
        ("!=0.1.3", "0.1.3", False),
        ("!=0.1.3", "0.1.2", True),
        ("~=0.1", "0.9", True),
        ("~=0.1", "1.0", False),
        ("~=0.1.2", "0.1.2", True),
        ("~=0.1.2", "0.1.3", True),
        ("~=0.1.2", "0.1.1", False),
        ("~=0.1.2", "0.2.0", False),
        (">=0.2", "0.2.0rc1", True),
        (">=0.3rc1,<0.2", "0.1", True),
        (">=0.3rc1,<0.2", "0.2", False),
        (">=1", "unknown", True),
    ],
)
def test_which_versions_fit(wanted: str, installed: str, is_so: bool) -> None:
    """As PEP 440 has it, of the numbers; what is none of it is not looked at."""
    assert fits(installed, wanted) is is_so


@pytest.mark.parametrize(
    "need",
    [
        f"{CONTRACT}>=9",
        f"{CONTRACT} (>=9)",
        f"{CONTRACT}[testing] >=9",
        "Orly_Policy.Hookspecs>=9",
    ],
)
def test_a_plugin_that_wants_another_one(need: str) -> None:
    """It is named, with what it wants and what is there."""
    assert misfit(point("attrs>=24", need)) == (
        f"plugin pro (members 1.0) wants {CONTRACT}>=9, and {HERE} is installed; "
        f'pip install "{CONTRACT}>=9", or a version of the plugin for {HERE}'
    )


@pytest.mark.parametrize(
    "need",
    [
        f"{CONTRACT}>={HERE}",
        CONTRACT,
        f"{CONTRACT}-x>=9",
        f'{CONTRACT}>=9; extra == "tests"',
        f'{CONTRACT}>=9 ; python_version < "3"',
    ],
)
def test_a_plugin_that_wants_this_one(need: str) -> None:
    """Or that wants another in its tests alone, or says nothing."""
    assert misfit(point(need)) == ""


def test_what_is_wanted_is_told_without_spaces() -> None:
    """As pip takes it."""
    assert f"wants {CONTRACT}>=9,<10, and" in misfit(point(f"{CONTRACT} (>=9, <10)"))


def test_an_entry_point_of_no_distribution() -> None:
    """Then nothing says what it wants, and it is called by where it is."""
    alone = EntryPoint("pro", "members:pro", "orly_policy")
    assert misfit(alone) == ""
    with pytest.raises(ImportError) as caught:
        exec("from orly_policy_hookspecs import of_tomorrow", {})
    said = missing(alone, caught.value)
    assert said.startswith(f"plugin pro (members:pro) wants something that {CONTRACT} ")
    assert said.endswith(f"; its distribution asks for {CONTRACT}")


@pytest.mark.parametrize(
    "code",
    [
        "from orly_policy_hookspecs import of_tomorrow",
        "import orly_policy_hookspecs.of_tomorrow",
        "from orly_policy_hookspecs.hooks import of_tomorrow",
        "import orly_policy_hookspecs; orly_policy_hookspecs.of_tomorrow",
    ],
)
def test_what_the_contract_has_not(code: str) -> None:
    """Whatever the distribution says that it wants."""
    with pytest.raises((ImportError, AttributeError)) as caught:
        exec(code, {})
    said = missing(point(f"{CONTRACT}>=0.1"), caught.value)
    assert said.startswith(
        f"plugin pro (members 1.0) wants something that {CONTRACT} {HERE}, which is installed, "
        "does not have: "
    )
    assert "of_tomorrow" in said
    assert said.endswith(f"; its distribution asks for {CONTRACT}>=0.1")


@pytest.mark.parametrize(
    "code",
    [
        "import nothing_of_this_name",
        "from attrs import of_tomorrow",
        "import attrs; attrs.of_tomorrow",
        "[].of_tomorrow",
        "raise ImportError('no reason')",
        "raise OSError",
    ],
)
def test_what_is_no_fault_of_the_contract(code: str) -> None:
    with pytest.raises((ImportError, AttributeError, OSError)) as caught:
        exec(code, {})
    assert missing(point(), caught.value) == ""
