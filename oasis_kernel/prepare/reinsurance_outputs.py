"""What reinsurance scope is matched with: the scope fields of the insurance's outputs, as numbers.

There are as many outputs as items in layers, and their fields are text that repeats. So each distinct text is numbered
once, in the order of text; outputs are sorted, grouped and joined by numbers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from oasis_kernel.model.exposure import Int64, Portfolio
from oasis_kernel.prepare.reinsurance_contracts import text_column
from oasis_kernel.prepare.terms.keys import encoded, first_rows, shared_codes

Text = npt.NDArray[np.object_]

#: The number of a blank, in every field: no text sorts before it.
BLANK = 0
#: The number of a text that no output has.
UNKNOWN = -1

POLICY_KEY = ("PortNumber", "AccNumber", "PolNumber")
LOCATION_FIELDS = ("LocGroup", "ReinsTag", "CountryCode")
ACCOUNT_FIELDS = ("CedantName", "ProducerName", "LOB", "PolInceptionDate")


@dataclass(frozen=True)
class ReinsuredOutputs:
    """The outputs of the insurance, by id."""

    output_id: Int64
    codes: Mapping[str, Int64]  # by field, [output]
    texts: Mapping[str, Text]  # by field: the text behind each code, ascending
    policy_row: Int64  # [output] row of the account file, as a spreadsheet shows it; 0 for none

    def numbered(self, scope: pd.DataFrame, fields: Iterable[str]) -> pd.DataFrame:
        """Scope rows with the outputs' numbers in place of text; UNKNOWN where no output has the text."""
        return scope.assign(
            **{
                field: pd.Index(self.texts[field]).get_indexer(pd.Index(scope[field].to_numpy(dtype=object)))
                for field in fields
            }
        )


def describe_outputs(portfolio: Portfolio, output_map: pa.Table) -> ReinsuredOutputs:
    """The scope fields of each output; those of the first location and policy record.

    output_map  one row per output: output_id, loc_id, PortNumber, AccNumber, PolNumber, LocNumber (the last absent
                without locations)
    """
    output_id, first = np.unique(output_map["output_id"].to_numpy(), return_index=True)
    fields = _Fields()
    for name in (*POLICY_KEY, "LocNumber"):
        fields.add(name, output_map, first)
    location = portfolio.location
    row = (
        None if location is None else first_rows(location["loc_id"].to_numpy(), output_map["loc_id"].to_numpy()[first])
    )
    for name in LOCATION_FIELDS:
        fields.add(name, location, row if row is not None else np.full(len(first), UNKNOWN))
    record = _policy_records(portfolio.account, fields)
    for name in ACCOUNT_FIELDS:
        fields.add(name, portfolio.account, record)
    return ReinsuredOutputs(output_id, fields.codes, fields.texts, np.where(record >= 0, record + 2, 0))


class _Fields:
    """Fields of the outputs while they are gathered."""

    def __init__(self) -> None:
        self.codes: dict[str, Int64] = {}
        self.texts: dict[str, Text] = {}

    def add(self, name: str, table: pa.Table | None, row: Int64) -> None:
        """The field in the table's row of each output; blank where there is no row, no column or no table."""
        if table is None or name not in table.column_names:
            self.texts[name], self.codes[name] = np.array([""], dtype=object), np.full(len(row), BLANK)
            return
        self.texts[name], code = numbered_text(table[name])
        self.codes[name] = (
            np.where(row >= 0, code[np.maximum(row, 0)], BLANK) if len(code) else np.full(len(row), BLANK)
        )


def numbered_text(column: pa.ChunkedArray) -> tuple[Text, Int64]:
    """(distinct texts without surrounding blanks, ascending, the blank first; the number of each row's)."""
    numbered = encoded(column)
    given = text_column(pd.DataFrame({"text": numbered.dictionary.to_pandas()}), "text").to_numpy(dtype=object)
    texts, place = np.unique(np.append(given, ["", ""]), return_inverse=True)  # the last one stands for nulls
    return texts, place[numbered.indices.fill_null(len(given)).to_numpy(zero_copy_only=False)]


def _policy_records(account: pa.Table | None, fields: _Fields) -> Int64:
    """The first account record of each output's policy, UNKNOWN for none."""
    outputs = len(fields.codes[POLICY_KEY[0]])
    if account is None or not account.num_rows:
        return np.full(outputs, UNKNOWN)
    mine, theirs = [], []
    for name in POLICY_KEY:
        texts, code = (
            numbered_text(account[name])
            if name in account.column_names
            else (fields.texts[name][:1], np.full(account.num_rows, BLANK))
        )
        same = pd.Index(fields.texts[name]).get_indexer(pd.Index(texts))
        mine.append(fields.codes[name])
        theirs.append(same[code])
    of_output, of_record = shared_codes(mine, theirs)
    record = np.full(max(of_output.max(initial=-1), of_record.max()) + 1, UNKNOWN)
    record[of_record[::-1]] = np.arange(account.num_rows)[::-1]  # the first of equal ones stays
    return record[of_output]
