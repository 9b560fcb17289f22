"""Steps about perils: what each location is covered for, of what the model models."""

from functools import cache
from typing import Any

import pandas as pd

from model_plugins.oasis_standard.lookup.frame import Context, Step, find_column, is_blank
from oasis_kernel.model.keys import KeyStatus
from oasis_kernel.model.oed_standard import oed_standard


@cache
def oed_perils() -> dict[str, Any]:
    """The OED peril table: ``info`` by peril code, and ``covered``, the single perils that each code stands for."""
    table: dict[str, Any] = oed_standard()["perils"]
    return table


@cache
def peril_groups() -> pd.DataFrame:
    """The OED peril table as rows (peril_group_id, peril_id): single perils stand for themselves, then the groups."""
    perils = oed_perils()
    grouped = {code for code, peril in perils["info"].items() if peril["Grouped PerilCode"] == "Yes"}
    rows = [(code, code) for code in perils["info"] if code not in grouped]
    rows += [(code, member) for code in perils["info"] if code in grouped for member in perils["covered"][code]]
    return pd.DataFrame(rows, columns=["peril_group_id", "peril_id"])


def perils_covered_column(frame: pd.DataFrame, context: Context) -> str:
    """The column that lists the perils insured: of the location, else of the policy (whichever comes first)."""
    for column in frame.columns:
        if str(column).lower() in ("locperilscovered", "polperilscovered"):
            return str(column)
    raise context.refusal(
        "needs LocPerilsCovered or PolPerilsCovered",
        remedy="List one of them in the step's columns, and give it in the portfolio",
    )


def covered(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row per location and single peril it is covered for, in the order listed, groups spelt out."""
    listed = frame[column].astype("object").where(frame[column].notna(), "nan").astype(str)
    split = frame.assign(peril_group_id=listed.str.split(";")).explode("peril_group_id").drop_duplicates()
    return split.merge(peril_groups())


def split_loc_perils_covered(
    context: Context, model_perils_covered: list[str] | None = None, not_covered_status: str = KeyStatus.NOT_MODELLED
) -> Step:
    """A step: one row per location and peril that is both covered and modelled, peril by peril.

    Locations covered for nothing that the model models come last, once each, with ``not_covered_status``.
    """
    if not_covered_status not in set(KeyStatus):
        raise context.refusal(
            "has an unknown not_covered_status", value=not_covered_status, remedy=f"One of {', '.join(KeyStatus)}"
        )

    def split(frame: pd.DataFrame) -> pd.DataFrame:
        column = perils_covered_column(frame, context)
        if find_column(frame.columns, "peril_id") is not None:
            raise context.refusal("makes peril_id, but the locations have it already", remedy="Split perils once")
        rows = covered(frame, column)
        if model_perils_covered:
            modelled = pd.DataFrame({"model_perils_covered": model_perils_covered})
            rows = rows.merge(modelled, left_on="peril_id", right_on="model_perils_covered", sort=True)
        rest = frame[~frame["loc_id"].isin(rows["loc_id"])].copy()
        if rest.empty:
            return rows
        listed = rest[column].astype("object").where(rest[column].notna(), "nan").astype(str)
        rest["status"] = str(not_covered_status)
        rest["message"] = listed + " have no perils modelled"
        return pd.concat([rows, rest], ignore_index=True) if not rows.empty else _like(rows, rest)

    return split


def _like(rows: pd.DataFrame, rest: pd.DataFrame) -> pd.DataFrame:
    """``rest`` with the columns that covered rows would have had."""
    return rest.reindex(columns=rows.columns).reset_index(drop=True)


def set_status(context: Context, status_column: str, message_column: str | None = None) -> Step:
    """A step: the model's own verdict from a column, kept where that column is blank."""
    known = set(map(str, KeyStatus))

    def verdict(frame: pd.DataFrame) -> pd.DataFrame:
        status = frame[context.column(frame, status_column)].astype("object")
        given = ~is_blank(status)
        unknown = sorted({str(value) for value in status[given]} - known)
        if unknown:
            raise context.refusal(
                f"found statuses in {status_column!r} that are not of the standard",
                value=unknown,
                remedy=f"Use {', '.join(sorted(known))}",
            )
        frame["status"] = frame["status"].astype("object").mask(given, status)
        if message_column is not None:
            message = frame[context.column(frame, message_column)].astype("object")
            frame["message"] = frame["message"].astype("object").mask(given & ~is_blank(message), message)
        return frame

    return verdict


def deterministic_keys(frame: pd.DataFrame, config: dict[str, Any], context: Context) -> pd.DataFrame:
    """Keys of the deterministic model: each (location, peril, coverage) is its own area peril and vulnerability.

    ``model_perils_covered`` are OED perils or groups, ``supported_oed_coverage_types`` coverage type ids.
    Locations' perils that are not among them return nothing.
    """
    groups = peril_groups()
    modelled = set(groups.loc[groups["peril_group_id"].isin(config["model_perils_covered"]), "peril_id"])
    column = perils_covered_column(frame, context)
    numbered = frame[["loc_id", column]].assign(location_row=range(len(frame)))
    keys = covered(numbered, column)[["loc_id", "peril_id"]]
    coverages = pd.DataFrame({"coverage_type": list(config["supported_oed_coverage_types"])}, dtype="int32")
    keys = keys.merge(coverages, how="cross")
    keys = keys.sort_values(["loc_id", "peril_id", "coverage_type"], kind="stable", ignore_index=True)
    success = keys["peril_id"].isin(modelled)
    number = success.cumsum().astype("Int64").where(success)
    return keys.assign(
        area_peril_id=number,
        vulnerability_id=number,
        status=success.map({True: str(KeyStatus.SUCCESS), False: str(KeyStatus.NO_RETURN)}),
        message=success.map({True: "", False: "the model does not cover this peril_id"}),
    )
