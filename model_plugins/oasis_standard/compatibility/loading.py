"""A vendor's Python file as a module, alone or as part of its package."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from model_plugins.oasis_standard.compatibility.importing import own_modules
from oasis_kernel.errors import Finding, InvalidInput, OasisError, PluginError


@contextmanager
def vendor_imports(path: Path) -> Iterator[None]:
    """Inside, a vendor's file may import its neighbours, its package and the toolkit's names.

    What it imported from its own folders is forgotten afterwards, so that two models may both have a ``tables.py``.
    """
    package = outermost_package(path)
    folders = list(dict.fromkeys([path.parent, package.parent if package else path.parent]))
    with own_modules():
        before = set(sys.modules)
        sys.path[:0] = map(str, folders)
        try:
            yield
        finally:
            for folder in folders:
                sys.path.remove(str(folder))
            for name in set(sys.modules) - before:
                origin = getattr(sys.modules[name], "__file__", None)
                if origin and any(Path(origin).is_relative_to(folder) for folder in folders):
                    del sys.modules[name]


def outermost_package(path: Path) -> Path | None:
    """The highest folder above a file that is a package without a gap, None for a lone file."""
    package = None
    folder = path.parent
    while (folder / "__init__.py").is_file():
        package, folder = folder, folder.parent
    return package


def module_file(path: Path) -> Path:
    """The Python file that a configuration means: the file, with or without its suffix, or a package's folder."""
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise InvalidInput(Finding(str(path), "is not a Python file", remedy="Check the path in the configuration"))
    return file.resolve()


def load_module(path: Path) -> ModuleType:
    """The module in a vendor's Python file, under a name of its own; InvalidInput when its imports fail.

    PluginError when its code does.
    """
    file = module_file(path)
    package = outermost_package(file)
    with vendor_imports(file):
        try:
            if package is None:
                return _executed(_private_name(file), file)
            top = _private_name(package)
            _executed(top, package / "__init__.py", [str(package)])
            inside = file.relative_to(package).with_suffix("").parts
            name = ".".join([top, *(part for part in inside if part != "__init__")])
            return importlib.import_module(name)
        except OasisError:
            raise
        except ImportError as error:
            raise InvalidInput(
                Finding(file.name, f"cannot be imported: {error}", remedy="Install what it imports")
            ) from error
        except Exception as error:  # importing a vendor's file runs its code
            raise PluginError(f"{file.name}: cannot be imported: {type(error).__name__}: {error}") from error


def _private_name(path: Path) -> str:
    """A module name that no other model's file has."""
    return f"vendor_{hashlib.blake2b(str(path).encode(), digest_size=6).hexdigest()}_{path.stem}"


def _executed(name: str, file: Path, search: list[str] | None = None) -> ModuleType:
    """The module of a file, known to ``import`` by this name while it runs."""
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
