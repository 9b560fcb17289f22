"""What a model's lookup says of a portfolio: checked, and told location by location."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.keys import KEYS_SCHEMA, OPTIONAL_KEYS, KeyStatus

MODELLED, FAILED, NOT_AT_RISK, NO_VALUE = "modelled", "failed", "not at risk", "no value"
SOURCE = "keys"

#: Verdicts that are no fault of the lookup or of the data: the model does not cover the place or the peril.
_NOT_AT_RISK = (KeyStatus.NOT_AT_RISK, KeyStatus.NOT_MODELLED)
_LISTED = 20

#: What a location is when its most telling key has this rank: a key with value, a failure, a key without value, ...
_OUTCOME = (MODELLED, FAILED, NO_VALUE, NOT_AT_RISK)
_SUCCESS, _FAILURE, _WITHOUT_VALUE, _NO_RISK = range(len(_OUTCOME))


_RANK_OF = {str(KeyStatus.SUCCESS): _SUCCESS, **{str(status): _NO_RISK for status in _NOT_AT_RISK}}


_TIV = {
    "building": f.BUILDING_TIV,
    "other": f.OTHER_TIV,
    "contents": f.CONTENTS_TIV,
    "bi": f.BI_TIV,
    "cyber": f.ANNUAL_REVENUE,
}


def check_keys(portfolio: Portfolio, keys: pa.Table) -> tuple[pa.Table, list[Finding]]:
    """The keys in the house's schema, every location with at least one row, and what was wrong with them.

    A success without a coverage type, area peril or vulnerability (or with one that is not positive) becomes
    ``fail``, unless the model describes its items itself (``model_data``). A location that the lookup forgot gets
    one ``noreturn`` row. Raises InvalidInput when a column is missing, a status unknown, or a location not ours.
    """
    keys = _in_schema(keys)
    subjects = _subjects(portfolio)
    findings = _foreign(keys, subjects)
    if findings:
        raise InvalidInput(findings)
    keys, failed = _without_unknown_ids(keys)
    keys, forgotten = _with_forgotten(keys, subjects)
    return keys, [*failed, *forgotten]


def location_status(portfolio: Portfolio, keys: pa.Table) -> pa.Table:
    """What became of each location, one row per loc_id, ascending.

    Columns: loc_id, PortNumber, AccNumber, LocNumber, status, reason, tiv. ``modelled``: some peril and coverage
    with value has a key. ``no value``: every insured value is 0. ``not at risk``: the lookup found nothing to model.
    ``failed``: the rest, with the lookup's own words.
    """
    frame = _values(portfolio)
    verdict = _verdicts(frame, keys)
    out = frame.join(verdict, on="loc_id")
    tiv = out[list(_TIV)].sum(axis=1)
    names = [str(name) for name in f.LOCATION_KEY if name in out.columns]
    table = pa.Table.from_pandas(out[["loc_id", *names, "status", "reason"]], preserve_index=False)
    return table.append_column("tiv", pa.array(tiv.to_numpy()))


def tiv_by_reason(portfolio: Portfolio, keys: pa.Table) -> pa.Table:
    """Insured value and locations by what became of them.

    Columns: status, reason, locations, tiv, then the value by coverage type: building, other, contents, bi, cyber.
    Modelled first, then by value. Every location counts once, so that the values add up to the portfolio's.
    """
    frame = _values(portfolio)
    frame = frame.join(_verdicts(frame, keys), on="loc_id")
    grouped = frame.groupby(["status", "reason"], sort=False, observed=True)
    out = grouped[list(_TIV)].sum()
    out.insert(0, "tiv", out.sum(axis=1))
    out.insert(0, "locations", grouped.size().astype("int64"))
    out = out.reset_index()
    out["_order"] = out["status"] != MODELLED
    out = out.sort_values(["_order", "tiv", "reason"], ascending=[True, False, True], kind="stable")
    return pa.Table.from_pandas(out.drop(columns="_order"), preserve_index=False)


def _subjects(portfolio: Portfolio) -> pa.Table:
    table = portfolio.location if portfolio.location is not None else portfolio.account
    if table is None:
        raise InvalidInput(Finding("portfolio", "needs a location file, or an account file for cyber and liability"))
    return table


def _values(portfolio: Portfolio) -> pd.DataFrame:
    """Each location once, by loc_id, with its values by coverage: those of its first row that has any."""
    table = _subjects(portfolio)
    names = [str(name) for name in (f.LOC_ID, *f.LOCATION_KEY) if name in table.column_names]
    frame = table.select(names).to_pandas()
    for short, name in _TIV.items():
        has = name in table.column_names
        frame[short] = pc.fill_null(table[name], 0.0).to_numpy() if has else 0.0
    frame["_empty"] = (frame[list(_TIV)] == 0.0).all(axis=1)
    frame = frame.sort_values(["loc_id", "_empty"], kind="stable").drop_duplicates("loc_id")
    return frame.drop(columns="_empty").reset_index(drop=True)


def _verdicts(frame: pd.DataFrame, keys: pa.Table) -> pd.DataFrame:
    """status and reason by loc_id."""
    values = frame[list(_TIV)].to_numpy()
    at = pd.Index(frame["loc_id"]).get_indexer(keys["loc_id"].to_numpy())
    rank = _rank(keys, values, at)
    # The most telling key of each location, the first of its rank.
    best = np.full(len(frame), len(_OUTCOME) * keys.num_rows, dtype=np.int64)
    np.minimum.at(best, at, rank * keys.num_rows + np.arange(keys.num_rows))
    answered = best < len(_OUTCOME) * keys.num_rows
    outcome = np.where(answered, best // max(keys.num_rows, 1), _FAILURE)
    told = keys.select(["status", "message"]).take(pa.array(best[answered] % max(keys.num_rows, 1)))
    reason = np.full(len(frame), _reason_of(KeyStatus.NO_RETURN), dtype=object)
    reason[answered] = _reasons(told["status"].to_pylist(), told["message"].to_pylist())
    reason[outcome == _SUCCESS] = ""
    reason[outcome == _WITHOUT_VALUE] = "found, but for coverages without value"
    status = np.array(_OUTCOME, dtype=object)[outcome]
    empty = (values == 0.0).all(axis=1)
    status[empty], reason[empty] = NO_VALUE, "every insured value is 0"
    return pd.DataFrame({"status": status, "reason": reason}, index=pd.Index(frame["loc_id"], name="loc_id"))


def _rank(keys: pa.Table, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How telling each key is of its location; ``values`` [location, coverage of _TIV], ``at`` the key's location."""
    columns = np.zeros(256, dtype=np.intp)
    names = list(_TIV.values())
    for kind, field in f.TIV_OF_COVERAGE.items():
        columns[kind] = names.index(field)
    kind = keys["coverage_type"].fill_null(0).to_numpy()
    known = np.isin(kind, list(f.TIV_OF_COVERAGE))
    valued = known & (values[at, columns[np.where(known, kind, 0)]] > 0.0)
    status = keys["status"].combine_chunks().dictionary_encode()
    rank_of = np.array([_RANK_OF.get(text, _FAILURE) for text in status.dictionary.to_pylist()], dtype=np.int64)
    rank = rank_of[status.indices.to_numpy(zero_copy_only=False)]
    return np.where((rank == _SUCCESS) & ~valued, _WITHOUT_VALUE, rank)


