"""What a run needs to know, gathered and checked before anything is computed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oasis_kernel.engine.asking import asked
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import Plugins
from oasis_kernel.store.pace import Paces
from oasis_kernel.store.parts import PartStore
from oasis_kernel.store.remote_parts import part_store


@dataclass(frozen=True)
class Origin:
    """Where an analysis came from, beyond what is in it: what its record needs to make it again."""

    mdk: str | None = None  # the configuration file that brought the model
    standard_tables: bool = False  # nobody gave settings
    what_if_of: str = ""  # the run whose kept losses it is computed from
    change: Mapping[str, str] = field(default_factory=dict)  # what is not as in that run


@dataclass(frozen=True)
class Analysis:
    """A model, a portfolio and what to make of them."""

    model: Model
    portfolio: Portfolio
    settings: AnalysisSettings
    options: EngineOptions = field(default_factory=EngineOptions)
    settings_source: str = "settings"
    plugins: Plugins = field(default_factory=Plugins, repr=False)
    origin: Origin = field(default_factory=Origin)

    @property
    def samples(self) -> int:
        """Samples per event: the settings', else the model's default; InvalidInput when neither says."""
        if self.settings.number_of_samples is not None:
            return self.settings.number_of_samples
        default = asked(self.model.name, self.model).settings().get("model_default_samples")
        if default is not None and str(default).isdigit():  # some vendors write it as text
            return int(default)
        message = f"must be given: model {self.model.name} has no default of its own"
        remedy = "Set number_of_samples, or give --samples"
        raise InvalidInput(Finding(self.settings_source, message, field="number_of_samples", remedy=remedy))


@dataclass(frozen=True)
class Resources:
    """What of this machine a run may use, and where it keeps its parts."""

    workers: int
    memory_bytes: int
    store: Path
    chunks: int | None = None
    reuse: bool = True  # take finished parts from the store
    block_bytes: int = 4 * 2**20
    keep_ground_up: bool = False  # for what-if questions
    parts_url: str = ""  # where parts lie that other machines read too; none: in the store

    def parts(self, suffix: str = ".part") -> PartStore:
        """The parts of one kind that runs leave and find."""
        return part_store(self.parts_address, suffix)

    @property
    def paces(self) -> Paces:
        """What runs took on this machine."""
        return Paces(self.store / "paces")

    @property
    def parts_address(self) -> str:
        """The folder or address of the parts."""
        return self.parts_url or str(self.store / "parts")

    @staticmethod
    def of_this_machine(
        workers: int | None = None,
        memory_bytes: int | None = None,
        store: Path | None = None,
        chunks: int | None = None,
        reuse: bool = True,
    ) -> "Resources":
        """All usable cores and half of the memory, but where told otherwise."""
        import platformdirs

        configured = os.environ.get("OASIS_STORE")
        return Resources(
            workers=workers or len(os.sched_getaffinity(0)),
            memory_bytes=memory_bytes or usable_memory() // 2,
            store=store or (Path(configured) if configured else platformdirs.user_data_path("oasis-workbench")),
            chunks=chunks,
            reuse=reuse,
        )


def usable_memory() -> int:
    """Bytes of memory this process may use: the container's limit where there is one, else the machine's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(limit).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return min(int(text), machine)
    return machine
