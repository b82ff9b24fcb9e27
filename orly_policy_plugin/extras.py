"""What to install where something needs more than the package itself."""


def how_to_install(extra: str) -> str:
    """The command that installs an extra: in an environment that has the package from a clone, pip
    finds it nowhere else.

    :param extra: such as ``postgres``.
    """
    return f"pip install ./hookspecs '.[{extra}]', in a clone of orly_policy_plugin"