def _reasons(status: list[str], message: list[str | None]) -> list[str]:
    """The lookup's own words, or what its status means."""
    meaning = {str(known): _reason_of(known) for known in KeyStatus}
    return [text if text and text.strip() else meaning[known] for known, text in zip(status, message, strict=True)]


def _reason_of(status: KeyStatus) -> str:
    return {
        KeyStatus.SUCCESS: "",
        KeyStatus.FAIL: "the lookup failed",
        KeyStatus.NO_MATCH: "no area peril and no vulnerability found",
        KeyStatus.FAIL_AREA_PERIL: "no area peril found",
        KeyStatus.FAIL_VULNERABILITY: "no vulnerability found",
        KeyStatus.NOT_AT_RISK: "not at risk",
        KeyStatus.NO_RETURN: "the lookup returned nothing",
        KeyStatus.NOT_MODELLED: "not modelled: the perils covered are not the model's",
    }[status]


def _in_schema(keys: pa.Table) -> pa.Table:
    if not isinstance(keys, pa.Table):
        remedy = "Return pyarrow.table(..., schema=KEYS_SCHEMA) from lookup"
        raise InvalidInput(
            Finding(SOURCE, "must be an Arrow table", value=type(keys).__name__, rule="keys_schema", remedy=remedy)
        )
    missing = [name for name in KEYS_SCHEMA.names if name not in keys.column_names]
    if missing:
        raise InvalidInput(
            Finding(
                SOURCE,
                "must have every column of a lookup",
                value=keys.column_names,
                rule="keys_schema",
                remedy=f"Add {', '.join(missing)}",
            )
        )
    wanted = {**{field.name: field.type for field in KEYS_SCHEMA}, **OPTIONAL_KEYS}
    names = [name for name in wanted if name in keys.column_names]
    try:
        keys = pa.table({name: keys[name].cast(wanted[name]) for name in names})
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        remedy = "Cast the columns to KEYS_SCHEMA's types"
        raise InvalidInput(
            Finding(SOURCE, f"must have the lookup's types: {error}", rule="keys_schema", remedy=remedy)
        ) from error
    status = set(keys["status"].unique().to_pylist()) - {str(known) for known in KeyStatus}
    if status:
        known = ", ".join(KeyStatus)
        finding = Finding(
            SOURCE,
            f"must be one of {known}",
            field="status",
            value=sorted(map(str, status)),
            rule="keys_status",
            remedy="Correct the model's lookup",
        )
        raise InvalidInput(finding)
    return keys


