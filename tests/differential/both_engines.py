"""One portfolio and one set of ground-up losses through our engine and the reference's, and what differs."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from parity.fm_files import by_event_and_row, read_losses, write_losses
from random_insurance import Files

from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Portfolio, PreparedExposure
from oasis_kernel.model.losses import EXPOSURE, MAXIMUM, MEAN, SPECIAL, LossBlock
from oasis_kernel.model.prepare_options import PrepareOptions
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.deterministic import deterministic_keys
from oasis_kernel.prepare.executions import insured_execution, reinsured_executions
from oasis_kernel.prepare.items import prepare_exposure
from oasis_kernel.prepare.reinsurance import Reinsurance, compile_reinsurance
from oasis_kernel.prepare.terms import compile_programme
from oasis_kernel.steps.insured import Insured
from oasis_kernel.steps.reinsured import Reinsured

EVENTS, SAMPLES = 3, 4
TOLERANCE = 5e-6  # of the largest loss of the example
ITEM_KEY = ["PortNumber", "AccNumber", "LocNumber", "building_id", "coverage_type_id", "peril_id"]

#: Sends a command to the reference and returns its answer.
Reference = Callable[[dict], str]
#: Losses of an output, by event, location, building, coverage, peril, layer and policy.
Losses = dict[tuple, np.ndarray]
#: ``il``, and ``net k`` and ``ceded k`` of each inuring priority k.
Streams = dict[str, Losses]


@dataclass(frozen=True)
class Example:
    """A portfolio, what is run of it, and the seed of its ground-up losses."""

    files: Files
    perils: tuple[str, ...] = ("WW2",)
    rule_il: int = 2
    rule_ri: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Compiled:
    """What we make of a portfolio."""

    exposure: PreparedExposure
    programme: Programme
    outputs: pa.Table
    reinsurance: Reinsurance


def write_files(folder: Path, files: Files) -> Portfolio:
    """Write a portfolio as csv files, and read it as an analyst's."""
    folder.mkdir(parents=True)
    paths = {name: folder / f"{name}.csv" for name in files}
    for name, path in paths.items():
        pd.DataFrame(files[name]).to_csv(path, index=False)
    return read_portfolio(**paths)


def compiled(portfolio: Portfolio, perils: Sequence[str]) -> Compiled:
    """Our items, terms and contracts of a portfolio. InvalidInput where it is refused."""
    exposure = prepare_exposure(portfolio, deterministic_keys(portfolio, perils), {}, PrepareOptions())
    terms = compile_programme(portfolio, exposure.item_map)
    reinsurance = Reinsurance((), ())
    if portfolio.reinsurance_info is not None:
        reinsurance = compile_reinsurance(portfolio, terms.output_map)
    return Compiled(exposure, terms.programme, terms.output_map, reinsurance)


def ground_up(exposure: PreparedExposure, seed: int) -> LossBlock:
    """Events that each hit some of the items, by a part of their value that is often 0 and sometimes all."""
    random = np.random.default_rng(seed)
    coverage = exposure.items.coverage_id
    share = exposure.coverages.tiv[coverage - 1] / np.bincount(coverage)[coverage]
    hit = [np.flatnonzero(random.random(len(share)) < part) for part in random.uniform(0.4, 1.2, EVENTS)]
    row = np.concatenate(hit).astype("i4")
    damage = random.random((len(row), SPECIAL + SAMPLES)) ** random.integers(1, 5, (len(row), 1))
    damage[random.random(damage.shape) < 0.15] = 0
    damage[random.random(damage.shape) < 0.05] = 1
    damage[:, [EXPOSURE, MAXIMUM]] = 1
    loss = np.zeros_like(damage, dtype="f4")
    run = [MEAN, EXPOSURE, MAXIMUM, *range(SPECIAL, loss.shape[1])]
    loss[:, run] = damage[:, run] * share[row, None]
    kept = [event for event in range(EVENTS) if len(hit[event])]
    offsets = np.concatenate([[0], np.cumsum([len(hit[event]) for event in kept])])
    return LossBlock(np.array(kept, "i4") + 1, offsets.astype("i8"), row, loss)


