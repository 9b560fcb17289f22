"""The lookup's strategy: which steps, in which order, on which locations."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import pandas as pd

from model_plugins.oasis_standard.lookup import geometry, grids, perils, raster, tables
from model_plugins.oasis_standard.lookup.frame import UNKNOWN_ID, Context, Step, find_column, set_ids
from oasis_kernel.model.keys import KEYS_SCHEMA, OPTIONAL_KEYS, KeyStatus

#: The standard's step types (``combine`` is the engine's own): context and parameters in, step out.
STEP_TYPES: dict[str, Callable[..., Step]] = {
    "split_loc_perils_covered": perils.split_loc_perils_covered,
    "set_status": perils.set_status,
    "merge": tables.merge,
    "simple_pivot": tables.simple_pivot,
    "prepare": tables.prepare,
    "interval_to_index": tables.interval_to_index,
    "geog_lookup": tables.geog_lookup,
    "model_data": tables.model_data,
    "dynamic_model_adjustment": tables.dynamic_model_adjustment,
    "rtree": geometry.rtree,
    "geotiff": raster.geotiff,
    "h3": grids.h3,
    "fixed_size_geo_grid": grids.fixed_size_geo_grid,
    "fixed_size_geo_grid_multi_peril": grids.fixed_size_geo_grid_multi_peril,
    "fixed_size_z_index_geo_grid": grids.fixed_size_z_index_geo_grid,
    "fixed_size_z_index_geo_grid_multi_peril": grids.fixed_size_z_index_geo_grid_multi_peril,
}


class LookupEngine:
    """The Oasis standard's configured lookup (``step_definition`` and ``strategy``).

    ``source`` is what findings call the configuration, ``placeholders`` the values of ``%%NAME%%`` by lower-case
    name, and ``own_steps`` an object whose methods are steps (by step name) or step factories (``build_<type>``)
    of the model's own, which go before the standard's.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        placeholders: dict[str, str],
        source: str = "lookup_config",
        own_steps: object | None = None,
    ):
        self._definitions: Mapping[str, Any] = config.get("step_definition") or {}
        self._strategy: list[str] = list(config.get("strategy") or ())
        self._placeholders = placeholders
        self._source = source
        self._own = own_steps
        self._steps: dict[str, Step] = {}
        context = self.context("strategy")
        if not self._definitions or not self._strategy:
            raise context.refusal("needs step_definition and strategy", remedy="Define the steps and put them in order")
        for name in self._strategy:
            self._definition(name)

    def context(self, step: str) -> Context:
        """The context of one step."""
        return Context(self._source, step, self._placeholders)

    def keys(self, locations: pd.DataFrame) -> pd.DataFrame:
        """Keys in the strategy's order: the key columns, the optional ones that a step made, ids whole numbers.

        A key whose ids are not all known fails, whatever its steps said.
        """
        frame = self._useful(locations)
        frame["status"] = str(KeyStatus.SUCCESS)
        frame["message"] = ""
        for name in self._strategy:
            for column in self._definition(name).get("columns", ()):
                self.context(name).column(frame, column)
            frame = self.step(name)(frame)
        return self._verdicts(frame)

    def step(self, name: str) -> Step:
        """The step of this name, made when first wanted."""
        if name not in self._steps:
            self._steps[name] = self._made(name, ())
        return self._steps[name]

    def _definition(self, name: str) -> Mapping[str, Any]:
        if name not in self._definitions:
            raise self.context(name).refusal(
                "is in the strategy but not in step_definition", remedy=f"There are: {', '.join(self._definitions)}"
            )
        return cast("Mapping[str, Any]", self._definitions[name])

    def _useful(self, locations: pd.DataFrame) -> pd.DataFrame:
        """The columns that any step names, spelt as the step spells them, and loc_id; each distinct row once."""
        wanted = ["loc_id"] + [name for step in self._definitions.values() for name in step.get("columns", ())]
        spelt: dict[str, str] = {}
        for name in wanted:
            column = find_column(locations.columns, name)
            if column is not None:
                spelt.setdefault(column, name)
        return locations[list(spelt)].rename(columns=spelt).drop_duplicates()

    def _made(self, name: str, within: tuple[str, ...]) -> Step:
        own_step = getattr(self._own, name, None)
        if own_step is not None:
            return cast("Step", own_step)
        definition, context = self._definition(name), self.context(name)
        kind, parameters = definition.get("type", ""), dict(definition.get("parameters") or {})
        if name in within:
            raise context.refusal("combines itself", value=" > ".join((*within, name)), remedy="Break the circle")
        own_factory = getattr(self._own, f"build_{kind}", None)
        if own_factory is not None:
            return cast("Step", own_factory(**parameters))
        try:
            if kind == "combine":
                return self._combined(context, (*within, name), **parameters)
            if kind in STEP_TYPES:
                return STEP_TYPES[kind](context, **parameters)
        except TypeError as error:
            raise context.refusal(
                f"has parameters that its type does not take: {error}", value=sorted(parameters)
            ) from error
        raise context.refusal(
            "has an unknown type", value=kind, remedy=f"One of {', '.join(sorted(STEP_TYPES))}, combine"
        )

    def _combined(
        self,
        context: Context,
        within: tuple[str, ...],
        id_columns: list[Any],
        strategy: list[str],
        logical_type: str = "or",
    ) -> Step:
        """Several steps as one: each tried on what the ones before left (``or``), or chained on success (``and``)."""
        children = [(self._definition(name).get("columns", ()), self._made(name, within)) for name in strategy]
        kind = logical_type.lower()
        if kind not in ("or", "and"):
            raise context.refusal("has an unknown logical_type", value=logical_type, remedy="Use 'or' or 'and'")
        if kind == "and" and len(id_columns) != len(strategy):
            raise context.refusal("needs one list of id_columns for each step of its strategy", value=id_columns)
        sought = id_columns if kind == "and" else [id_columns] * len(strategy)

        def combine(frame: pd.DataFrame) -> pd.DataFrame:
            before, done = list(frame.columns), []
            for (columns, step), ids in zip(children, sought, strict=True):
                if any(find_column(frame.columns, column) is None for column in columns):
                    continue
                frame = set_ids(step(frame), ids, context)
                known = (frame[ids] != UNKNOWN_ID).any(axis=1)
                if kind == "or":
                    done.append(frame[known])
                    frame = frame[~known][before].copy()
                else:
                    done.append(frame[~known][before])
                    frame = frame[known].copy()
                if frame.empty:
                    break
            return set_ids(_stacked([*done, frame]), sought[-1], context)

        return combine

    def _verdicts(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The key columns, and ``fail`` for every success that lacks an id."""
        context = self.context("strategy")
        required = [name for name in KEYS_SCHEMA.names if name not in frame.columns]
        if required:
            raise context.refusal(f"makes no {required[0]!r}", remedy="Add the step that makes it")
        keys = frame[[*KEYS_SCHEMA.names, *(name for name in OPTIONAL_KEYS if name in frame.columns)]]
        ids = ["coverage_type", "area_peril_id", "vulnerability_id"]
        ids += ["amplification_id"] if "amplification_id" in keys.columns else []
        keys = set_ids(keys.reset_index(drop=True), ids, context)
        for name in ids:
            failed = (keys["status"] == KeyStatus.SUCCESS) & (keys[name] == UNKNOWN_ID)
            keys.loc[failed, ["status", "message"]] = [str(KeyStatus.FAIL), f"{name} has an unknown id"]
        return keys


def _stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The parts one below the other, with every column that any of them has."""
    filled = [part for part in parts if len(part)]
    stacked = pd.concat(filled or parts[:1], ignore_index=True)
    extra = [name for part in parts for name in part.columns if name not in stacked.columns]
    return stacked.reindex(columns=[*stacked.columns, *dict.fromkeys(extra)])
