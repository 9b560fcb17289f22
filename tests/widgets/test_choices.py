"""Boxes to tick."""

from widgets.choices import Choices


def boxes(choices):
    return {box.description: box for box in choices.children[1].children}


def test_ticking_sets_the_value_in_the_order_of_the_options():
    choices = Choices("Losses", [("Ground-up", "gul"), ("Insured", "il")], ["il"])
    assert choices.value == ("il",)
    boxes(choices)["Ground-up"].value = True
    assert choices.value == ("gul", "il")
    choices.value = ()
    assert not any(box.value for box in boxes(choices).values())


def test_other_options_keep_what_was_ticked():
    choices = Choices("Losses", [("Ground-up", "gul"), ("Insured", "il")], ["gul", "il"])
    choices.offer([("Insured", "il"), ("Net", "ri")])
    assert choices.offered == ("il", "ri")
    assert choices.value == ("il",)
    assert boxes(choices)["Insured"].value


def test_labels_are_escaped():
    assert "<b>" not in Choices("<b>", [("a", "a")], ()).children[0].value
