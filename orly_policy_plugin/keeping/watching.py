"""The policy file, or what lies beside it, has been changed by somebody else."""

from ..errors import PolicyError
from ..policy import InvalidPolicy, Problem
from ..reload import FileWatcher, FolderWatcher
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
                self._force.folders.policy_file,
                content,
                self._file_changed,
                self._refused,
                read=self._force.read_file,
            ),
            FolderWatcher(folders, self._force.load_folders),  # looks once at start
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

        :return: whether that is dealt with: else the watcher is to read again.
        """
        try:
            return self._force.load_file(content)
        except InvalidPolicy as error:
            self._refused(error)
            return True
        except PolicyError as error:  # not the file's fault: it may be over in a while
            self._refused(error)
            return False

    def _refused(self, error: PolicyError) -> None:
        with self._force.change():
            self._force.refused(_problems(error))


def _problems(error: PolicyError) -> tuple[Problem, ...]:
    return error.problems if isinstance(error, InvalidPolicy) else (Problem("", str(error)),)
