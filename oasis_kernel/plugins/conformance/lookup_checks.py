"""Checks of what a model says about itself and about locations."""

import json
from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc

from oasis_kernel.model.keys import KEYS_SCHEMA, OPTIONAL_KEYS, KeyStatus
from oasis_kernel.model.vendor import GroundUpModel, Model
from oasis_kernel.plugins.conformance.subject import Subject
from oasis_kernel.plugins.conformance.verdict import demand
from oasis_kernel.plugins.discovery import problem_of


def protocol_complete(subject: Subject) -> None:
    """The model has every member of the protocol, and a usable name."""
    problem, remedy = problem_of(subject.model)
    demand(not problem, f"{problem}. {remedy}")
    demand(isinstance(subject.model, Model), "must satisfy oasis_kernel.model.vendor.Model")
    for name in ("supplier", "version"):
        value = getattr(subject.model, name)
        demand(isinstance(value, str), f"{name} must be text, got {value!r}")


def settings_parse(subject: Subject) -> None:
    """The settings are a JSON object; the default number of samples is a whole number."""
    settings = subject.model.settings()
    demand(isinstance(settings, Mapping), f"settings must be a mapping, got {type(settings).__name__}")
    try:
        json.dumps(dict(settings))
    except (TypeError, ValueError) as error:
        demand(False, f"settings must be plain JSON values: {error}")
    samples = settings.get("model_default_samples", 0)
    demand(isinstance(samples, int) and samples >= 0, f"model_default_samples must be >= 0, got {samples!r}")


def fingerprint_stable(subject: Subject) -> None:
    """The fingerprint is text, the same each time."""
    first, second = subject.model.fingerprint(), subject.model.fingerprint()
    demand(isinstance(first, str) and first != "", f"fingerprint must be text, got {first!r}")
    demand(first == second, f"fingerprint must stay the same, got {first!r}, then {second!r}")


def keys_conform(subject: Subject) -> None:
    """The keys have the columns and types of KEYS_SCHEMA, known statuses, and ids where they succeed."""
    keys = subject.keys
    for field in KEYS_SCHEMA:
        demand(field.name in keys.column_names, f"keys must have the column {field.name}, got {keys.column_names}")
        got = keys.schema.field(field.name).type
        demand(got == field.type, f"keys column {field.name} must be {field.type}, got {got}")
    for name, kind in OPTIONAL_KEYS.items():
        if name in keys.column_names:
            got = keys.schema.field(name).type
            demand(got == kind, f"keys column {name} must be {kind}, got {got}")
    unknown = set(keys["status"].to_pylist()) - set(map(str, KeyStatus))
    demand(not unknown, f"statuses must be of {', '.join(KeyStatus)}, got {unknown}")


def keys_have_ids(subject: Subject) -> None:
    """Successful keys name peril, coverage type, area peril and vulnerability; at least one succeeds."""
    ids = ["coverage_type"]
    if not isinstance(subject.model, GroundUpModel):
        ids += ["area_peril_id", "vulnerability_id"]
    for name in ids:
        column = subject.found[name]
        demand(column.null_count == 0, f"successful keys must have {name}, {column.null_count} have none")
        demand(pc.min(column).as_py() > 0, f"{name} must be positive, got {pc.min(column).as_py()}")
    demand(subject.found["peril_id"].null_count == 0, "successful keys must have peril_id")


def keys_cover_locations(subject: Subject) -> None:
    """Every location ends with a key or a reason, and no other location appears."""
    given = np.unique(subject.location["loc_id"].to_numpy())
    answered = np.unique(subject.keys["loc_id"].to_numpy())
    missing, invented = np.setdiff1d(given, answered), np.setdiff1d(answered, given)
    demand(len(missing) == 0, f"every location must be answered for, missing loc_id {missing[:5].tolist()}")
    demand(len(invented) == 0, f"keys must be of the locations given, got loc_id {invented[:5].tolist()}")


def lookup_repeats(subject: Subject) -> None:
    """The same locations give the same keys."""
    again = subject.model.lookup(subject.location)
    demand(again.equals(subject.keys), "the same locations must give the same keys, the second answer differs")
