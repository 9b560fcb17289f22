"""A service whose artefacts and parts lie in object storage: the same results, and files linked instead of sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_service import Rest, demonstration_files, rest_service

from oasis_kernel.service.artefacts import Artefacts
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.store.places import Place

pytestmark = pytest.mark.slow
ASKED = {"model": "toy-wind", "samples": 3, "chunks": 4, "settings": {"event_ranges": "1-300"}}
OUTPUT = {"gul_output": True, "gul_summaries": [{"id": 1, "ord_output": {"ept_full_uncertainty_oep": True}}]}


@pytest.fixture
def on_s3(bucket: str, tmp_path: Path) -> Iterator[Rest]:
    links = (f"{bucket}/shared", str(tmp_path / "shelf"))
    settings = ServiceSettings(root=tmp_path / "s3", storage_url=f"{bucket}/service", port=0, storage_links=links)
    with rest_service(settings) as made:
        yield made


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Rest]:
    with rest_service(ServiceSettings(root=tmp_path / "disk", port=0)) as made:
        yield made


def zip_of(rest: Rest, portfolio: str) -> tuple[dict[str, object], bytes]:
    asked = {**ASKED, "settings": {**ASKED["settings"], **OUTPUT}, "portfolio": portfolio}  # type: ignore[dict-item]
    found = rest.complete(**asked)
    table = rest["ann"].get(f"{found['url']}/files/gul_S1_ept.csv")
    assert table.status_code == 200, table.text
    return found, table.content


def test_results_are_the_same_bytes_on_a_disk_and_on_s3(on_s3: Rest, on_disk: Rest, bucket: str):
    _, expected = zip_of(on_disk, on_disk.portfolio()["id"])
    portfolio = on_s3.portfolio()
    found, table = zip_of(on_s3, portfolio["id"])
    assert table == expected
    kinds = {entry.name.split("/")[0] for entry in Artefacts(f"{bucket}/service").entries()}
    assert {"portfolios", "results", "parts"} <= kinds
    assert not list((on_s3.settings.parts_folder / "parts").glob("??/*"))
    assert not (on_s3.settings.root / "artefacts").exists()
    location = on_s3["ann"].get(portfolio["latest"]["files"]["location"]["url"])
    assert location.content == demonstration_files()["location"].read_bytes()
    assert on_s3["ann"].delete(found["url"]).status_code == 204


def test_a_portfolio_is_linked_from_a_bucket_and_a_folder(on_s3: Rest, on_disk: Rest, bucket: str, tmp_path: Path):
    _, expected = zip_of(on_disk, on_disk.portfolio()["id"])
    files, shelf = demonstration_files(), tmp_path / "shelf"
    shelf.mkdir()
    links = {}
    for kind, path in files.items():
        if kind == "account":
            (shelf / path.name).write_bytes(path.read_bytes())
            links[kind] = f"{shelf}/{path.name}"
        else:
            links[kind] = Place(f"{bucket}/shared").put_file(path, f"2026/{path.name}").url
    made = on_s3["ann"].post("/v1/portfolios", json={"name": "Linked", "links": links})
    assert made.status_code == 201, made.text
    portfolio = made.json()["id"]
    assert zip_of(on_s3, portfolio)[1] == expected
    (shelf / files["account"].name).write_bytes(files["account"].read_bytes() + b"\n")
    checked = on_s3["ann"].post(f"/v1/portfolios/{portfolio}/check", json={})
    assert "must be as it was when it was linked, and has changed or is gone" in checked.text
    for url in ("s3://other/a.csv", f"{bucket}/service/results/x", "/etc/passwd", f"{shelf}/../x", "http://localhost/"):
        refused = on_s3["ann"].post("/v1/portfolios", json={"name": "L", "links": {"location": url}})
        assert refused.status_code == 422
        assert refused.json()["findings"][0]["rule"] == "storage_links"
