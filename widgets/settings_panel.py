"""Analysis settings as a form, built from what the model offers."""

import pprint
from collections.abc import Mapping
from typing import Any

import ipywidgets as w

from oasis_kernel.client.models import RemoteModel
from oasis_kernel.errors import Finding, InvalidInput
from widgets import code, form, markup
from widgets.choices import Choices
from widgets.panel import FIELD, FULL, Panel, shown
from widgets.session import Session

MOST_SAMPLES = 1_000_000


class SettingsPanel(Panel):
    """A form of the model's own settings, samples, perspectives and summary levels.

    Sets ``session.settings`` and ``session.samples`` with every change; what is not valid is said, and not set.
    """

    title = "Settings"

    def __init__(self, session: Session):
        self._answers: dict[str, w.Widget] = {}
        self._filling = False
        super().__init__(session)
        session.observe(lambda change: self.guarded(lambda: self._load(change["new"])), "model")
        session.observe(lambda _: self.guarded(self._portfolio_changed), "portfolio")
        self._load(session.model)

    def build(self) -> list[w.Widget]:
        """The model's questions, and below them those that every model has."""
        self.own = w.VBox(layout=FULL)
        self.samples = w.BoundedIntText(
            description="Samples", min=0, max=MOST_SAMPLES, tooltip="Samples per event; 0: mean losses only", **FIELD
        )
        self.perspectives = Choices("Losses", [(label, name) for name, label in form.PERSPECTIVES.items()], ("gul",))
        levels = tuple(name for name in form.LEVELS if name.startswith(("Whole", "By account", "By location")))
        self.levels = Choices("Summary levels", [(name, name) for name in form.LEVELS], levels)
        self.years = w.Text(
            description="Return periods",
            value=", ".join(map(str, form.RETURN_PERIODS)),
            tooltip="Years, with commas between",
            continuous_update=False,
            **FIELD,
        )
        event_table, keep = "Event table (for the whole portfolio)", "Keep ground-up losses, for what-if later"
        self.events = w.Checkbox(description=event_table, value=True, indent=False, layout={"width": "auto"})
        self.keep = w.Checkbox(description=keep, value=False, indent=False, layout={"width": "auto"})
        self.fields = (self.samples, self.perspectives, self.levels, self.years, self.events, self.keep)
        for field in self.fields:
            field.observe(lambda _: self.guarded(self._changed), "value")
        return [self.own, self.samples, self.years, self.perspectives, self.levels, self.events, self.keep]

    def python(self) -> str:
        """The settings as a value."""
        settings = pprint.pformat(self.session.settings, width=100, sort_dicts=False)
        return code.program(self.session.address, [f"settings = {settings}"])

    def _load(self, model: RemoteModel | None) -> None:
        if model is None:
            self.own.children = (shown(markup.paragraph("Choose a model: its own settings appear here.")),)
            return
        self.session.background.start(
            model.settings, lambda found: self.guarded(lambda: self._fill(found)), self.show_error
        )

    def _fill(self, model_settings: Mapping[str, Any]) -> None:
        """Build the form of another model; nothing is set until it is whole."""
        self._filling = True
        asked = form.questions(model_settings)
        self._answers = {question.name: field_for(question) for question in asked}
        for field in self._answers.values():
            field.observe(lambda _: self.guarded(self._changed), "value")
        self.own.children = tuple(self._answers.values())
        self.samples.value = int(model_settings.get("model_default_samples") or 0)
        offered = form.perspectives(model_settings)
        self.perspectives.offer([(form.PERSPECTIVES[name], name) for name in offered])
        self._filling = False
        self._portfolio_changed()

    def _portfolio_changed(self) -> None:
        """Ask for the perspectives that the portfolio allows, of those that the model has."""
        portfolio = self.session.portfolio
        files = ((portfolio.view.get("latest") or {}).get("files") or {}) if portfolio is not None else {}
        there = self.perspectives.offered
        self.perspectives.value = tuple(name for name in form.parts_of([*files]) if name in there)
        self._changed()

    def _changed(self) -> None:
        if self._filling or self.session.model is None:
            return
        answers = form.Answers(
            model_settings={
                name: _answer(field) for name, field in self._answers.items() if _answer(field) is not None
            },
            perspectives=self.perspectives.value,
            levels=self.levels.value,
            events=self.events.value,
            return_periods=years_of(self.years.value),
        )
        if not answers.perspectives or not answers.levels:
            remedy = "Pick at least one of each"
            raise InvalidInput(Finding("settings", "ask for no losses", field="Losses, Summary levels", remedy=remedy))
        self.session.settings = form.settings_of(answers)
        self.session.samples = self.samples.value
        self.session.keep_ground_up = self.keep.value
        self.say("")


def years_of(text: str) -> tuple[int, ...]:
    """Return periods from text such as ``10, 50, 100``; InvalidInput names what is no number of years."""
    parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    wrong = [part for part in parts if not part.isdigit() or int(part) < 1]
    if wrong or not parts:
        remedy = "Give years such as 10, 50, 100"
        finding = Finding(
            "settings", "must be whole years", field="Return periods", value=", ".join(wrong), remedy=remedy
        )
        raise InvalidInput(finding)
    return tuple(sorted({int(part) for part in parts}))


def field_for(question: form.Question) -> w.Widget:
    """The field that asks a question; it begins with the model's own answer."""
    common: dict[str, Any] = {
        "description": question.label,
        "tooltip": question.explanation,
        **FIELD,
    }
    if question.kind == "choice":
        value = question.default if question.default in [value for _, value in question.options] else None
        return w.Dropdown(options=list(question.options), value=value, **common)
    if question.kind == "yes_no":
        return w.Checkbox(value=bool(question.default), **{**common, "indent": False})
    if question.kind in ("number", "whole"):
        return _number(question, common)
    if question.kind == "list":
        return w.TagsInput(value=[str(value) for value in question.default or []], tooltip=question.explanation)
    return w.Text(value=str(question.default or ""), continuous_update=False, **common)


def _number(question: form.Question, common: Mapping[str, Any]) -> w.Widget:
    low, high = question.minimum, question.maximum
    if question.kind == "whole":
        return w.BoundedIntText(
            value=int(question.default or 0), min=int(low or 0), max=int(high if high is not None else 2**31), **common
        )
    if low is None and high is None:
        return w.FloatText(value=float(question.default or 0.0), **common)
    return w.BoundedFloatText(
        value=float(question.default or 0.0),
        min=low if low is not None else -1e300,
        max=high if high is not None else 1e300,
        **common,
    )


def _answer(field: w.Widget) -> Any:
    value = field.value
    return list(value) if isinstance(field, w.TagsInput) else value
