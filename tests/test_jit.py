"""Compiled kernels are found again by content, and by nothing else."""

from pathlib import Path

from oasis_kernel import _jit


def test_a_module_is_cached_by_its_own_sources_and_those_it_imports():
    names = {path.stem for path in _jit._sources("oasis_kernel.kernels.ground_up")}
    assert {"ground_up", "random", "damage", "allocation"} <= names
    assert "curves" not in names


def test_the_folder_follows_the_content(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("OASIS_KERNEL_CACHE", str(tmp_path))
    first = _jit.cache_directory("oasis_kernel.kernels.random")
    assert first.parent == tmp_path
    assert first != _jit.cache_directory("oasis_kernel.kernels.curves")
    assert first == _jit.cache_directory("oasis_kernel.kernels.random")


def test_functions_from_elsewhere_are_cached_too():
    assert _jit._sources("a_vendors_module") == frozenset()
