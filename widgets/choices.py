"""Several of a few: a box to tick for each, instead of a list that needs the Ctrl key."""

from collections.abc import Iterable, Sequence
from html import escape

import ipywidgets as w
import traitlets as t

Options = Sequence[tuple[str, str]]


class Choices(w.VBox):
    """Boxes to tick, under a label. ``value`` has the ids of those that are ticked, in the order of the options."""

    value = t.Tuple(help="the ids that are ticked")

    def __init__(self, label: str, options: Options, value: Iterable[str]):
        super().__init__(layout=w.Layout(width="100%", margin="4px"))
        self._label = w.HTML(f"<strong>{escape(label)}</strong>")
        self._boxes: dict[str, w.Checkbox] = {}
        self._row = w.HBox(layout=w.Layout(flex_flow="row wrap", width="100%"))
        self._row.add_class("oasis-choices")
        self._group, self._setting = label, False
        self.offer(options)
        self.value = tuple(value)
        self.children = (self._label, self._row)

    @property
    def offered(self) -> tuple[str, ...]:
        """The ids that can be ticked."""
        return tuple(self._boxes)

    def offer(self, options: Options) -> None:
        """Offer others; what was ticked of them stays."""
        self._boxes = {
            name: w.Checkbox(
                description=label, tooltip=f"{self._group}: {label}", indent=False, layout={"width": "auto"}
            )
            for label, name in options
        }
        self._row.children = tuple(self._boxes.values())
        for box in self._boxes.values():
            box.observe(lambda _: self._ticked(), "value")
        self.value = tuple(name for name in self.value if name in self._boxes)
        self._show()

    @t.observe("value")
    def _changed(self, _: object) -> None:
        self._show()

    def _show(self) -> None:
        self._setting = True
        for name, box in self._boxes.items():
            box.value = name in self.value
        self._setting = False

    def _ticked(self) -> None:
        if not self._setting:
            self.value = tuple(name for name, box in self._boxes.items() if box.value)
