"""Figures: results in, a picture and the same in words out. Pure: nothing is asked, chosen or kept here."""

from typing import NamedTuple

from bqplot import Figure

#: Told apart by colour-blind readers too, and on white with 3:1 contrast.
COLOURS = ("#1f4e79", "#b3541e", "#3d7a3d", "#7b3f8c")
MARGIN = {"top": 55, "bottom": 55, "left": 85, "right": 20}


class Drawn(NamedTuple):
    """A figure, and its numbers as an HTML table for those who do not see it."""

    figure: Figure | None  # None where there is nothing to draw: ``words`` says why
    words: str
