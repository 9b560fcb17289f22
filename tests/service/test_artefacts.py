"""What the service keeps is found by address; what nobody needs goes, by age and by size."""

from datetime import timedelta
from pathlib import Path

import pytest

from oasis_kernel.errors import OasisError
from oasis_kernel.service import housekeeping
from oasis_kernel.service.artefacts import Artefacts
from oasis_kernel.service.database import Database
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, Run, Upload, now
from oasis_kernel.service.uploads import Incoming
from oasis_kernel.store.remote_parts import collect_parts, part_store

DAY = timedelta(days=1)


@pytest.fixture(params=["folder", "s3"])
def artefacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artefacts:
    if request.param == "folder":
        return Artefacts(tmp_path / "artefacts")
    return Artefacts(f"{request.getfixturevalue('bucket')}/service")


def test_files_are_asked_by_address(artefacts: Artefacts, tmp_path: Path):
    stored = artefacts.put_bytes(b"1,2\n", "portfolios/1/location.csv")
    assert artefacts.local_url(stored.url, stored.sha256).read_bytes() == b"1,2\n"
    with artefacts.open_url(stored.url) as stream:
        assert stream.read() == b"1,2\n"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "run.json").write_text("{}")
    artefacts.put_folder(tmp_path / "results", "results/1")
    folder = artefacts.folder_of(artefacts.url_of("results/1"))
    assert (folder / "run.json").read_text() == "{}"
    assert artefacts.delete_url(artefacts.url_of("results/1")) == 2
    for url in ("file:///etc/passwd", "s3://other/x", f"{artefacts.url}/../x", f"{artefacts.url}x/y"):
        for ask in (artefacts.open_url, artefacts.local_url, artefacts.folder_of, artefacts.delete_url):
            with pytest.raises(OasisError, match="must"):
                ask(url)


def test_the_unused_go_by_age_and_the_oldest_by_size(artefacts: Artefacts):
    for name in ("a", "b", "c", "d"):
        artefacts.put_bytes(b"x" * 60, f"results/{name}/one")
        artefacts.put_bytes(b"x" * 40, f"results/{name}/deep/two")
    artefacts.put_bytes(b"x", "other/a/one")
    present = now()

    def collected(later: timedelta, keep: set[str], limit: int | None = None) -> list[str]:
        gone = artefacts.collect(["results"], keep, present + later, unused_for=DAY, limit_bytes=limit)
        assert all(group.bytes == 100 for group in gone)
        return [group.name for group in gone]

    keep = {"results/a", "results/c"}
    assert collected(timedelta(minutes=5), keep, 0) == [], "too young for anybody to have named it"
    assert collected(timedelta(hours=2), keep) == []
    assert collected(timedelta(hours=2), keep, 300) == ["results/b"]
    assert collected(2 * DAY, keep) == ["results/d"]
    assert collected(2 * DAY, keep, 0) == [], "what is named stays, whatever it takes"
    assert {group.name for group in artefacts.groups(["results", "other"])} == {"results/a", "results/c", "other/a"}


def test_parts_in_object_storage_go_the_oldest_first(bucket: str):
    store = part_store(bucket)
    for name in "abc":
        store.publish(name * 64, lambda path: path.write_bytes(b"x" * 1000) and None)
    place = Artefacts(bucket)
    assert collect_parts(place, 0) == 0, "runs may be about to read them"
    assert collect_parts(place, 2500, young_seconds=-5) == 1000
    assert sum(store.has(name * 64) for name in "abc") == 2
    assert len(place.entries()) == 4


def put_back(file: Path, age: timedelta) -> None:
    import os

    moment = (now() - age).timestamp()
    os.utime(file, (moment, moment))


def stored_file(artefacts: Artefacts, name: str, age: timedelta = 2 * DAY) -> dict[str, str]:
    stored = artefacts.put_bytes(b"x" * 100, name)
    put_back(artefacts.local(name), age)
    return {"name": "location.csv", "url": stored.url, "sha256": stored.sha256}


