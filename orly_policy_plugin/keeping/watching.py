"""The policy file, or what lies beside it, has been changed by somebody else."""

from ..errors import PolicyError, UnreadableFile
from ..policy import InvalidPolicy, Problem
from ..reload import FileWatcher, FolderWatcher
from ..state.policy_file import read_policy_file
from .in_force import InForce


class Watching:
    """Follows the policy file and the folders of contributions and follow lists."""

    def __init__(self, force: InForce) -> None:
        self._force = force
        self._watchers: tuple[FileWatcher | FolderWatcher, ...] = ()

    def start(self) -> None:
        """Follow the file and the folders from now on. Starts threads. May be called again."""
        if self._watchers:
            return
        content = self._force.standing.content
        folders = (self._force.folders.contributions, self._force.folders.follows)
        self._watchers = (
            FileWatcher(
                self._force.folders.policy_file, content, self._file_changed, self._file_gone
            ),
            FolderWatcher(folders, self._folders_changed),  # looks once at start
        )
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """Follow them no more. Decisions go on."""
        watchers, self._watchers = self._watchers, ()
        for watcher in watchers:
            watcher.stop()

    def _file_changed(self, content: bytes) -> bool:
        """The watcher has read another content.

        :return: whether it is still there: else the watcher is to read again.
        """
        with self._force.change():
            try:
                standing = self._force.read_new(content)
                snapshot = self._force.compiled(standing)
                with self._force.locked_if_possible() as held:
                    is_there = self._is_in_the_file(content)
                    if is_there:
                        self._force.load(standing, snapshot, held)
                    return is_there
            except InvalidPolicy as error:
                self._force.refused(error.problems)
            except PolicyError as error:
                self._force.refused(_problems(error))
            return True

    def _is_in_the_file(self, content: bytes) -> bool:
        try:
            return read_policy_file(self._force.folders.policy_file) == content
        except UnreadableFile:
            return False

    def _file_gone(self, error: PolicyError) -> None:
        with self._force.change():
            self._force.refused(_problems(error))

    def _folders_changed(self) -> None:
        """Another process (or a hand) has changed contributions or follow lists."""
        with self._force.change():
            self._force.swap_if_other(self._force.read(self._force.standing.content))


def _problems(error: PolicyError) -> tuple[Problem, ...]:
    return error.problems if isinstance(error, InvalidPolicy) else (Problem("", str(error)),)
