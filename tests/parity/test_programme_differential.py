"""Random portfolios through the reference's compiler and ours: the same programmes, up to renumbering."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from fm_cases import item_map
from fm_portfolios import Tables, as_portfolio, portfolios
from hypothesis import HealthCheck, Phase, given, settings
from programme_shape import read_programme_csv, repeated_policies, shape

from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.terms import compile_programme

EXAMPLES = int(os.environ.get("TERMS_DIFFERENTIAL_EXAMPLES", "60"))
MODEL_PERILS = "WW2"
checked = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes hours at a second an example
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
Reference = Callable[[Tables], tuple[Path, str]]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """Writes a portfolio, has the reference compile it, and returns its folder and the answer."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON: the Python of an installed oasislmf")
    root = tmp_path_factory.mktemp("terms")
    command = [python, str(Path(__file__).with_name("reference_programmes.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as worker:
        count = iter(range(10**9))

        def compile_tables(tables: Tables) -> tuple[Path, str]:
            folder = root / str(next(count))
            folder.mkdir()
            for name, records in zip(("location", "account"), tables, strict=True):
                pd.DataFrame(records).to_csv(folder / f"{name}.csv", index=False)
            print(folder, file=worker.stdin, flush=True)
            return folder / "reference", worker.stdout.readline().strip()

        yield compile_tables
        worker.stdin.close()


@pytest.mark.differential
@pytest.mark.slow
@checked
@given(tables=portfolios())
def test_random_terms_compile_to_the_references_programme(reference: Reference, tables: Tables) -> None:
    assert_same(tables, *reference(tables))


@pytest.mark.differential
@pytest.mark.slow
@checked
@given(tables=portfolios(steps=True))
def test_random_step_policies_compile_to_the_references_programme(reference: Reference, tables: Tables) -> None:
    assert_same(tables, *reference(tables))


def assert_same(tables: Tables, folder: Path, answer: str) -> None:
    """Both compile to the same, or both refuse. Where the reference gives a layer two profiles, ours may do either."""
    theirs = read_programme_csv(folder) if answer == "done" else None
    ours = compiled(tables)
    if theirs is not None and repeated_policies(theirs):
        return
    if isinstance(ours, InvalidInput):
        assert theirs is None, f"only ours refuses: {ours}"
    else:
        assert theirs is not None, f"only the reference refuses: {answer}"
        assert shape(ours) == shape(theirs)


def compiled(tables: Tables) -> Programme | InvalidInput:
    portfolio = as_portfolio(tables)
    try:
        return compile_programme(portfolio, item_map(portfolio, MODEL_PERILS)).programme
    except InvalidInput as refusal:
        return refusal
