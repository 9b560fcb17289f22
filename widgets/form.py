"""A form from a model's ``model_settings.json``: which questions to ask, and settings from the answers. Pure.

Source: the Open Data Standards' model settings schema, version 3: ``event_set`` and its like with ``options``, and
lists of ``string_parameters``, ``boolean_parameters``, ``float_parameters`` and so on.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["choice", "text", "number", "whole", "yes_no", "list"]
CHOICES = (
    "event_set",
    "event_occurrence_id",
    "footprint_set",
    "vulnerability_set",
    "hazard_case_set",
    "pla_loss_factors_set",
)
PARAMETERS: dict[str, Kind] = {
    "string_parameters": "text",
    "list_parameters": "list",
    "boolean_parameters": "yes_no",
    "float_parameters": "number",
    "numeric_parameters": "number",
    "integer_parameters": "whole",
    "dropdown_parameters": "choice",
}
PERSPECTIVES = {
    "gul": "Ground-up losses",
    "il": "Insured losses (needs an account file)",
    "ri": "Net of reinsurance (needs reinsurance files)",
    "rl": "Ceded to reinsurance (needs reinsurance files)",
}
#: Summary levels to choose from: what each is called, and the OED fields that make it.
LEVELS: dict[str, tuple[str, ...]] = {
    "Whole portfolio": (),
    "By account": ("AccNumber",),
    "By portfolio number": ("PortNumber",),
    "By country": ("CountryCode",),
    "By occupancy": ("OccupancyCode",),
    "By construction": ("ConstructionCode",),
    "By location (loss map)": ("PortNumber", "AccNumber", "LocNumber"),
}
RETURN_PERIODS = (5, 10, 25, 50, 100, 200, 250, 500, 1000)
_CURVES = {
    "alt_period": True,
    "ept_full_uncertainty_aep": True,
    "ept_full_uncertainty_oep": True,
    "ept_mean_sample_aep": True,
    "ept_mean_sample_oep": True,
    "return_period_file": True,
}
_EVENTS = {"elt_moment": True, "plt_moment": True}


class Question(BaseModel):
    """One choice that the model offers."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="the key in the analysis' model_settings")
    label: str
    explanation: str = ""
    kind: Kind
    default: Any = None
    options: tuple[tuple[str, str], ...] = Field((), description="(label, id) of a choice")
    minimum: float | None = None
    maximum: float | None = None


class Answers(BaseModel):
    """A filled-in form."""

    model_config = ConfigDict(frozen=True)

    model_settings: dict[str, Any] = {}
    perspectives: tuple[Literal["gul", "il", "ri", "rl"], ...] = ("gul",)
    levels: tuple[str, ...] = ("Whole portfolio",)
    events: bool = True
    return_periods: tuple[int, ...] = RETURN_PERIODS


def questions(model_settings: Mapping[str, Any]) -> tuple[Question, ...]:
    """The questions of a model's ``model_settings.json``, in the order of the schema."""
    offered = model_settings.get("model_settings") or {}
    chosen = [_choice(name, offered[name]) for name in CHOICES if offered.get(name)]
    return (*chosen, *_parameters(offered))


def perspectives(model_settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The perspectives that a model has results for; all where it does not say."""
    named = (model_settings.get("model_settings") or {}).get("valid_output_perspectives") or [*PERSPECTIVES]
    found = tuple(name for name in PERSPECTIVES if name in named)
    return (*found, "rl") if "ri" in found and "rl" not in found else found


def parts_of(files: Sequence[str]) -> tuple[Literal["gul", "il", "ri"], ...]:
    """The perspectives that a portfolio with these files allows."""
    insured = "account" in files
    reinsured = insured and "ri_info" in files
    return ("gul", *(("il",) if insured else ()), *(("ri",) if reinsured else ()))


def settings_of(answers: Answers) -> dict[str, Any]:
    """The analysis settings, version 3, of a filled-in form."""
    summaries = [
        {
            "id": number,
            **({"oed_fields": list(LEVELS[level])} if LEVELS[level] else {}),
            "ord_output": _tables(answers, level),
        }
        for number, level in enumerate(answers.levels, start=1)
    ]
    found: dict[str, Any] = {"version": "3", "return_periods": list(answers.return_periods)}
    if answers.model_settings:
        found["model_settings"] = dict(answers.model_settings)
    for name in answers.perspectives:
        found |= {f"{name}_output": True, f"{name}_summaries": summaries}
    return found


def _tables(answers: Answers, level: str) -> dict[str, bool]:
    """By event only for the whole portfolio: for every location it would be the whole year-event-location table."""
    if level.startswith("By location"):
        return {"alt_period": True}
    return {**_CURVES, **(_EVENTS if answers.events and not LEVELS[level] else {})}


def _choice(name: str, offered: Mapping[str, Any]) -> Question:
    options = tuple((_option_label(option), str(option["id"])) for option in offered.get("options") or [])
    default = str(offered.get("default") or (options[0][1] if options else ""))
    return Question(
        name=name,
        label=str(offered.get("name") or _spelt(name)),
        explanation=str(offered.get("tooltip") or offered.get("desc") or ""),
        kind="choice" if options else "text",
        default=default,
        options=options,
    )


def _option_label(option: Mapping[str, Any]) -> str:
    size = option.get("number_of_events")
    events = f", {size:,} events" if isinstance(size, int) else ""
    return f"{option.get('desc') or option['id']} ({option['id']}{events})"


def _parameters(offered: Mapping[str, Any]) -> Iterator[Question]:
    for group, kind in PARAMETERS.items():
        for parameter in offered.get(group) or []:
            if kind == "choice":
                yield _choice(str(parameter["name"]), parameter)
                continue
            yield Question(
                name=str(parameter["name"]),
                label=_spelt(str(parameter["name"])),
                explanation=str(parameter.get("tooltip") or parameter.get("desc") or ""),
                kind=kind,
                default=parameter.get("default"),
                minimum=parameter.get("min"),
                maximum=parameter.get("max"),
            )


def _spelt(name: str) -> str:
    return name.replace("_", " ").capitalize()
