"""A process's own memory, without the pages of files that it maps: those the system takes back when it needs them."""

import sys
import threading
import weakref
from pathlib import Path

#: Seconds between two looks: losses that are large enough to matter are held for longer.
LOOKING = 0.05
_OWN = ("RssAnon:", "RssShmem:")


def own_memory() -> int:
    """The resident memory of this process that no file stands behind, in bytes; 0 where the system does not say."""
    if not sys.platform.startswith("linux"):
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_OWN))


class OwnMemory:
    """The most own memory of this process since this was made: looked at again and again, as no system keeps it."""

    def __init__(self) -> None:
        self._most = own_memory()
        self._done = threading.Event()
        # A run that fails forgets this object: the thread must not keep it, and ends then.
        self._looking = threading.Thread(target=_look_on, args=(weakref.ref(self), self._done), daemon=True)
        self._looking.start()

    def look(self) -> int:
        """Bytes, the most up to now; 0 where the system does not say."""
        self._most = max(self._most, own_memory())
        return self._most

    def end(self) -> int:
        """Look no more; the most there was."""
        self._done.set()
        self._looking.join()
        return self.look()


def _look_on(watched: "weakref.ref[OwnMemory]", done: threading.Event) -> None:
    while not done.wait(LOOKING):
        own = watched()
        if own is None:
            return
        own.look()
        del own
