"""Portfolios: made, listed, versions, checks, files, locations."""

import gzip
import io
import zipfile

from rest_service import Rest, demonstration_files

TINY = (
    b"PortNumber,AccNumber,LocNumber,CountryCode,Latitude,Longitude,LocPerilsCovered,BuildingTIV,OtherTIV,"
    b"ContentsTIV,BITIV,LocCurrency,OccupancyCode,ConstructionCode\n"
    b"1,A,1,US,25.4611,-80.5867,WW1,1000,0,0,0,USD,1051,5100\n"
    b"1,A,2,US,27.3605,-82.383,WW1,2000,0,0,0,USD,1051,5100\n"
)


def _tiny(rest: Rest, content: bytes = TINY, name: str = "location.csv", user: str = "ann", **fields: object) -> object:
    return rest[user].post("/v1/portfolios", data={"name": "Tiny", **fields}, files={"location": (name, content)})


def test_a_form_makes_a_portfolio_with_its_files(rest: Rest) -> None:
    made = rest.portfolio(description="All tables", groups=["quants"])
    latest = made["latest"]
    assert made["versions"] == latest["number"] == 1
    assert set(latest["files"]) == {"location", "account", "ri_info", "ri_scope"}
    assert latest["files"]["location"]["rows"] > 10
    assert latest["findings"]["passed"]
    for kind, path in demonstration_files().items():
        sent = rest["vera"].get(latest["files"][kind]["url"])
        assert sent.content == path.read_bytes()
        assert path.name in sent.headers["content-disposition"]


def test_one_archive_is_a_portfolio_too(rest: Rest) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in demonstration_files().values():
            archive.write(path, path.name)
    made = rest["ann"].post("/v1/portfolios", data={"name": "Zip"}, files={"archive": ("all.zip", packed.getvalue())})
    assert set(made.json()["latest"]["files"]) == {"location", "account", "ri_info", "ri_scope"}


def test_what_is_wrong_with_a_portfolio_is_told_and_kept(rest: Rest) -> None:
    made = _tiny(rest, TINY.replace(b",1000,", b",-1000,"))
    assert made.status_code == 201
    findings = made.json()["latest"]["findings"]
    assert not findings["passed"]
    assert findings["findings"][0]["field"] == "BuildingTIV"
    assert findings["findings"][0]["row"] == 2
    checked = rest["ann"].post(f"{made.json()['url']}/check", json={}).json()
    assert checked["findings"] == findings["findings"]


def test_a_file_of_another_type_is_refused_as_such(rest: Rest) -> None:
    refused = _tiny(rest, b"%PDF-1.4", "location.pdf")
    assert refused.status_code == 415
    assert refused.json()["findings"][0]["rule"] == "file_type"
    assert _tiny(rest, b"PK\x03\x04rubbish", "location.csv").status_code == 415
    assert _tiny(rest, gzip.compress(b"x" * 300_000_000), "location.csv.gz").status_code == 422


def test_a_body_of_another_type_is_refused(rest: Rest) -> None:
    refused = rest["ann"].post("/v1/portfolios", content=b"x", headers={"Content-Type": "text/plain"})
    assert refused.status_code == 415
    assert rest["ann"].post("/v1/portfolios", json={"name": "None"}).status_code == 422
    assert rest["ann"].post("/v1/portfolios", json={"name": ""}).status_code == 422


def test_an_unknown_upload_is_not_found(rest: Rest) -> None:
    assert rest["ann"].post("/v1/portfolios", json={"name": "U", "uploads": {"location": "x"}}).status_code == 404


def test_a_link_outside_what_is_allowed_is_refused(rest: Rest) -> None:
    refused = rest["ann"].post("/v1/portfolios", json={"name": "L", "links": {"location": "file:///etc/passwd"}})
    assert refused.status_code == 422
    assert refused.json()["findings"][0]["rule"] == "storage_links"


def test_viewers_make_no_portfolio(rest: Rest) -> None:
    assert _tiny(rest, user="vera").status_code == 403


def test_versions_add_up_and_stay(rest: Rest) -> None:
    made = rest.portfolio()
    account = demonstration_files()["account"].read_bytes()
    refused = rest["bob"].post(f"{made['url']}/versions", files={"account": ("account.csv", account)})
    assert refused.status_code == 404
    second = rest["ann"].post(
        f"{made['url']}/versions", data={"inherit": "true"}, files={"account": ("other.csv", account)}
    )
    assert second.status_code == 201, second.text
    assert second.json()["number"] == 2
    assert second.json()["files"]["location"]["sha256"] == made["latest"]["files"]["location"]["sha256"]
    assert second.json()["files"]["account"]["name"] == "other.csv"
    third = rest["ann"].post(f"{made['url']}/versions", files={"location": ("location.csv", TINY)})
    assert set(third.json()["files"]) == {"location"}
    listed = rest["ann"].get(f"{made['url']}/versions").json()
    assert [item["number"] for item in listed["items"]] == [3, 2, 1]
    assert rest["ann"].get(listed["items"][2]["url"]).json() == listed["items"][2]
    assert rest["ann"].get(f"{made['url']}/versions/9").status_code == 404


