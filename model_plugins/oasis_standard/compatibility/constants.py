"""Tables of the toolkit that lookups look into: statuses, coverages, perils."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd

from model_plugins.oasis_standard.lookup import perils
from oasis_kernel.errors import OasisError

OASIS_UNKNOWN_ID = -1

OASIS_KEYS_STATUS = {
    "success": {"id": "success", "desc": "Success"},
    "fail": {"id": "fail", "desc": "Failure"},
    "nomatch": {"id": "nomatch", "desc": "No match"},
    "fail_ap": {"id": "fail_ap", "desc": "Failure areaperil"},
    "fail_v": {"id": "fail_v", "desc": "Failure vulnerability"},
    "notatrisk": {"id": "notatrisk", "desc": "Modelled but not at risk"},
    "noreturn": {"id": "noreturn", "desc": "No key returned from lookup"},
    "notmodelled": {"id": "notmodelled", "desc": "Not modelled"},
}

#: OED coverage types by the toolkit's short names.
COVERAGE_TYPES = {
    name: {"id": number, "desc": name}
    for number, name in enumerate(
        "buildings other contents bi pd all binp cbi dias ext fin inre liab reg eno cyb".split(),  # noqa: SIM905
        start=1,
    )
}
SUPPORTED_COVERAGE_TYPES = {name: kind for name, kind in COVERAGE_TYPES.items() if name not in ("pd", "all", "cyb")}


class OasisException(OasisError):
    """The toolkit's own error, as lookups raise it."""

    def __init__(self, message: str = "", original_exception: BaseException | None = None):
        self.original_exception = original_exception
        super().__init__(message if original_exception is None else f"{message}: {original_exception}")


@cache
def peril_tables() -> tuple[dict[str, Any], dict[str, Any]]:
    """Single perils and peril groups by OED code: ``{id, desc}`` and ``{id, desc, peril_ids}``."""
    info = perils.oed_perils()
    single, groups = {}, {}
    for code, peril in info["info"].items():
        entry = {"id": code, "desc": peril["Peril Description"]}
        if peril["Grouped PerilCode"] == "Yes":
            groups[code] = {**entry, "peril_ids": info["covered"][code]}
        else:
            single[code] = entry
    return single, groups


def get_peril_groups_df() -> pd.DataFrame:
    """The OED peril table as rows (peril_group_id, peril_id)."""
    return perils.peril_groups().copy()


def oasis_log(*arguments: Any, **_options: Any) -> Callable[..., Any]:
    """A decorator that leaves the function as it is: the toolkit's logs calls, with or without arguments."""
    if len(arguments) == 1 and callable(arguments[0]):
        return arguments[0]
    return lambda function: function
