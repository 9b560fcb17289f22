"""The frame of every panel: heading, body, what happened last, and the same in Python."""

from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

import ipywidgets as w

from oasis_kernel.errors import InvalidInput, OasisError
from widgets import markup
from widgets.session import Session

T = TypeVar("T")
FULL = {"width": "100%"}
BUTTON = {"width": "auto", "align_self": "flex-start"}
WIDE = {"description_width": "11em"}
#: How every field looks: its label before it, as wide as the page but not wider than reads well.
FIELD: dict[str, Any] = {"style": WIDE, "layout": {"width": "auto", "max_width": "50em", "margin": "2px 4px"}}
#: The same where two stand beside each other.
NARROW: dict[str, Any] = {**FIELD, "style": {"description_width": "7.5em"}}


class Panel(w.VBox):
    """A heading, a body, and a line that says what is going on. Errors are shown in it, never raised at the reader.

    ``title`` is the heading; ``build`` gives the body; ``python`` the code of what is chosen, for panels that act.
    """

    title = ""

    def __init__(self, session: Session):
        super().__init__(layout=w.Layout(width="100%"))
        self.session = session
        self.add_class("oasis-panel")
        self.status = w.HTML(layout=FULL)
        self.say("")
        self._code = w.HTML(layout=w.Layout(width="100%", display="none"))
        self._show_code = w.ToggleButton(
            description="Copy as Python", tooltip="Show what is chosen as Python code", layout=BUTTON
        )
        self._show_code.add_class("oasis-quiet")
        self._show_code.observe(self._toggle_code, "value")
        self._buttons: list[w.Button] = []
        body = self.build()
        copy = [self._show_code, self._code] if self.python() else []
        self.children = (w.HTML(markup.STYLE + markup.heading(self.title)), *body, self.status, *copy)

    def build(self) -> list[w.Widget]:
        """The widgets of the body, from top to bottom."""
        return []

    def python(self) -> str:
        """The code that does what the panel does with what is chosen; empty for panels that only show."""
        return ""

    def button(self, label: str, explained: str, pressed: Callable[[], None], style: str = "") -> w.Button:
        """A button that is not to be pressed while the panel works."""
        made = w.Button(description=label, tooltip=explained, button_style=style, layout=BUTTON)
        made.on_click(lambda _: self.guarded(pressed))
        self._buttons.append(made)
        return made

    def say(self, text: str, kind: str = "") -> None:
        """Say what is going on, so that screen readers say it too."""
        self._live(markup.paragraph(text, kind) if text else "")

    def show_error(self, error: Exception) -> None:
        """Show an error: findings as a table, others as a sentence with what to do."""
        if isinstance(error, InvalidInput):
            self._live(markup.findings(error.findings))
        elif isinstance(error, OasisError):
            self.say(str(error), "error")
        else:
            self.say(f"{self.title} failed: {type(error).__name__}: {error}. Please report this.", "error")

    def work(self, doing: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do ``work`` in the background, with the panel's buttons off and ``doing`` shown; then call ``done``."""
        self.say(f"{doing} …")
        self._enable(False)

        def finished(result: T) -> None:
            self._enable(True)
            self.say("")
            self.guarded(lambda: done(result))

        def failed(error: Exception) -> None:
            self._enable(True)
            self.show_error(error)

        self.session.background.start(work, finished, failed)

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something; what goes wrong is shown in the panel."""
        try:
            action()
        except Exception as error:  # the page's border: a traceback tells its reader nothing
            self.show_error(error)
        self.refresh_code()

    def refresh_code(self) -> None:
        """Bring the shown code up to date."""
        if self._show_code.value:
            self._code.value = markup.copied(self.python())

    def _toggle_code(self, _: Any) -> None:
        self._code.layout.display = "" if self._show_code.value else "none"
        self.refresh_code()

    def _enable(self, on: bool) -> None:
        for button in self._buttons:
            button.disabled = not on

    def _live(self, content: str) -> None:
        label = escape(f"{self.title}: status")
        self.status.value = f'<div role="status" aria-live="polite" aria-label="{label}">{content}</div>'


def shown(content: str = "") -> w.HTML:
    """A place for HTML over the whole width."""
    return w.HTML(content, layout=FULL)
