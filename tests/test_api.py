"""The Python API: few names, each with a docstring, none hidden by a module."""

import subprocess
import sys

import oasis_kernel as ok


def test_the_api_has_at_most_fifteen_names_and_each_says_what_it_is():
    assert len(ok.__all__) <= 15
    for name in ok.__all__:
        assert getattr(ok, name).__doc__, name


def test_run_stays_a_function_whatever_was_imported():
    code = "import oasis_kernel as ok; ok.models(); import oasis_kernel.engine.execute; assert callable(ok.run)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_loads_nothing():
    code = "import sys, oasis_kernel; assert not {'numba', 'pandas', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