def test_the_service_keeps_what_a_row_names(settings: ServiceSettings, database: Database):
    artefacts = Artefacts(settings.storage_url)
    used, gone, inherited = (stored_file(artefacts, f"portfolios/{name}/location.csv") for name in ("u", "g", "i"))
    of_upload, orphan = (stored_file(artefacts, f"uploads/{name}/location.csv") for name in ("taken", "orphan"))
    young = stored_file(artefacts, "portfolios/young/location.csv", timedelta(minutes=1))
    linked = {"name": "x", "url": "s3://elsewhere/uploads/orphan", "linked": True}
    with database.write() as session:
        kept, deleted, deleted_too = (Portfolio(name=name, owner="ann") for name in ("kept", "deleted", "too"))
        deleted.deleted = deleted_too.deleted = now()
        session.add_all([kept, deleted, deleted_too])
        session.flush()
        versions = [
            PortfolioVersion(portfolio_id=portfolio.id, number=1, files=files, created_by="ann")
            for portfolio, files in (
                (kept, {"location": used, "account": of_upload, "ri_info": linked}),
                (deleted, {"location": gone}),
                (deleted_too, {"location": inherited}),
            )
        ]
        session.add_all(versions)
        session.flush()
        session.add(Run(name="run", owner="ann", model="m", version_id=versions[2].id, request={}))
    housekeeping.tidy(database, settings)
    there = {Path(entry.name).parent.as_posix() for entry in artefacts.entries()}
    assert there == {"portfolios/u", "portfolios/i", "portfolios/young", "uploads/taken"}
    assert gone["url"] != orphan["url"] != young["url"]


def test_old_work_orders_go_but_those_of_runs_at_work(settings: ServiceSettings, database: Database):
    store = Artefacts(settings.parts_folder)
    for name, age in (("at-work", 9 * DAY), ("ended", 9 * DAY), ("young", 6 * DAY)):
        stored_file(store, f"orders/{name}/analysis.json", age)
    with database.write() as session:
        for name, state in (("at-work", "running"), ("ended", "completed")):
            url = store.url_of(f"orders/{name}")
            session.add(Run(name="run", owner="ann", model="m", request={}, state=state, order_url=url))
    housekeeping.tidy(database, settings)
    assert {entry.name.split("/")[1] for entry in store.entries()} == {"at-work", "young"}


def test_results_beyond_their_room_go_the_oldest_first(settings: ServiceSettings, database: Database):
    settings = settings.model_copy(update={"keep_bytes": 250})
    artefacts = Artefacts(settings.storage_url)
    ids = {}
    with database.write() as session:
        for days, state in ((5, "running"), (4, "completed"), (3, "failed"), (2, "completed"), (1, "completed")):
            run = Run(name="run", owner="ann", model="m", request={}, state=state)
            session.add(run)
            session.flush()
            ids[days] = run.id
            stored_file(artefacts, f"results/{run.id}/run.json", days * DAY)
    housekeeping.tidy(database, settings)
    with database.read() as session:
        purged = {days for days, run_id in ids.items() if session.get_one(Run, run_id).purged is not None}
    assert purged == {4, 3, 2}, "what is at work stays"
    assert {entry.name.split("/")[1] for entry in artefacts.entries("results")} == {ids[5], ids[1]}


def test_what_a_killed_service_left_of_uploads_goes(settings: ServiceSettings, database: Database):
    incoming = Incoming.of(settings)
    (incoming.folder / "form-xyz").mkdir(parents=True)
    with database.write() as session:
        known = Upload(owner="ann", kind="location", name="a.csv", state="receiving")
        session.add(known)
        session.flush()
    for name in (known.id, "of-nobody", "of-nobody-yet"):
        incoming.path(name).write_bytes(b"x")
    for path in incoming.folder.iterdir():
        if path.stem != "of-nobody-yet":
            put_back(path, DAY)
    housekeeping.tidy(database, settings)
    assert {path.stem for path in incoming.folder.iterdir()} == {known.id, "of-nobody-yet"}


def test_the_housekeeper_tidies_now_and_then(settings: ServiceSettings, database: Database, monkeypatch):
    calls = []
    monkeypatch.setattr(housekeeping, "tidy", lambda *_: calls.append(1))
    keeper = housekeeping.Housekeeper(database, settings)
    keeper.tidy_when_due()
    assert calls == [], "not at once: a service that starts has other things to do"
    keeper._tidy_at = 0.0
    keeper.tidy_when_due()
    keeper.tidy_when_due()
    assert calls == [1]
