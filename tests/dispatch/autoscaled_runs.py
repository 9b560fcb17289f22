"""A driver on a cluster that grows and shrinks: says as JSON how many machines there were, and what was computed.

python autoscaled_runs.py ADDRESS TOKEN_FILE FOLDER
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from trial_tasks import Trial, chunks, events_of

from oasis_kernel.dispatch.ray import RayExecutor
from oasis_kernel.dispatch.ray_capacity import Capacity
from oasis_kernel.dispatch.ray_cluster import RayCluster

PATIENCE, CAP = 180.0, 2
MODELS = ("trial", "acme")


def machines(cluster: RayCluster) -> dict[str, int]:
    """How many machines are there for each model."""
    found = Counter(model for node in cluster.nodes() for model in node.models)
    return {model: found[model] for model in MODELS}


def awaited(look: Callable[[], dict[str, int]], trial: int) -> dict[str, int]:
    """What is there once there are so many machines for the trial's model, or when patience is at an end."""
    end = time.monotonic() + PATIENCE
    while (seen := look())["trial"] != trial and time.monotonic() < end:
        time.sleep(0.5)
    return seen


class Watch:
    """The most machines that were there at once while the block lasted. Chunks wait until all are there that may be."""

    def __init__(self, cluster: RayCluster, go: Path):
        self._cluster = cluster
        self._go = go
        self._left = threading.Event()
        self._end = time.monotonic() + PATIENCE
        self.most = dict.fromkeys(MODELS, 0)

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._left.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._left.wait(0.5):
            self.most = {model: max(self.most[model], count) for model, count in machines(self._cluster).items()}
            if self.most["trial"] >= CAP or time.monotonic() > self._end:
                self._go.touch()


def main(address: str, token: str, folder: str) -> None:
    said: dict[str, object] = {}
    with RayCluster(address, token_file=Path(token), offers=MODELS) as cluster:
        said["at first"] = machines(cluster)
        with Watch(cluster, Path(folder).with_name("go")) as watch:
            receipts = list(RayExecutor(cluster).run(Trial(folder, "waits", seconds=1.0), chunks(12)))
        said["events"], said["most"] = events_of(receipts), watch.most
        said["workers"] = len({receipt.worker for receipt in receipts})
        said["idle"] = awaited(lambda: machines(cluster), 0)
        capacity = Capacity(cluster, 1, {"trial": CAP})
        capacity.want({"trial": 50, "acme": 50})
        said["asked for"] = awaited(lambda: machines(cluster), CAP)
        capacity.withdraw()
        said["withdrawn"] = awaited(lambda: machines(cluster), 0)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
