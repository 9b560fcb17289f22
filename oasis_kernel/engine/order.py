"""A run's prepared analysis as files, so that another process, on another machine, computes its chunks: a work order.

Plain JSON and arrays, nothing that runs when it is read. A worker with another engine or other model data refuses.
"""

import json
import tempfile
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from oasis_kernel import __version__
from oasis_kernel.engine.analysis import Analysis, Origin
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.earlier import saved
from oasis_kernel.engine.handed_over import hand_over, take_over
from oasis_kernel.engine.kept import KeptGroundUp
from oasis_kernel.engine.ledger import ledgers_in
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.engine.task import ChunkTask
from oasis_kernel.errors import DamagedFile, OasisError
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings
from oasis_kernel.model.vendor import Model
from oasis_kernel.model.work import TaskReference
from oasis_kernel.plugins import Plugins, load_plugins
from oasis_kernel.store.places import MANIFEST, Place
from oasis_kernel.store.remote_parts import part_store

ORDER = "analysis.json"
#: Orders that a process keeps prepared: chunks of a few runs come in turns.
KEPT_ORDERS = 3
KEPT_SUFFIX = ".parquet"


def write_order(analysis: Analysis, prepared: Prepared, root: str) -> str:
    """Write the order of an analysis into the folder or storage ``root``; returns its address.

    An order that is there already is the same one, and stays.
    """
    place, name = Place(root), f"orders/{prepared.key}"
    if place.exists(f"{name}/{MANIFEST}"):
        place.put_bytes(place.read(f"{name}/{MANIFEST}"), f"{name}/{MANIFEST}")  # in use again: not to be tidied away
        return place.url_of(name)
    with tempfile.TemporaryDirectory(prefix="order-") as temporary:
        folder = Path(temporary)
        hand_over(prepared, folder)
        (folder / ORDER).write_text(json.dumps(_content(analysis, prepared), indent=1), encoding="utf-8")
        place.put_folder(folder, name)
    return place.url_of(name)


def _content(analysis: Analysis, prepared: Prepared) -> dict[str, Any]:
    settings = analysis.settings.model_copy(update={"number_of_samples": prepared.samples})
    model = analysis.model
    return {
        "key": prepared.key,
        "engine": __version__,
        "model": {
            "name": model.name,
            "version": model.version,
            "fingerprint": asked(model.name, model).fingerprint(),
            "mdk": analysis.origin.mdk,
        },
        "settings": settings.model_dump(mode="json"),
        "settings_source": analysis.settings_source,
        "options": analysis.options.model_dump(mode="json"),
        "what_if_of": analysis.origin.what_if_of,
    }


_loading = threading.Lock()


def load_order(url: str) -> Prepared:
    """What was prepared for an order, ready for its chunks; kept, so that a process opens it once for many of them.

    OasisError when the order is not there or not whole, or when this process would compute something else.
    """
    with _loading:
        return _loaded(url)


@lru_cache(maxsize=KEPT_ORDERS)
def _loaded(url: str) -> Prepared:
    folder = _folder(url)
    content = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    _require_engine(content)
    model, plugins = _model(content["model"])
    analysis = Analysis(
        model=model,
        portfolio=Portfolio(location=None),  # all that matters of it is in what was prepared
        settings=AnalysisSettings.model_validate(content["settings"]),
        options=EngineOptions.model_validate(content["options"]),
        settings_source=content["settings_source"],
        plugins=plugins,
        origin=Origin(mdk=content["model"]["mdk"], what_if_of=content["what_if_of"]),
    )
    choice = analysis.settings.model_choice(dynamic_footprint=analysis.options.dynamic_footprint)
    data = asked(model.name, asked(model.name, model).open(choice))
    prepared = take_over(folder, analysis, data)
    if prepared.key != content["key"]:
        raise DamagedFile(
            f"order {url} holds what was prepared for another run (key {prepared.key[:12]}, its own is "
            f"{content['key'][:12]}). Start the run again"
        )
    return prepared


def _folder(url: str) -> Path:
    root, _, name = url.rpartition("/orders/")
    try:
        return Place(root).local_folder(f"orders/{name}")
    except FileNotFoundError as error:
        raise OasisError(
            f"order {url} is not there for this worker. Workers must reach the store of the run: put it on storage "
            f"that all machines share"
        ) from error


def _require_engine(content: Mapping[str, Any]) -> None:
    if content["engine"] != __version__:
        raise OasisError(
            f"this worker has version {__version__} of the engine, and the run was planned with {content['engine']}. "
            f"Give all machines the same version"
        )


def _model(wanted: Mapping[str, Any]) -> tuple[Model, Plugins]:
    """The model of an order as it is installed here; OasisError when it is not there, or not the same."""
    plugins = load_plugins()
    mdk = wanted["mdk"]
    model = plugins.model(wanted["name"]) if mdk is None else plugins.open_configuration(Path(mdk)).model
    if asked(model.name, model).fingerprint() != wanted["fingerprint"]:
        raise OasisError(
            f"model {model.name} on this worker (version {model.version}) differs from the one that the run was "
            f"planned with (version {wanted['version']}): other data, lookup or code. Give all machines the same"
        )
    return model, plugins


def kept_ground_up_in(parts: str, prepared: Prepared) -> KeptGroundUp:
    """The kept ground-up losses of a portfolio, among the parts under a folder or an address."""
    return KeptGroundUp(part_store(parts, KEPT_SUFFIX), prepared.ground_up_key, prepared.samples)


def ordered(url: str, model: str, how: Mapping[str, str | int | bool]) -> TaskReference:
    """What makes the task of an order elsewhere: ``how`` holds the other arguments of ``ordered_task``."""
    return TaskReference(f"{__name__}:ordered_task", {"order": url, **how}, model)


@lru_cache(maxsize=KEPT_ORDERS)
def ordered_task(order: str, parts: str, block_bytes: int, reuse: bool, keep: bool, earlier: str = "") -> ChunkTask:
    """The task that computes an order's chunks and publishes their parts in the folder or address ``parts``.

    ``earlier`` is the address of what is taken from an earlier run; what is gone of it is computed.
    """
    prepared = load_order(order)
    kept = kept_ground_up_in(parts, prepared) if keep else None
    store = part_store(parts)
    known = saved(earlier, ledgers_in(parts), store) if earlier else None
    return ChunkTask(prepared, store, block_bytes=block_bytes, reuse=reuse, kept=kept, earlier=known)
