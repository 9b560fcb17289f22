"""Correlation between items: the peril correlation groups of a model, and its group fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model import fields as f
from oasis_kernel.model.prepare_options import PrepareOptions

SOURCE = "model_settings.json"
PERIL_CORRELATION_GROUP = "peril_correlation_group"

#: Names that group fields may use beside the location's own columns.
INTERNAL_GROUP_FIELDS = frozenset(
    {"item_id", "peril_id", "coverage_id", "coverage_type_id", PERIL_CORRELATION_GROUP, "building_id", "risk_id"}
)


@dataclass(frozen=True)
class PerilCorrelation:
    """How the items of one peril are correlated."""

    group: int  # 0: not correlated
    damage: float
    hazard: float


UNCORRELATED = PerilCorrelation(0, 0.0, 0.0)


def peril_correlations(
    model_settings: Mapping[str, Any], options: PrepareOptions
) -> Mapping[str, PerilCorrelation] | None:
    """The correlation of each peril that has one; None when the model has no correlation settings.

    The analysis's settings win over ``model_settings.correlation_settings``, and those over the older
    ``correlation_settings`` at top level. Perils get their group from ``lookup_settings.supported_perils``; of
    several entries for one peril or group the first counts. Source: Oasis model settings schema.
    """
    settings = _settings(model_settings, options)
    if not settings:
        return None
    perils = model_settings.get("lookup_settings", {}).get("supported_perils") or []
    if not perils:
        raise _refused("supported_perils", "must list the perils when there are correlation_settings")
    groups: dict[int, PerilCorrelation] = {}
    for entry in settings:
        group = _group(entry.get(PERIL_CORRELATION_GROUP))
        damage, hazard = (_share(entry, f"{part}_correlation_value") for part in ("damage", "hazard"))
        groups.setdefault(group, PerilCorrelation(group, damage, hazard))
    correlations: dict[str, PerilCorrelation] = {}
    for peril in perils:
        group = _group(peril.get(PERIL_CORRELATION_GROUP, 0))
        if group in groups:
            correlations.setdefault(str(peril["id"]), groups[group])
    return correlations


def group_fields(
    model_settings: Mapping[str, Any], options: PrepareOptions, columns: Sequence[str], correlated: bool
) -> tuple[tuple[str, ...], tuple[str, ...], list[Finding]]:
    """The damage and hazard group fields, in the order they are hashed, and a warning for each unknown one.

    The model's ``data_settings`` win over the options, and those over PortNumber, AccNumber, LocNumber. With
    correlation settings the peril correlation group is always one of them.
    """
    data_settings = model_settings.get("data_settings") or {}
    findings: list[Finding] = []
    chosen = []
    for part, option in (("damage", options.damage_group_fields), ("hazard", options.hazard_group_fields)):
        name = f"{part}_group_fields"
        asked = list(data_settings.get(name) or option or f.LOCATION_KEY)
        known = [field for field in asked if field in columns or field in INTERNAL_GROUP_FIELDS]
        findings += [
            _unknown_field(name, field) for field in asked if field not in known and field not in f.LOCATION_KEY
        ]
        if correlated:
            known.append(PERIL_CORRELATION_GROUP)
        # Nothing left means the default, as where nothing was asked.
        known = known or [str(field) for field in f.LOCATION_KEY if field in columns]
        chosen.append(tuple(sorted(dict.fromkeys(known), key=str.lower)))
    return chosen[0], chosen[1], findings


def _settings(model_settings: Mapping[str, Any], options: PrepareOptions) -> Sequence[Mapping[str, Any]]:
    if options.correlation_settings is not None:
        return options.correlation_settings
    own: Mapping[str, Any] = model_settings.get("model_settings") or {}
    listed = own.get("correlation_settings", model_settings.get("correlation_settings"))
    return listed if isinstance(listed, list | tuple) else ()


def _group(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise _refused(PERIL_CORRELATION_GROUP, "must be a whole number", value) from error


def _share(entry: Mapping[str, Any], name: str) -> float:
    value = entry.get(name, 0.0)
    try:
        share = float(value)
    except (TypeError, ValueError) as error:
        raise _refused(name, "must lie between 0 and 1", value) from error
    if not 0.0 <= share <= 1.0:
        raise _refused(name, "must lie between 0 and 1", value)
    return share


def _refused(name: str, message: str, value: Any = None) -> InvalidInput:
    remedy = "Correct the model's settings, or the analysis's override"
    return InvalidInput(Finding(SOURCE, message, field=name, value=value, rule="correlation_settings", remedy=remedy))


def _unknown_field(name: str, field: str) -> Finding:
    return Finding(
        file=SOURCE,
        message="names a field that the location file does not have; groups are made without it",
        field=name,
        value=field,
        rule="group_field",
        remedy="Add the column, or correct the name (upper and lower case count)",
        severity=Severity.WARNING,
    )
