"""Home, models, keys, settings templates, cluster."""

from rest_service import Rest

from oasis_kernel.service import cluster_reports

WHERE = {
    "CountryCode": "US",
    "Latitude": 25.4611,
    "Longitude": -80.5867,
    "OccupancyCode": 1051,
    "ConstructionCode": 5100,
}


def test_home_says_what_this_is_and_who_asks(rest: Rest) -> None:
    found = rest["ann"].get("/v1").json()
    assert found["name"] == "oasis-workbench"
    assert found["user"] == {"name": "ann", "role": "analyst", "groups": ["quants"], "door": "token"}
    assert found["links"]["analyses"] == "/v1/analyses"


def test_health_is_open_and_everything_else_is_not(rest: Rest) -> None:
    assert rest[""].get("/healthz").json()["status"] == "ok"
    refused = rest[""].get("/v1/models")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"


def test_an_unknown_path_is_a_problem(rest: Rest) -> None:
    refused = rest["ann"].get("/v1/nothing")
    assert refused.status_code == 404
    assert refused.json()["detail"] == "There is nothing at /v1/nothing"


def test_models_come_with_settings_and_versions(rest: Rest) -> None:
    listed = rest["vera"].get("/v1/models").json()
    item = next(item for item in listed["items"] if item["name"] == "toy-wind")
    assert listed["total"] == len(listed["items"])
    assert listed["next"] is None
    model = rest["vera"].get(item["url"]).json()
    assert model["versions"]["plugin"] == item["version"]
    assert model["versions"]["oed_schema"]
    assert model["versions"]["workers"][0]["engine"] == model["versions"]["engine"]
    assert "model_settings" in model["settings"]


def test_a_model_given_to_a_group_does_not_exist_for_others(rest: Rest) -> None:
    url = "/v1/models/toy-wind"
    assert rest["ann"].put(f"{url}/access", json={"groups": ["quants"]}).status_code == 403
    changed = rest["mona"].put(f"{url}/access", json={"groups": ["quants"]})
    assert changed.json()["groups"] == ["quants"]
    assert rest["ann"].get(url).status_code == 200
    assert rest["eve"].get(url).status_code == 404
    assert "toy-wind" not in [item["name"] for item in rest["eve"].get("/v1/models").json()["items"]]
    assert rest["eve"].post("/v1/keys", json={"model": "toy-wind", "locations": [WHERE]}).status_code == 404
    rest["mona"].put(f"{url}/access", json={"groups": None})
    assert rest["eve"].get(url).status_code == 200


def test_keys_of_one_location_typed_in(rest: Rest) -> None:
    found = rest["vera"].post("/v1/keys", json={"model": "toy-wind", "locations": [WHERE]}).json()
    assert {row["status"] for row in found["items"]} == {"success"}
    assert {row["coverage_type"] for row in found["items"]} == {1, 2, 3, 4}
    assert found["locations"][0]["status"] == "modelled"
    assert found["items"][0]["LocNumber"] == "1"


def test_keys_of_many_locations_tell_why_one_is_not_modelled(rest: Rest) -> None:
    far = {**WHERE, "Latitude": 60.0, "Longitude": 10.0, "CountryCode": "NO", "LocNumber": "far"}
    found = rest["ann"].post("/v1/keys", json={"model": "toy-wind", "locations": [{**WHERE, "LocNumber": "near"}, far]})
    by_number = {row["LocNumber"]: row for row in found.json()["locations"]}
    assert by_number["near"]["status"] == "modelled"
    assert by_number["far"]["status"] == "failed"
    assert by_number["far"]["reason"]


def test_keys_refuse_values_that_cannot_be_with_row_and_field(rest: Rest) -> None:
    refused = rest["ann"].post("/v1/keys", json={"model": "toy-wind", "locations": [{**WHERE, "Latitude": 123}]})
    assert refused.status_code == 422
    finding = next(finding for finding in refused.json()["findings"] if finding["severity"] == "error")
    assert (finding["field"], finding["row"]) == ("Latitude", 2)


def test_keys_of_an_unknown_model_name_the_nearest(rest: Rest) -> None:
    refused = rest["ann"].post("/v1/keys", json={"model": "toy-wnd", "locations": [WHERE]})
    assert refused.status_code == 404
    assert "Did you mean 'toy-wind'?" in refused.json()["findings"][0]["remedy"]


def test_templates_are_checked_kept_shared_changed_and_deleted(rest: Rest) -> None:
    settings = {"gul_output": True, "gul_summaries": [{"id": 1, "ord_output": {"alt_period": True}}]}
    refused = rest["ann"].post("/v1/settings-templates", json={"name": "T", "settings": {"gul_outptu": True}})
    assert refused.status_code == 422
    assert "gul_output" in refused.json()["findings"][0]["remedy"]
    assert rest["vera"].post("/v1/settings-templates", json={"name": "T", "settings": settings}).status_code == 403
    made = rest["ann"].post("/v1/settings-templates", json={"name": "T", "settings": settings, "groups": ["quants"]})
    assert made.status_code == 201
    url = made.headers["location"]
    assert rest["vera"].get(url).json()["settings"] == settings
    assert rest["eve"].get(url).status_code == 404
    assert rest["bob"].patch(url, json={"name": "Mine"}).status_code == 403
    assert rest["ann"].patch(url, json={"name": "Mine"}).json()["name"] == "Mine"
    assert rest["vera"].get("/v1/settings-templates").json()["total"] == 1
    assert rest["ann"].delete(url).status_code == 204
    assert rest["ann"].get(url).status_code == 404


def test_cluster_tells_workers_queue_and_load(rest: Rest) -> None:
    found = rest["vera"].get("/v1/cluster").json()
    assert found["executor"] == "threads"
    assert found["queue"]["waiting"] == 0
    assert found["workers"][0]["engine"]
    assert found["load"]["memory_bytes"] > found["load"]["memory_available_bytes"] > 0


def test_what_the_dispatcher_reports_is_shown(rest: Rest) -> None:
    versions = {"engine": "0.1.0", "oed_schema": "5.0.0", "models": {"toy-wind": "1.2.3"}}
    worker = {"id": "n1", "name": "big-machine", "cpus": 8, "versions": versions}
    with rest.database.write() as session:
        cluster_reports.write(session, {"state": "ready", "address": "local", "workers": [worker], "slots": 8})
    workers = rest["ann"].get("/v1/models/toy-wind").json()["versions"]["workers"]
    assert workers[1]["worker"] == "big-machine"
    assert (workers[1]["plugin"], workers[1]["oed_schema"]) == ("1.2.3", "5.0.0")
    assert rest["ann"].get("/v1/cluster").json()["ray"] is None  # this service has none