def test_a_portfolio_is_seen_by_its_groups_and_changed_by_its_owner(rest: Rest) -> None:
    url = _tiny(rest).json()["url"]
    assert rest["bob"].get(url).status_code == 404
    assert rest["ann"].patch(url, json={"groups": ["others"]}).status_code == 403
    assert rest["ann"].patch(url, json={"groups": ["quants"], "name": "Shared"}).json()["groups"] == ["quants"]
    assert rest["bob"].get(url).json()["name"] == "Shared"
    assert rest["bob"].patch(url, json={"name": "Mine"}).status_code == 403
    assert rest["bob"].delete(url).status_code == 403
    assert rest["eve"].get(url).status_code == 404
    assert rest["root"].get(url).status_code == 200
    assert rest["ann"].delete(url).status_code == 204
    assert rest["ann"].get(url).status_code == 404
    assert rest["ann"].get("/v1/portfolios").json()["total"] == 0


def test_lists_come_in_pages_that_skip_nothing(rest: Rest) -> None:
    names = [f"P{number:02d}" for number in range(7)]
    for name in names:
        assert _tiny(rest, name="location.csv").status_code == 201
        latest = rest["ann"].get("/v1/portfolios", params={"limit": 1}).json()["items"][0]
        rest["ann"].patch(latest["url"], json={"name": name})
    for sort in ("name", "-name", "-created", "created", "owner"):
        seen, url = [], f"/v1/portfolios?limit=3&sort={sort}"
        while url:
            page = rest["ann"].get(url).json()
            assert page["total"] == 7
            seen += [item["name"] for item in page["items"]]
            url = page["next"]
        assert sorted(seen) == names
        if sort.endswith("name"):
            assert seen == (names if sort == "name" else names[::-1])
    assert rest["ann"].get("/v1/portfolios?q=p03").json()["total"] == 1
    for cursor in ("nonsense", "WzFd", "WyJhIiwiYiJd", "W10", "WzFlOTld", "bnVsbA", "W1tbW10"):
        assert rest["ann"].get(f"/v1/portfolios?cursor={cursor}").status_code == 422
    assert rest["ann"].get("/v1/portfolios?sort=colour").json()["findings"][0]["field"] == "sort"
    assert rest["ann"].get("/v1/portfolios?limit=501").status_code == 422


def test_a_check_with_a_model_looks_up_the_keys(rest: Rest) -> None:
    url = rest.portfolio()["url"]
    found = rest["ann"].post(f"{url}/check", json={"model": "toy-wind"}).json()
    assert found["passed"]
    assert found["locations"][0]["status"] == "modelled"
    wrong = {"model": "toy-wind", "settings": {"gul_output": True, "nonsense": 1}}
    assert rest["ann"].post(f"{url}/check", json=wrong).status_code == 422
    assert rest["ann"].post(f"{url}/check", json={"settings": {}}).status_code == 422


def test_locations_by_column_and_row(rest: Rest) -> None:
    url = rest.portfolio()["url"]
    found = rest["ann"].get(f"{url}/locations", params={"columns": "LocNumber,Latitude,BuildingTIV", "limit": 5}).json()
    assert found["columns"] == ["LocNumber", "Latitude", "BuildingTIV"]
    assert len(found["items"]) == 5
    assert found["total"] > 5
    assert rest["ann"].get(found["next"]).json()["items"][0] != found["items"][0]
    rich = rest["ann"].get(f"{url}/locations", params={"where": "BuildingTIV>300000 AND CountryCode=US"}).json()
    assert 0 < rich["total"] < found["total"]
    assert all(row["BuildingTIV"] > 300_000 for row in rich["items"])
    assert rest["ann"].get(f"{url}/locations", params={"columns": "Nope"}).status_code == 422
    text = rest["ann"].get(f"{url}/locations", params={"format": "csv", "columns": "LocNumber"}).text
    assert text.splitlines()[0] == "LocNumber"


def test_keys_of_a_portfolio_and_what_share_is_modelled(rest: Rest) -> None:
    url = rest.portfolio()["url"]
    found = rest["ann"].post(f"{url}/keys", json={"model": "toy-wind"}).json()
    assert found["total"] >= len(found["items"]) > 0
    assert found["by_reason"][0]["status"] == "modelled"
    assert found["by_reason"][0]["tiv"] > 0
    text = rest["ann"].post(f"{url}/keys?format=csv", json={"model": "toy-wind"}).text
    assert len(text.splitlines()) == found["total"] + 1


def test_too_much_is_refused_before_it_is_read(rest: Rest) -> None:
    refused = rest["ann"].post("/v1/keys", content=b"[" * (17 * 2**20), headers={"Content-Type": "application/json"})
    assert refused.status_code == 413
    assert refused.json()["remedy"]

    def pieces() -> object:
        for _ in range(17):
            yield b" " * 2**20

    unsaid = rest["ann"].post("/v1/keys", content=pieces(), headers={"Content-Type": "application/json"})
    assert unsaid.status_code == 413


def test_characters_that_cannot_be_stored_are_refused(rest: Rest) -> None:
    url = _tiny(rest).json()["url"]
    headers = {"Content-Type": "application/json"}
    for text in (r"\u0000", r"\ud800"):
        answer = rest["ann"].patch(url, content=f'{{"name": "a{text}b"}}'.encode(), headers=headers)
        assert answer.status_code in (200, 422), answer.text
    assert rest["ann"].get("/v1/portfolios/%00").status_code in (404, 422)
    assert rest["ann"].get("/v1/portfolios?q=%00").status_code in (200, 422)
