"""The end of a process."""

import os
import sys
from typing import NoReturn


def leave_at_once(code: int) -> NoReturn:
    """End this process without the interpreter's own end, in which Ray waits for minutes for a cluster that is lost."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
