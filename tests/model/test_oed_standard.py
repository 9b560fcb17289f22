import subprocess
import sys

import pytest
from ods_tools.oed import OedSchema

from oasis_kernel.formats.oed_schema import KIND_OF, standard
from oasis_kernel.model.oed_standard import oed_standard, oed_versions

COLUMNS = [
    "locnumber",
    " LocNumber ",
    "FlexiLocRoof",
    "flexiloc",
    "LocUserDef12",
    "CondTag1",
    "AccParticipation",
    "X",
    "",
]


@pytest.mark.parametrize("version", oed_versions())
def test_is_what_ods_tools_reads(version: str) -> None:
    theirs = OedSchema.from_oed_schema_info(version).schema
    assert {name: theirs[name] for name in oed_standard(version)} == oed_standard(version)


def test_the_newest_is_the_default() -> None:
    assert oed_standard()["version"] == oed_standard("latest version")["version"] == oed_versions()[-1]


def test_a_version_that_is_not_shipped_is_refused() -> None:
    with pytest.raises(ValueError, match=r"9\.9\.9 is not one of the versions .* 1\.1\.2, "):
        oed_standard("9.9.9")


@pytest.mark.parametrize("version", oed_versions())
@pytest.mark.parametrize("kind", KIND_OF.values())
def test_columns_are_matched_as_ods_tools_matches_them(version: str, kind: str) -> None:
    raw = OedSchema.from_oed_schema_info(version).schema["input_fields"][kind]
    columns = [*COLUMNS, *(info.get("alias") for info in raw.values() if info.get("alias")), *raw]
    columns += [name[:-2] + "07" for name in raw if name.endswith("xx")]
    columns += [name[:-3] + "Anything" for name in raw if name.endswith("zzz")]
    theirs = OedSchema.column_to_field(columns, raw)
    ours = standard(version).field_of(kind, columns)
    assert {column: field.name for column, field in ours.items()} == {
        column: info["Input Field Name"] for column, info in theirs.items()
    }


def test_a_run_never_imports_ods_tools() -> None:
    code = "import sys, oasis_kernel.engine.execute, oasis_kernel.cli; assert 'ods_tools' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
