"""An exceedance curve as a picture, without a display: for a service's answer or a report."""

import io

from oasis_kernel.errors import OasisError
from oasis_kernel.questions.exceedance import ExceedanceCurve

INCHES = (8.0, 4.8)
DOTS_PER_INCH = 120


def curve_png(curve: ExceedanceCurve, title: str, inches: tuple[float, float] = INCHES) -> bytes:
    """The curve's OEP and AEP as a PNG; the same bytes for the same curve. OasisError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise OasisError("plots need matplotlib: pip install 'oasis-workbench[plot]'") from error
    figure = Figure(figsize=inches, dpi=DOTS_PER_INCH, layout="constrained")
    canvas = FigureCanvasAgg(figure)  # a figure of its own: pyplot's are shared by all threads
    axes = curve.plot(figure.subplots())
    axes.set_title(_drawable(title), parse_math=False)  # a name may have $ in it
    picture = io.BytesIO()
    canvas.print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _drawable(text: str) -> str:
    """The text with a question mark for each character that the font does not have."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    there = get_font(findfont(FontProperties())).get_charmap()
    return "".join(letter if ord(letter) in there else "?" for letter in text)
