"""An analysis confined to some perils: what is kept, what is pointed out, what is refused."""

import pyarrow as pa
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.prepare.peril_filter import keys_of_perils

KEYS = pa.table({"loc_id": [1, 1, 2, 3], "peril_id": ["WTC", "WSS", "WSS", None]})


def test_without_a_filter_every_key_is_kept() -> None:
    kept, findings = keys_of_perils(KEYS, (), "settings.json")
    assert kept.equals(KEYS)
    assert findings == []


def test_keys_of_the_named_perils_are_kept() -> None:
    kept, findings = keys_of_perils(KEYS, ("WSS",), "settings.json")
    assert kept["loc_id"].to_pylist() == [1, 2]
    assert findings == []


def test_a_peril_without_keys_is_pointed_out_and_a_group_is_not_its_members() -> None:
    kept, findings = keys_of_perils(KEYS, ("WTC", "QEQ", "WW1"), "settings.json")
    assert kept["loc_id"].to_pylist() == [1]
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert [str(finding) for finding in findings] == [
        "settings.json: peril_filter names a peril that has no key, got 'QEQ'. The keys have WSS, WTC",
        "settings.json: peril_filter names a peril that has no key, got 'WW1'. The keys have WSS, WTC",
    ]


@pytest.mark.parametrize(
    ("perils", "sentence"),
    [
        (("WTC", "wss"), "peril_filter must name OED peril codes, got 'wss'. Did you mean WSS?"),
        (("flood",), "peril_filter must name OED peril codes, got 'flood'. The keys have WSS, WTC"),
        (("QEQ",), "peril_filter leaves no keys, got 'QEQ'. The keys have WSS, WTC"),
    ],
)
def test_a_filter_of_no_peril_or_that_leaves_nothing_is_refused(perils: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys_of_perils(KEYS, perils, "settings.json")
    assert [str(finding) for finding in refused.value.findings] == [f"settings.json: {sentence}"]


def test_a_models_own_peril_is_known_by_its_keys() -> None:
    keys = pa.table({"peril_id": ["Storm7"]})
    assert keys_of_perils(keys, ("Storm7",), "settings.json")[0].num_rows == 1
