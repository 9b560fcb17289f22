"""Make ``import oasislmf...`` work for a vendor's module, for as long as that module is loaded or run."""

import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: One at a time: what ``import`` finds is the process', not the thread's.
LOCK = threading.RLock()


@contextmanager
def own_modules() -> Iterator[None]:
    """Inside, ``oasislmf`` can be imported: the installed one, else our stand-ins, which vanish afterwards."""
    with LOCK:
        if "oasislmf" in sys.modules or importlib.util.find_spec("oasislmf") is not None:
            yield
            return
        stand_ins = _stand_ins()
        sys.modules.update(stand_ins)
        try:
            yield
        finally:
            for name in stand_ins:
                sys.modules.pop(name, None)


def _stand_ins() -> dict[str, ModuleType]:
    """The modules by name, each an attribute of the one above it."""
    modules: dict[str, ModuleType] = {}
    for name, content in _contents().items():
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            path = ".".join(parts[:depth])
            if path not in modules:
                modules[path] = ModuleType(path)
                modules[path].__path__ = []
                if depth > 1:
                    setattr(modules[".".join(parts[: depth - 1])], parts[depth - 1], modules[path])
        vars(modules[name]).update(content)
    return modules


def _contents() -> dict[str, dict[str, Any]]:
    """What each module holds: the toolkit's names."""
    from model_plugins.oasis_standard.compatibility import constants, lookups

    single, groups = constants.peril_tables()
    base = _named(lookups, "AbstractBasicKeyLookup", "MultiprocLookupMixin", "OasisBaseLookup")
    interface = _named(lookups, "KeyLookupInterface", "OasisLookupInterface")
    older = {
        "OasisBuiltinBaseLookup": lookups.OasisBaseLookup,
        "OasisBuiltInBaseLookup": lookups.OasisBaseLookup,
        "OasisBaseKeysLookup": lookups.OasisLookupInterface,
    }
    return {
        "oasislmf.lookup.base": {**base, "UNKNOWN_ID": constants.OASIS_UNKNOWN_ID},
        "oasislmf.lookup.interface": interface,
        "oasislmf.lookup.builtin": {**_named(lookups, "Lookup"), **base},
        "oasislmf.preparation.lookup": older,
        "oasislmf.model_preparation.lookup": older,
        "oasislmf.utils.exceptions": _named(constants, "OasisException"),
        "oasislmf.utils.log": _named(constants, "oasis_log"),
        "oasislmf.utils.status": _named(constants, "OASIS_KEYS_STATUS", "OASIS_UNKNOWN_ID"),
        "oasislmf.utils.coverages": _named(constants, "COVERAGE_TYPES", "SUPPORTED_COVERAGE_TYPES"),
        "oasislmf.utils.coverage": _named(constants, "COVERAGE_TYPES", "SUPPORTED_COVERAGE_TYPES"),
        "oasislmf.utils.peril": {
            "PERILS": single,
            "PERIL_GROUPS": groups,
            **_named(constants, "get_peril_groups_df"),
        },
    }


def _named(module: ModuleType, *names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}
