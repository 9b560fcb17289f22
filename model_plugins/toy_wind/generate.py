"""Make the model's data: a folder in the Oasis standard layout, written whole or not at all."""

import hashlib
import json
import shutil
import tempfile
from importlib import resources
from pathlib import Path

from model_plugins.toy_wind.calendar import draw_occurrences
from model_plugins.toy_wind.damage import damage_bins, vulnerability
from model_plugins.toy_wind.hazard import BANDS, make_footprint
from model_plugins.toy_wind.storms import draw_storms
from oasis_kernel.formats.model_data import write

EVENTS = 2_000
SEED = 19_920_824
EVENT_SET, OCCURRENCE_SET = "p", "lt"
RETURN_PERIODS = (2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000)
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
STAMP = "made_by.json"


def fingerprint() -> str:
    """A hash of everything that the data and the lookup follow from: this package's code and settings."""
    digest = hashlib.sha256()
    for file in sorted(resources.files("model_plugins.toy_wind").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith((".py", ".json")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def ready_directory(data_dir: Path) -> Path:
    """The model's data folder under ``data_dir``, made first if this version of the model has none yet.

    Two processes may make it at once: the first to finish wins, and the bytes are the same.
    """
    final = Path(data_dir) / "toy-wind" / fingerprint()[:16]
    if (final / STAMP).is_file():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=final.parent))
    try:
        generate(scratch)
        _publish(scratch, final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return final


def generate(directory: Path, events: int = EVENTS, seed: int = SEED) -> None:
    """Write the model's files into ``directory``. The same arguments give the same bytes on every machine.

    What that rests on: IEEE double and single precision, numpy's PCG64 and its ``random()``, ``arithmetic``.
    """
    directory = Path(directory)
    storms = draw_storms(events, seed)
    footprint = make_footprint(storms)
    write.write_footprint(directory, footprint, BANDS, has_uncertainty=True)
    write.write_damage_bins(directory / "damage_bin_dict.bin", damage_bins())
    write.write_vulnerability(directory / "vulnerability.bin", vulnerability())
    occurrence = draw_occurrences(events, seed + 1)
    for suffix in ("", f"_{OCCURRENCE_SET}"):
        write.write_occurrence(directory / f"occurrence{suffix}.bin", occurrence)
    for suffix in ("", f"_{EVENT_SET}"):
        write.write_events(directory / f"events{suffix}.bin", footprint.event_id)
    write.write_return_periods(directory / "returnperiods.bin", RETURN_PERIODS)
    write.write_quantiles(directory / "quantile.bin", QUANTILES)
    stamp = {"model": "toy-wind", "events": events, "seed": seed, "fingerprint": fingerprint()}
    (directory / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def _publish(scratch: Path, final: Path) -> None:
    scratch.chmod(0o755)  # mkdtemp's own mode would lock out the other users of a shared data folder
    try:
        scratch.rename(final)
    except OSError:
        if not (final / STAMP).is_file():
            raise
