"""Every page at desktop and tablet width, and what axe finds in it that keeps people out."""

import re

import httpx
import pytest

import oasis_kernel as ok
from apps.toy import toy_files
from apps.waiting import until

RUN_SECONDS = 600.0
pytestmark = pytest.mark.usefixtures("axe")


def look_at(person, name: str) -> None:
    person.photograph(name)
    assert person.obstacles() == [], name


def test_the_hubs_pages(person):
    mia = person("mia", "workbench-users", "workbench-admins")
    mia.page.goto("/hub/login")
    look_at(mia, "log-in")
    mia.page.get_by_role("link", name=re.compile("^Log in with")).click()
    mia.page.get_by_label("Password").wait_for()
    look_at(mia, "provider")
    mia.page.get_by_label("Name").fill("mia")
    mia.page.get_by_label("Password").fill("wrong")
    mia.button("Log in").click()
    mia.page.get_by_role("alert").wait_for()
    look_at(mia, "provider-wrong-password")
    mia.fill_in()
    assert mia.sees("What would you like to do?")
    look_at(mia, "home")
    mia.goto("/hub/token")
    look_at(mia, "tokens")
    mia.goto("/hub/no-such-page")
    look_at(mia, "not-found")


def test_the_pages_of_a_server(person):
    ned = person("ned", "workbench-users")
    ned.log_in()
    ned.goto("/hub/user/ned/lab")
    look_at(ned, "not-running")
    with ned.kept_at_the_start():
        ned.page.get_by_role("link", name="Start my server").click()
        ned.page.wait_for_url(re.compile("/hub/spawn-pending/"))
        look_at(ned, "starting")
    ned.page.reload()
    ned.comes_to_notebooks()
    ned.goto("/hub/home")
    look_at(ned, "home-with-server")
    ned.stop_server()


def test_the_page_of_a_refusal(person):
    oda = person("oda", "visitors")
    oda.log_in()
    assert oda.sees("You are known, but in no group")
    look_at(oda, "refused")


def test_the_pages_that_need_no_code(workbench, person):
    pia = person("pia", "flood")
    pia.log_in()
    with ok.connect(workbench.service_url, pia.token()) as bench:
        portfolio = bench.upload(toy_files(), "Pia's book")
        run = bench.submit("toy-wind", portfolio, samples=3, name="Pia's run")
        until(lambda: run.refresh().view["state"] == "completed", RUN_SECONDS)
    pia.open("Run an analysis")
    look_at(pia, "run-an-analysis-empty")
    pia.choose("In the service", "Pia's book")
    pia.choose("Model", "toy-wind")
    assert pia.sees("About the model")
    pia.button("Run").click()
    assert pia.sees(re.compile("The run is completed"), RUN_SECONDS)
    assert pia.sees(re.compile("losses at return periods"))
    look_at(pia, "run-an-analysis")
    pia.open("Portfolio check")
    pia.choose("In the service", "Pia's book")
    pia.choose("Model", "toy-wind")
    pia.button("What does the model cover?").click()
    assert pia.sees(re.compile("lies in the sea"))
    look_at(pia, "portfolio-check")
    pia.open("Results")
    assert pia.sees("Pia's run")
    look_at(pia, "results-list")
    pia.button("Open").click()
    assert pia.sees(re.compile("losses at return periods"))
    for tab in ("Curve", "Events", "Averages", "Map"):
        pia.page.get_by_role("tab", name=tab).click()
        if tab == "Averages":
            pia.choose("Summary level", "By location")
            pia.page.get_by_role("cell", name=re.compile("HOMES|HOTELS|WORKS")).first.wait_for()
        look_at(pia, f"results-{tab.lower()}")


def test_the_page_of_the_services_calls(workbench, person):
    guest = person()
    assert httpx.get(f"{workbench.service_url}/docs", trust_env=False).status_code == 200
    guest.page.goto(f"{workbench.service_url}/docs")
    guest.page.get_by_role("heading").first.wait_for()
    look_at(guest, "service-calls")
