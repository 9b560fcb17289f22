"""The contract is documentation: every hook says what it returns, and the page stays a page."""

import inspect

import pytest

from oasis_kernel.plugins import hookspecs

HOOKS = [
    function
    for _, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if hasattr(function, "oasis_kernel_spec")
]


def test_there_are_five_hooks() -> None:
    names = {hook.__name__ for hook in HOOKS}
    assert names == {"register_models", "open_configuration", "adjust_exposure", "adjust_losses", "register_panels"}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_what_to_return(hook: object) -> None:
    assert (inspect.getdoc(hook) or "").startswith("Return ")


def test_no_hook_gets_the_application() -> None:
    given = {name for hook in HOOKS for name in inspect.signature(hook).parameters}
    assert given == {"data_dir", "path", "portfolio", "model", "settings", "losses", "items"}


def test_the_page_is_a_page() -> None:
    assert len(inspect.getsource(hookspecs).splitlines()) <= 110
