"""The table of recipes, and the files that one of them is written as."""

from collections.abc import Iterator
from typing import Final

from .archive import ARCHIVE
from .cases import NOW
from .community import COMMUNITY
from .group import GROUP
from .inbox import INBOX
from .long_form import LONG_FORM
from .open_relay import OPEN
from .paid import PAID
from .pretty_json import pretty_json
from .private_relay import PRIVATE_RELAY
from .recipe import Dish, Keys, Recipe

RECIPES: Final = {
    recipe.name: recipe
    for recipe in (OPEN, PRIVATE_RELAY, COMMUNITY, PAID, ARCHIVE, INBOX, LONG_FORM, GROUP)
}
"""By name; the first is the one where nothing else is said."""

POLICY_FILE: Final = "policy.json"
SUITE_FILE: Final = "policy-suite.json"


def files_of(recipe: Recipe, keys: Keys) -> dict[str, str]:
    """The files of a recipe by name: policy, suite, and the named lists.

    :param keys: each once, and at least one where the recipe needs that.
    """
    dish = recipe.make(keys)
    files = {
        POLICY_FILE: pretty_json(dish.policy) + "\n",
        SUITE_FILE: pretty_json(_suite(recipe, dish)) + "\n",
    }
    return files | {f"{name}.txt": "".join(_list(dish, name)) for name in dish.lists}


def _list(dish: Dish, name: str) -> Iterator[str]:
    yield f"# {dish.about_lists[name]}\n"
    yield from (f"{key}\n" for key in dish.lists[name])


def _suite(recipe: Recipe, dish: Dish) -> dict[str, object]:
    lists = {name: [*keys, *dish.also_listed.get(name, ())] for name, keys in dish.lists.items()}
    follows = {key: [*followed] for key, followed in dish.follows.items()}
    suite = {"name": recipe.name, "now": NOW, "lists": lists, "follows": follows}
    return {key: value for key, value in suite.items() if value} | {"cases": [*dish.cases]}
