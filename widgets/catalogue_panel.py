"""The models of a service: pick one, see what it is."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as w

from oasis_kernel.client.models import RemoteModel
from widgets import code, markup
from widgets.panel import FIELD, Panel, shown
from widgets.session import Session


class CataloguePanel(Panel):
    """The models that the service has for this user. Sets ``session.model``."""

    title = "Model"

    def __init__(self, session: Session):
        super().__init__(session)
        session.observe(lambda change: self._select(change["new"]), "model")
        self.reload()

    def build(self) -> list[w.Widget]:
        """A list of models, and what the chosen one is."""
        self.choice = w.Dropdown(description="Model", options=[("asking the service …", None)], **FIELD)
        self.choice.observe(lambda change: self.guarded(lambda: self._pick(change["new"])), "value")
        self.details = shown()
        return [self.choice, self.button("Reload", "Ask the service for its models again", self.reload), self.details]

    def python(self) -> str:
        """List the models, and the settings of the chosen one."""
        name = self.session.model.name if self.session.model else "toy-wind"
        return code.program(self.session.address, ["models = bench.models()", f"models[{name!r}].settings()"])

    def reload(self) -> None:
        """Ask the service which models it has."""
        bench = self.session.workbench
        self.work("Asking for the models", lambda: (bench.models(), bench.broken_plugins()), self._loaded)

    def _loaded(self, found: tuple[dict[str, RemoteModel], list[Any]]) -> None:
        models, broken = found
        none = "no model is installed, or none is for you: ask your operator"
        first: list[tuple[str, RemoteModel | None]] = [("choose a model" if models else none, None)]
        chosen = self.session.model
        self.choice.options = [*first, *((f"{m.name} {m.version}, {m.supplier}", m) for m in models.values())]
        if chosen is None and len(models) == 1:
            chosen = next(iter(models.values()))
        self._select(models.get(chosen.name) if chosen else None)
        if broken:
            self._live(markup.findings(broken))

    def _select(self, model: RemoteModel | None) -> None:
        names = [found.name if found is not None else "" for _, found in self.choice.options]
        self.choice.index = names.index(model.name) if model is not None and model.name in names else 0

    def _pick(self, model: RemoteModel | None) -> None:
        if model is None:
            self.details.value = ""
            return
        if self.session.model is None or self.session.model.name != model.name:
            self.session.model = model
        self.session.background.start(model.settings, lambda found: self._describe(model, found), self.show_error)

    def _describe(self, model: RemoteModel, found: Mapping[str, Any]) -> None:
        perils = (found.get("lookup_settings") or {}).get("supported_perils") or []
        facts = {
            "Name": found.get("name") or model.name,
            "Version": model.version,
            "Supplier": model.supplier,
            "Perils": ", ".join(f"{peril.get('desc') or peril['id']} ({peril['id']})" for peril in perils)
            or "not said",
            "Countries": ", ".join((found.get("data_settings") or {}).get("countries") or []) or "not said",
            "Samples unless told otherwise": found.get("model_default_samples"),
        }
        described = markup.paragraph(str(found["description"])) if found.get("description") else ""
        self.details.value = described + markup.definitions("About the model", facts)
