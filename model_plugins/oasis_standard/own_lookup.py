"""Lookups written by vendors in Python, for the reference toolkit: loaded, made, asked."""

import copy
import importlib
import importlib.util
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd

from model_plugins.oasis_standard.compatibility import load_module, module_file, vendor_imports
from model_plugins.oasis_standard.compatibility.importing import own_modules
from model_plugins.oasis_standard.lookup_source import LookupSource
from oasis_kernel.errors import Finding, InvalidInput, PluginError


def own_keys(source: LookupSource, locations: pd.DataFrame) -> pd.DataFrame:
    """What the vendor's lookup says of the locations, as a frame with the columns that it gave.

    PluginError when the lookup fails, named with its class and what it was given.
    """
    name, lookup_class, imports = lookup_class_of(source)
    with tempfile.TemporaryDirectory(prefix="lookup_") as output, imports():
        try:
            results = _made(lookup_class, source, output).process_locations(locations)
            return results if isinstance(results, pd.DataFrame) else pd.DataFrame.from_records(list(results))
        except InvalidInput:
            raise
        except Exception as error:  # the plugin's own code may raise anything
            raise PluginError(
                f"{source.source}: lookup {name} failed on {len(locations)} locations: {type(error).__name__}: {error}"
            ) from error


def lookup_class_of(source: LookupSource) -> tuple[str, Any, Callable[[], AbstractContextManager[None]]]:
    """The lookup class's name, the class, and the context in which its code can import what it needs."""
    config = source.config
    if config.get("lookup_class"):
        module_name, _, name = str(config["lookup_class"]).rpartition(".")
        return name, _attribute(_installed(source, module_name), name, source), own_modules
    name = f"{source.model_information().get('model_id', '')}KeysLookup"
    if config.get("lookup_module"):
        return name, _attribute(_installed(source, str(config["lookup_module"])), name, source), own_modules
    path = source.directory / str(config["lookup_module_path"])
    file = module_file(path)
    return name, _attribute(load_module(path), name, source), lambda: vendor_imports(file)


def code_path(source: LookupSource) -> Path:
    """The folder of the vendor's lookup code, or its one installed file."""
    config = source.config
    if config.get("lookup_module_path"):
        return module_file(source.directory / str(config["lookup_module_path"])).parent
    module = str(config.get("lookup_class") or config["lookup_module"]).split(".")[0]
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise InvalidInput(Finding(source.source, "names a lookup that is not installed", value=module))
    return Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)


def _installed(source: LookupSource, name: str) -> Any:
    try:
        with own_modules():
            return importlib.import_module(name)
    except ImportError as error:
        raise InvalidInput(
            Finding(
                source.source,
                f"names a lookup that cannot be imported: {error}",
                value=name,
                remedy="Install the model's package",
            )
        ) from error


def _attribute(module: Any, name: str, source: LookupSource) -> Any:
    found = getattr(module, name, None)
    if found is None:
        raise InvalidInput(
            Finding(
                source.source,
                f"has no class {name} in {module.__name__}",
                field="lookup",
                remedy="The class is called <model_id>KeysLookup, with model_id from the configuration",
            )
        )
    return found


def _made(lookup_class: Any, source: LookupSource, output: str) -> Any:
    """An instance, made the way its interface version asks for."""
    config = copy.deepcopy(dict(source.config))
    user_data = str(source.user_data_dir) if source.user_data_dir else None
    version = str(getattr(lookup_class, "interface_version", "0"))
    if version == "1":
        return lookup_class(config, config_dir=str(source.directory), user_data_dir=user_data, output_dir=output)
    if version != "0":
        raise InvalidInput(Finding(source.source, "has a lookup of an unknown interface version", value=version))
    model = source.model_information()
    extra = {"user_data_dir": user_data} if user_data else {}
    return lookup_class(
        keys_data_directory=str(source.keys_data_path),
        supplier=model.get("supplier_id"),
        model_name=model.get("model_id"),
        model_version=model.get("model_version"),
        complex_lookup_config_fp=str(Path(source.directory)),
        output_directory=output,
        **extra,
    )
