"""``oasis`` as it is, but that a chunk on threads hangs after seconds instead of minutes and hours."""

import importlib
from functools import partial

from oasis_kernel.cli import main
from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.dispatch.waiting import Limit

if __name__ == "__main__":
    execute = importlib.import_module("oasis_kernel.engine.execute")
    execute.ThreadExecutor = partial(ThreadExecutor, limit=Limit(times=10.0, seconds=10.0))
    main()
