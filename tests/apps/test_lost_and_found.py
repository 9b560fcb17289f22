"""A run lives in the service: tabs, servers and kernels may go, and what they showed comes back."""

import re
from datetime import UTC, datetime

import psutil

import oasis_kernel as ok
from apps.toy import toy_files
from apps.waiting import until

LONG = 400  # samples: enough to be at work while a tab is closed and a server stopped
RUN_SECONDS = 600.0


def test_a_run_goes_on_without_its_page_and_its_persons_server(workbench, person):
    hal = person("hal", "flood")
    hal.log_in()
    with ok.connect(workbench.service_url, hal.token()) as bench:
        bench.upload(toy_files(), "Hal's book")
    hal.start_server()
    hal.open("Run an analysis")
    hal.choose("In the service", "Hal's book")
    hal.choose("Model", "toy-wind")
    hal.page.get_by_label("Samples").fill(str(LONG))
    hal.page.get_by_label("Samples").press("Tab")
    hal.page.get_by_label("Name").last.fill("Goes on")
    hal.button("Run").click()
    assert hal.sees(re.compile("is queued|completed"))
    until(lambda: workbench.run_of("hal")["state"] in ("running", "completed"), RUN_SECONDS)
    hal.close_tab()
    hal.stop_server()
    stopped = datetime.now(UTC)
    until(lambda: workbench.run_of("hal")["state"] == "completed", RUN_SECONDS)
    finished = datetime.fromisoformat(workbench.run_of("hal")["finished"])
    assert finished > stopped, "the run was over before it was left alone: give it more samples"
    hal.open("Results")
    assert hal.sees("Goes on")
    hal.button("Open").click()
    assert hal.sees(re.compile("losses at return periods"))


def test_a_dead_kernel_is_told_and_there_is_a_way_back(workbench, person):
    ida = person("ida", "flood")
    ida.log_in()
    ida.open("Run an analysis")
    kernel = ida.kernel_id()
    (process,) = [found for found in psutil.process_iter() if _is_kernel(found, kernel)]
    process.kill()
    alert = ida.page.get_by_role("alert").filter(has_text=re.compile("lost|ended|stopped", re.IGNORECASE))
    alert.first.wait_for()
    ida.reconnect()
    ida.ready("Run an analysis")
    assert ida.kernel_id() != kernel
    ida.choose("Model", "toy-wind")
    assert ida.sees("About the model")


def test_a_server_is_stopped_while_it_starts_and_started_again(person):
    eli = person("eli", "workbench-users")
    eli.log_in()
    with eli.kept_at_the_start():
        eli.page.get_by_role("link", name="Start my notebooks").click()
        eli.page.wait_for_url(re.compile("/hub/spawn-pending/"))
        eli.stop_server()
    eli.start_server()
    eli.stop_server()


def _is_kernel(process: psutil.Process, kernel: str) -> bool:
    try:
        return any(f"kernel-{kernel}" in word for word in process.cmdline())
    except psutil.Error:
        return False