def our_losses(given: Compiled, block: LossBlock, example: Example, compatible: bool) -> Streams:
    """The losses after terms and after each inuring priority."""
    options = EngineOptions.model_validate(
        {
            "kernel_alloc_rule_il": example.rule_il,
            "kernel_alloc_rule_ri": example.rule_ri,
            "compatible": compatible,
        }
    )
    keys = output_keys(given.outputs.to_pandas())
    insured = Insured(insured_execution(given.programme, given.exposure, options)).apply(block)
    found = {"il": by_key(insured, keys)}
    executions = reinsured_executions(given.reinsurance.passes, len(keys), options)
    for losses in Reinsured(executions, compatible=compatible).apply(insured):
        found[f"net {losses.inuring_priority}"] = by_key(losses.net, keys)
        found[f"ceded {losses.inuring_priority}"] = by_key(losses.ceded, keys)
    return found


def their_losses(folder: Path) -> Streams:
    """The same of the reference, which has run in a folder's ``reference``."""
    target = folder / "reference"
    keys = output_keys(read_map(target))
    found = {"il": by_key(read_losses(target / "il.bin"), keys)}
    layers = target / "ri_layers.json"
    passes = json.loads(layers.read_text()) if layers.exists() else {}
    for number, contents in sorted((int(number), contents) for number, contents in passes.items()):
        priority = contents["inuring_priority"]  # of its passes, the last one counts
        found[f"net {priority}"] = by_key(read_losses(target / f"net{number}.bin"), keys)
        found[f"ceded {priority}"] = by_key(read_losses(target / f"ceded{number}.bin"), keys)
    return found


def read_map(target: Path) -> pd.DataFrame:
    """The reference's table of outputs."""
    text = dict.fromkeys(["PortNumber", "AccNumber", "LocNumber", "PolNumber"], str)
    return pd.read_csv(target / "fm_summary_map.csv", dtype=text)


def send_losses(folder: Path, given: Compiled, block: LossBlock) -> None:
    """Write ground-up losses as the reference's stream, under its numbers of the items."""
    theirs = read_map(folder / "reference").drop_duplicates("agg_id")
    number = dict(zip(item_keys(theirs), theirs["agg_id"], strict=True))
    ours = given.outputs.to_pandas().drop_duplicates("agg_id").sort_values("agg_id")
    assert number.keys() == set(item_keys(ours)), "other items than the reference's"
    items = np.array([number[key] - 1 for key in item_keys(ours)], "i4")
    write_losses(folder / "reference" / "gul.bin", replace(block, row=items[block.row]))


def item_keys(table: pd.DataFrame) -> list[tuple]:
    """What each row's item is."""
    fields = table.reindex(columns=ITEM_KEY).fillna("")
    return list(fields.itertuples(index=False, name=None))


def output_keys(table: pd.DataFrame) -> list[tuple]:
    """What each output is: item, layer, policy. By output id."""
    ordered = table.sort_values("output_id")
    return [
        (*item, int(layer), policy)
        for item, layer, policy in zip(item_keys(ordered), ordered["layer_id"], ordered["PolNumber"], strict=True)
    ]


def by_key(block: LossBlock, keys: list[tuple]) -> Losses:
    """Losses by event and output, without those that are 0 throughout."""
    rows = by_event_and_row(block)
    return {(event, *keys[row]): loss for (event, row), loss in rows.items() if loss.any()}


def differences(ours: Losses, theirs: Losses, scale: float) -> Iterator[tuple[tuple, str]]:
    """(output, sentence) for each output that differs by more than rounding."""
    for key in sorted(ours.keys() | theirs.keys()):
        nothing = np.zeros_like(ours[key] if key in ours else theirs[key])
        got, want = ours.get(key, nothing), theirs.get(key, nothing)
        if not np.allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE * scale):
            yield key, f"{key}: {got} instead of {want}"
