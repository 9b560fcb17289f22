"""The choice of calculation rules, beside the rule tables as sentences."""

import os
import subprocess
from itertools import product

import numpy as np
import pytest

from oasis_kernel.prepare.terms.extraction import BASE_TERMS
from oasis_kernel.prepare.terms.levels import (
    DEDUCTIBLE,
    DEDUCTIBLE_CODE,
    DEDUCTIBLE_TYPE,
    LIMIT,
    LIMIT_CODE,
    LIMIT_TYPE,
    MAXIMUM_DEDUCTIBLE,
    MINIMUM_DEDUCTIBLE,
    SHARE,
)
from oasis_kernel.prepare.terms.rules import STEP_CONDITIONS, base_rules, layer_rules, step_rules

FLAGS = (DEDUCTIBLE, MINIMUM_DEDUCTIBLE, MAXIMUM_DEDUCTIBLE, LIMIT, SHARE)
CHOICES = (*([0, 1],) * 5, [0, 1, 2, 3], [0, 1, 2, 99], [0, 1, 3], [0, 1])
COLUMNS = (*FLAGS, DEDUCTIBLE_TYPE, DEDUCTIBLE_CODE, LIMIT_TYPE, LIMIT_CODE)


def naive_rule(row: dict[str, float]) -> int:
    """The rule of one combination, with ifs."""
    d, n, x, limit = (bool(row[name]) for name in FLAGS[:4])
    kind, code = (row[DEDUCTIBLE_TYPE], row[DEDUCTIBLE_CODE]) if d else (0, 0)
    limit_kind, limit_code = (row[LIMIT_TYPE], row[LIMIT_CODE]) if limit else (0, 0)
    rule = 0
    if limit_code == 0 and (n or x):
        rule = naive_bounded(kind, n, x, limit_kind if limit else None) if code == 0 else 0
    elif limit_code == 0:
        key = (kind if d else None, code, limit_kind if limit else None)
        rule = {
            (None, 0, None): 100,
            (None, 0, 0): 14,
            (None, 0, 1): 15,
            (None, 0, 3): 41,
            (0, 0, None): 12,
            (0, 2, None): 39,
            (0, 99, None): 20,
            (1, 0, None): 16,
            (0, 0, 0): 1,
            (0, 2, 0): 3,
            (1, 0, 0): 33,
            (0, 0, 1): 15,
            (1, 0, 1): 5,
            (3, 0, 3): 40,
        }.get(key, 0)
    if not row[SHARE] or rule == 0:
        return rule
    return {100: 200, 39: 0, 40: 0, 41: 0}.get(rule, rule + 100)


def naive_bounded(kind: float, n: bool, x: bool, limit_kind: float | None) -> int:
    if kind not in (0, 1):
        return 0
    if limit_kind is None:
        return 19 if kind == 1 else {(True, True): 13, (True, False): 11, (False, True): 10}[n, x]
    if limit_kind == 0:
        return 26 if kind == 1 else 7 if x else 8
    return {(0, 1): 36, (1, 1): 35}.get((kind, limit_kind), 0)


def test_base_rules_are_those_of_the_table() -> None:
    rows = np.array(list(product(*CHOICES)), float)
    terms = {name: np.zeros(len(rows)) for name in BASE_TERMS} | dict(zip(COLUMNS, rows.T, strict=True))
    naive = [naive_rule(dict(zip(COLUMNS, row, strict=True))) for row in rows]
    np.testing.assert_array_equal(base_rules(terms), naive)


def test_a_layer_without_a_limit_is_unlimited() -> None:
    rows = np.array(list(product([0, 5], [0, 7], [0, 0.5, 1])), float)
    terms = dict(zip((LIMIT, "attachment", SHARE), rows.T, strict=True))
    expected = [2 if limit else 34 if attachment or share else 100 for limit, attachment, share in rows]
    assert layer_rules(terms).tolist() == expected


REFERENCE_TABLES = """
from oasislmf.utils.calc_rules import get_calc_rules
for kind in ("base", "step"):
    table, info = get_calc_rules(kind)
    names = [f"{name}_gt_0" for name in info["terms"]] + info["types_and_codes"]
    for row in table[[*names, "calcrule_id"]].astype(int).values.tolist():
        print(kind, *row)
"""


@pytest.mark.differential
def test_rules_are_the_references() -> None:
    """All of its tables' rows; and a share with a limit of loss and both bounds, which its table leaves out."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON: the Python of an installed oasislmf")
    printed = subprocess.run([python, "-c", REFERENCE_TABLES], check=True, capture_output=True, text=True).stdout
    table: dict[str, dict[tuple[int, ...], int]] = {"base": {}, "step": {}}
    for line in printed.splitlines():
        kind, *numbers = line.split()
        table[kind][tuple(map(int, numbers[:-1]))] = int(numbers[-1])
    names = (DEDUCTIBLE, MINIMUM_DEDUCTIBLE, MAXIMUM_DEDUCTIBLE, LIMIT, SHARE, *COLUMNS[5:])
    base = np.array(
        [key for key in table["base"] if (key[0] or not any(key[5:7])) and (key[3] or not any(key[7:]))], float
    )
    ours = base_rules(dict(zip(names, base.T, strict=True)))
    assert ours.tolist() == [table["base"][tuple(map(int, row))] for row in base]
    every = np.array(list(product(*([0, 1],) * 5, range(4), range(4))), float)
    steps = step_rules(dict(zip((*STEP_CONDITIONS, "trigger_type", "payout_type"), every.T, strict=True)))
    assert steps.tolist() == [table["step"].get(tuple(map(int, row)), 0) for row in every]
