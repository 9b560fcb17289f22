"""The inputs of an analysis as options, declared once for every verb that takes them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.model.inputs import InputFiles


def with_inputs(verb: Callable[..., None]) -> Callable[..., None]:
    """``verb(files, ...)`` as a command: in place of ``files``, an InputFiles, an option for each input."""
    own = inspect.signature(verb)
    inputs = inspect.signature(_input_files).parameters

    @functools.wraps(verb)
    def command(**given: Any) -> None:
        files = _input_files(**{name: given.pop(name) for name in inputs})
        verb(files=files, **given)

    own_parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in own.parameters.items()
        if name != "files"
    ]
    command.__signature__ = own.replace(parameters=[*inputs.values(), *own_parameters])  # type: ignore[attr-defined]
    command.__annotations__ = {name: hint for name, hint in verb.__annotations__.items() if name != "files"}
    return command


def _input_files(
    *,
    model: o.Model = None,
    mdk: o.Mdk = None,
    location: o.Location = None,
    account: o.Account = None,
    ri_info: o.RiInfo = None,
    ri_scope: o.RiScope = None,
    settings: o.Settings = None,
    reporting_currency: o.Currency = None,
    rates: o.Rates = None,
    samples: o.Samples = None,
    option: o.EngineOption = None,
    compatible: o.Compatible = False,
) -> InputFiles:
    """The inputs as one value."""
    options = [*(option or ()), *(["compatible=true"] if compatible else [])]
    return InputFiles(
        model=model,
        mdk=mdk,
        location=location,
        account=account,
        ri_info=ri_info,
        ri_scope=ri_scope,
        settings=settings,
        reporting_currency=reporting_currency,
        rates=rates,
        samples=samples,
        options=tuple(options),
    )


def need_a_model(files: InputFiles) -> None:
    """A usage error when the inputs name no model."""
    if files.model is None and files.mdk is None:
        raise typer.BadParameter("give --model NAME (see `oasis models`) or --mdk FILE.json")
