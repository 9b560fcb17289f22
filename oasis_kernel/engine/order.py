"""A run's checked analysis as files, so that another process, on another machine, computes its chunks: a work order.

Plain JSON and Parquet, nothing that runs when it is read. What a reader makes of them must have the key that the
writer had; a worker with another engine, plugin or model data refuses.
"""

import json
import tempfile
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oasis_kernel import __version__
from oasis_kernel.engine.analysis import Analysis, Origin
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.inputs import TABLES
from oasis_kernel.engine.kept import KeptGroundUp
from oasis_kernel.engine.prepare import Prepared, prepare
from oasis_kernel.engine.task import ChunkTask
from oasis_kernel.errors import OasisError
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings
from oasis_kernel.model.vendor import Model
from oasis_kernel.model.work import TaskReference
from oasis_kernel.plugins import Plugins, load_plugins
from oasis_kernel.store.places import MANIFEST, Place
from oasis_kernel.store.remote_parts import part_store

ORDER, KEYS = "analysis.json", "keys"
#: Orders that a process keeps prepared: chunks of a few runs come in turns.
KEPT_ORDERS = 3
KEPT_SUFFIX = ".parquet"


def write_order(analysis: Analysis, keys: pa.Table, prepared: Prepared, root: str) -> str:
    """Write the order of an analysis into the folder or storage ``root``; returns its address.

    ``analysis`` is the checked one, its exposure adjusted, and ``keys`` what its lookup returned. An order that is
    there already is the same one, and stays.
    """
    place, name = Place(root), f"orders/{prepared.key}"
    if place.exists(f"{name}/{MANIFEST}"):
        place.put_bytes(place.read(f"{name}/{MANIFEST}"), f"{name}/{MANIFEST}")  # in use again: not to be tidied away
        return place.url_of(name)
    tables = {name: getattr(analysis.portfolio, table) for name, table in TABLES.items()} | {KEYS: keys}
    with tempfile.TemporaryDirectory(prefix="order-") as temporary:
        folder = Path(temporary)
        for table_name, table in tables.items():
            if table is not None:
                pq.write_table(table, folder / f"{table_name}.parquet", compression="zstd")
        (folder / ORDER).write_text(json.dumps(_content(analysis, prepared), indent=1), encoding="utf-8")
        place.put_folder(folder, name)
    return place.url_of(name)


def _content(analysis: Analysis, prepared: Prepared) -> dict[str, Any]:
    settings = analysis.settings.model_copy(update={"number_of_samples": prepared.samples})
    portfolio, model = analysis.portfolio, analysis.model
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
        "sources": dict(portfolio.sources),
        "reporting_currency": portfolio.reporting_currency,
        "what_if_of": analysis.origin.what_if_of,
    }


_loading = threading.Lock()


def load_order(url: str) -> Prepared:
    """The analysis of an order, prepared again; kept, so that a process does so once for many chunks.

    OasisError when the order is not there, or when what this process makes of it is not what the order is for.
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
        portfolio=_portfolio(folder, content),
        settings=AnalysisSettings.model_validate(content["settings"]),
        options=EngineOptions.model_validate(content["options"]),
        settings_source=content["settings_source"],
        plugins=plugins,
        origin=Origin(mdk=content["model"]["mdk"], what_if_of=content["what_if_of"]),
    )
    choice = analysis.settings.model_choice(dynamic_footprint=analysis.options.dynamic_footprint)
    data = asked(model.name, asked(model.name, model).open(choice))
    prepared = prepare(analysis, pq.read_table(folder / f"{KEYS}.parquet"), data)
    if prepared.key != content["key"]:
        raise OasisError(
            f"this worker prepares the analysis differently from the machine that planned it (key {prepared.key[:12]}, "
            f"the order's is {content['key'][:12]}): its plugins or libraries differ. Give all machines one image"
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


def _portfolio(folder: Path, content: Mapping[str, Any]) -> Portfolio:
    tables: dict[str, Any] = {}
    for name, table in TABLES.items():
        path = folder / f"{name}.parquet"
        tables[table] = pq.read_table(path) if path.is_file() else None
    return Portfolio(**tables, sources=content["sources"], reporting_currency=content["reporting_currency"])


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
def ordered_task(order: str, parts: str, block_bytes: int, reuse: bool, keep: bool) -> ChunkTask:
    """The task that computes an order's chunks and publishes their parts in the folder or address ``parts``."""
    prepared = load_order(order)
    kept = kept_ground_up_in(parts, prepared) if keep else None
    return ChunkTask(prepared, part_store(parts), block_bytes=block_bytes, reuse=reuse, kept=kept)
