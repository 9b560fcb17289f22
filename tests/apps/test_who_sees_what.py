"""Groups decide who comes in and who sees what, in the pages and over REST; who leaves is out of both."""

import re

import oasis_kernel as ok
from apps.person import RENDER
from apps.toy import toy_files
from apps.waiting import until

RUN_SECONDS = 600.0
OUT_SECONDS = 90.0  # a refresh, and the half minute that the service believes the hub's answer


def test_a_group_sees_its_portfolios_and_runs_and_nobody_else_does(workbench, person):
    ann, bob, cat = person("ann-flood", "flood"), person("bob", "flood"), person("cat", "wind")
    tokens = {}
    for one in (ann, bob, cat):
        one.log_in()
        tokens[one.name] = one.token()
    with ok.connect(workbench.service_url, tokens[ann.name]) as bench:
        portfolio = bench.upload(toy_files(), "Flood book", groups=["flood"])
        run = bench.submit("toy-wind", portfolio, samples=2, name="Flood run", groups=["flood"])
        until(lambda: run.refresh().view["state"] == "completed", RUN_SECONDS)
    for path in (f"/portfolios/{portfolio.id}", f"/analyses/{run.id}", f"/analyses/{run.id}/results"):
        assert workbench.ask(path, tokens["bob"]).status_code == 200, path
        assert workbench.ask(path, tokens["cat"]).status_code == 404, path
    bob.open("Results")
    assert bob.sees("Flood run")
    cat.open("Results")
    assert cat.sees(re.compile(r"Runs 1 to|No run yet"))
    assert "Flood run" not in cat.page.content()
    bob.open("Portfolio check")
    book = bob.page.get_by_label("In the service").locator("option").filter(has_text="Flood book")
    book.wait_for(state="attached")
    cat.open("Portfolio check")
    until(lambda: "to pick from" in cat.page.content(), 60)
    assert "Flood book" not in cat.page.content()


def test_a_person_in_no_allowed_group_is_refused(person):
    eve = person("eve", "visitors")
    eve.log_in()
    assert eve.sees("You are known, but in no group that may use this workbench.")
    assert eve.goto("/hub/home").url.partition("?")[0].endswith("/hub/login")


def test_who_leaves_the_group_is_out_of_pages_and_service(workbench, person):
    dan = person("dan", "flood")
    dan.log_in()
    token = dan.token()
    dan.open("Run an analysis")
    assert workbench.ask("", token).status_code == 200
    workbench.provider("groups", "dan", ("visitors",))
    until(lambda: dan.status_of("/hub/home") == 302, OUT_SECONDS)
    until(lambda: workbench.ask("", token).status_code in (401, 403), OUT_SECONDS)
    until(lambda: dan.status_of(f"{RENDER}results.ipynb") != 200, OUT_SECONDS)
    dan.page.goto(f"{RENDER}results.ipynb")
    assert dan.sees(re.compile("^Log in with"))


def test_log_out_signs_out_at_the_provider_too(person):
    gil = person("gil", "workbench-users")
    gil.log_in()
    gil.page.get_by_role("link", name="Log out").click()
    link = gil.page.get_by_role("link", name=re.compile("^Log in with"))
    link.wait_for()
    assert gil.status_of("/hub/home") == 302
    assert gil.status_of(f"{RENDER}results.ipynb") == 302
    link.click()
    gil.page.get_by_label("Password").wait_for()
    gil.fill_in()
    assert gil.sees("What would you like to do?")
