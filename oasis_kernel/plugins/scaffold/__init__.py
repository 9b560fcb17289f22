"""Start a vendor's package: one that runs, tests itself, and says what to replace."""

import keyword
import runpy
from importlib import resources
from pathlib import Path
from string import Template

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.plugins.discovery import MODEL_NAME

#: Where each template goes, below the package's folder; ``{package}`` is its import name.
FILES = {
    "pyproject.toml.tmpl": "pyproject.toml",
    "README.md.tmpl": "README.md",
    "gitignore.tmpl": ".gitignore",
    "plugin.py.tmpl": "src/{package}/__init__.py",
    "build.py.tmpl": "src/{package}/build.py",
    "exposure.py.tmpl": "src/{package}/exposure.py",
    "hazard.py.tmpl": "src/{package}/hazard.py",
    "test_conformance.py.tmpl": "tests/test_conformance.py",
}


def scaffold(name: str, directory: Path) -> Path:
    """The folder ``directory/name``, a new package with a small working model called ``name``.

    Its data are made at once, so that it can be run, tested and built as it is. InvalidInput when the name cannot be
    a model's and a package's, or the folder is there already.
    """
    package = name.replace("-", "_").replace(".", "_")
    if not MODEL_NAME.fullmatch(name) or not package.isidentifier() or keyword.iskeyword(package):
        raise InvalidInput(
            Finding(
                "new plugin",
                "must be a lower-case name that starts with a letter",
                field="NAME",
                value=name,
                remedy="For example 'coastal-wind'",
            )
        )
    folder = Path(directory) / name
    if folder.exists():
        raise InvalidInput(Finding(str(folder), "is there already", remedy="Choose another name or folder"))
    words = {"name": name, "package": package, "title": name.replace("-", " ").title()}
    words["kind"] = words["title"].replace(" ", "").replace(".", "").replace("_", "")
    templates = resources.files(__package__).joinpath("templates")
    for template, place in FILES.items():
        target = folder / place.format(package=package)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = Template(templates.joinpath(template).read_text(encoding="utf-8")).substitute(words)
        target.write_text(text, encoding="utf-8")
    source = folder / "src" / package
    runpy.run_path(str(source / "build.py"))["build"](source / "data")
    return folder