def _foreign(keys: pa.Table, subjects: pa.Table) -> list[Finding]:
    """Keys for locations that the portfolio does not have: the lookup answered for another portfolio."""
    unknown = pc.invert(pc.is_in(keys["loc_id"], value_set=subjects[f.LOC_ID].combine_chunks()))
    foreign = keys["loc_id"].filter(unknown).unique()
    if not len(foreign):
        return []
    message = f"names {len(foreign)} locations that the portfolio does not have"
    remedy = "Keep the loc_id that the lookup was given"
    return [
        Finding(SOURCE, message, field="loc_id", value=foreign[:5].to_pylist(), rule="keys_location", remedy=remedy)
    ]


def _without_unknown_ids(keys: pa.Table) -> tuple[pa.Table, list[Finding]]:
    """Keys whose successes all have ids above 0."""
    success = pc.equal(keys["status"], KeyStatus.SUCCESS)
    names = ["coverage_type", "amplification_id"]
    if "model_data" not in keys.column_names:
        names += ["area_peril_id", "vulnerability_id"]
    failed = np.zeros(keys.num_rows, dtype=bool)
    message = np.array(keys["message"].to_pylist(), dtype=object) if keys.num_rows else np.array([], dtype=object)
    findings = []
    for name in names:
        if name not in keys.column_names:
            continue
        unknown = pc.and_(success, pc.invert(pc.fill_null(pc.greater(keys[name], 0), False))).to_numpy() & ~failed
        if not unknown.any():
            continue
        failed |= unknown
        message[unknown] = f"{name} has an unknown id"
        listed = keys["loc_id"].to_numpy()[unknown][:_LISTED].tolist()
        text = f"must be above 0 where the lookup succeeds: {int(unknown.sum())} keys are failed instead, for loc_id"
        findings.append(
            Finding(SOURCE, text, field=name, value=listed, rule="keys_unknown_id", severity=Severity.WARNING)
        )
    if not failed.any():
        return keys, []
    status = pc.if_else(pa.array(failed), str(KeyStatus.FAIL), keys["status"])
    return _replaced(_replaced(keys, "status", status), "message", pa.array(message, pa.string())), findings


def _replaced(keys: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return keys.set_column(keys.column_names.index(name), keys.schema.field(name), column)


def _with_forgotten(keys: pa.Table, subjects: pa.Table) -> tuple[pa.Table, list[Finding]]:
    """Keys with a ``noreturn`` row for each location that has none."""
    loc_id = subjects[f.LOC_ID].unique()
    forgotten = loc_id.filter(pc.invert(pc.is_in(loc_id, value_set=keys["loc_id"].combine_chunks())))
    if not len(forgotten):
        return keys, []
    count = len(forgotten)
    rows = {name: pa.nulls(count, keys.schema.field(name).type) for name in keys.column_names}
    rows["loc_id"] = forgotten
    rows["status"] = pa.array([str(KeyStatus.NO_RETURN)] * count)
    rows["message"] = pa.array([_reason_of(KeyStatus.NO_RETURN)] * count)
    finding = Finding(
        SOURCE,
        f"must answer for every location, and is silent on {count}",
        field="loc_id",
        value=forgotten[:_LISTED].to_pylist(),
        rule="keys_noreturn",
        remedy="Correct the model's lookup: it must give each location a status",
        severity=Severity.WARNING,
    )
    return pa.concat_tables([keys, pa.table(rows, schema=keys.schema)]), [finding]
