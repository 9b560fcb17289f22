"""The model's data folder: made once, whole, the same bytes each time, and readable."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_plugins.toy_wind import generate, hazard, register_models
from model_plugins.toy_wind.coast import land_cells
from model_plugins.toy_wind.model import ToyWind
from oasis_kernel.model.inputs import DemonstratedModel
from oasis_kernel.model.vendor import Model, ModelChoice


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    generate.ready_directory(folder)
    return folder


@pytest.fixture(scope="module")
def model(data_dir) -> ToyWind:
    return ToyWind(data_dir)


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_it_is_a_model(model):
    assert isinstance(model, Model)
    assert isinstance(model, DemonstratedModel)
    assert [registered.name for registered in register_models(Path("anywhere"))] == ["toy-wind"]


def test_registering_reads_and_makes_nothing(tmp_path):
    register_models(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_data_are_made_once_and_leave_no_scrap(data_dir):
    made = generate.ready_directory(data_dir)
    before = (made / generate.STAMP).stat().st_mtime_ns
    assert generate.ready_directory(data_dir) == made
    assert (made / generate.STAMP).stat().st_mtime_ns == before
    assert [path.name for path in made.parent.iterdir()] == [generate.fingerprint()[:16]]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    generate.generate(tmp_path / "a", events=40)
    generate.generate(tmp_path / "b", events=40)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_bytes_do_not_depend_on_the_processors_vector_units(tmp_path):
    """numpy without its AVX paths, in another process, writes the same files."""
    generate.generate(tmp_path / "here", events=40)
    code = f"from model_plugins.toy_wind.generate import generate; generate({str(tmp_path / 'there')!r}, events=40)"
    plain = os.environ | {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR X86_V3"}
    done = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=False)
    if "CPU features" in done.stderr:
        pytest.skip(f"this numpy cannot switch them off: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert digest(tmp_path / "here") == digest(tmp_path / "there")


def test_two_at_once_is_one_folder(data_dir, tmp_path):
    """The second to finish finds the folder there, and leaves it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    final = generate.ready_directory(data_dir)
    before = digest(final)
    generate._publish(scratch, final)
    assert digest(final) == before


def test_a_failure_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "make_footprint", lambda storms: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generate.ready_directory(tmp_path)
    assert list((tmp_path / "toy-wind").iterdir()) == []


def test_the_engine_reads_what_was_made(model):
    data = model.open(ModelChoice(event_set="p", event_occurrence_id="lt"))
    assert len(data.events()) == generate.EVENTS
    assert data.hazard.num_intensity_bins == hazard.BANDS
    footprint = data.hazard.footprint(data.events()[:50], land_cells().astype(np.uint64))
    assert len(footprint.areaperil_id) > 1_000
    sums = np.add.reduceat(footprint.probability, np.flatnonzero(np.diff(footprint.areaperil_id, prepend=0)))
    np.testing.assert_allclose(sums, 1.0, atol=1e-5)
    occurrence = data.occurrence()
    assert occurrence is not None
    assert occurrence.periods == 10_000
    vulnerability = data.vulnerability(np.array([121, 124], dtype=np.int32))
    np.testing.assert_allclose(vulnerability.probability.sum(axis=2), 1.0, atol=1e-5)
    assert data.return_periods() is not None


def test_the_settings_offer_what_the_folder_has(model, data_dir):
    settings = model.settings()["model_settings"]
    folder = generate.ready_directory(data_dir)
    assert (folder / f"events_{settings['event_set']['default']}.bin").is_file()
    assert (folder / f"occurrence_{settings['event_occurrence_id']['default']}.bin").is_file()
    assert settings["event_set"]["options"][0]["number_of_events"] == generate.EVENTS


def test_settings_follow_the_standards_schema(model):
    jsonschema = pytest.importorskip("jsonschema")
    import json

    import ods_tools

    schema = json.loads((Path(ods_tools.__file__).parent / "data" / "model_settings_schema.json").read_text())
    jsonschema.validate(dict(model.settings()), schema)


def test_the_fingerprint_is_of_the_code_and_settings(model):
    assert model.fingerprint() == generate.fingerprint()
    assert len(model.fingerprint()) == 64
