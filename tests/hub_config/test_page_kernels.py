"""Kernels that wait and kernels that are left, without a hub: a manager whose kernels are names."""

import ast
import asyncio
import json
import time
from typing import Any

import pytest

pytest.importorskip("voila")
pytest.importorskip("jupyterhub")

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado import web

from hub_config import page_kernels
from hub_config.page_kernels import PageKernels, Waiting, code_ahead, environment_for, viewer


class Client:
    """A kernel's client that remembers what was run, or does not answer."""

    def __init__(self, status: str = "ok"):
        self.status, self.ran, self.open = status, [], True

    async def execute(self, code: str, **options: Any) -> dict[str, Any]:
        if self.status == "silent":
            raise TimeoutError("no reply")
        self.ran.append((code, options))
        return {"content": {"status": self.status, "ename": "NameError"}}

    def stop_channels(self) -> None:
        self.open = False


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> PageKernels:
    """A manager whose kernels are names."""
    made = PageKernels(ready=0)
    made.ended = []

    async def start(self: PageKernels, **kwargs: Any) -> str:
        return f"new-{kwargs['env'].get('OASIS_TOKEN')}"

    async def end(kernel_id: str, **_: Any) -> None:
        made.ended.append(kernel_id)
        made.owners.pop(kernel_id, None)
        made._taken.pop(kernel_id, None)

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(made, "shutdown_kernel", end)
    return made


def started(kernels: PageKernels, name: str = "ann", **kwargs: Any) -> str:
    async def work() -> str:
        viewer.set((name, f"token-of-{name}"))
        return await kernels.start_kernel(kernel_name="python3", path="", **kwargs)

    return asyncio.run(work())


def literal_in(code: str) -> str:
    """The text that a line of code reads."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    (read,) = call.args
    assert isinstance(read, ast.Call)
    return ast.literal_eval(read.args[0])


def test_nobody_gets_no_kernel(kernels: PageKernels) -> None:
    with pytest.raises(web.HTTPError, match="Log in"):
        asyncio.run(kernels.start_kernel())


def test_a_kernel_that_waits_is_told_only_what_it_does_not_know(kernels: PageKernels) -> None:
    client = Client()
    kernels._waiting.append(Waiting("waited", client, {"PATH": "/bin"}))
    env = {"PATH": "/bin", "QUERY_STRING": "run=1", "JUPYTERHUB_API_TOKEN": "secret"}
    assert started(kernels, env=env) == "waited"
    ((code, options),) = client.ran
    assert json.loads(literal_in(code)) == {"QUERY_STRING": "run=1", "OASIS_TOKEN": "token-of-ann"}
    assert options["silent"] is True
    assert options["store_history"] is False
    assert not client.open
    assert kernels.owners == {"waited": "ann"}


@pytest.mark.parametrize("status", ["silent", "error"])
def test_one_that_does_not_answer_is_ended_and_the_next_is_taken(kernels: PageKernels, status: str) -> None:
    kernels._waiting.append(Waiting("deaf", Client(status), {}))
    kernels._waiting.append(Waiting("good", Client(), {}))
    assert started(kernels, env={}) == "good"
    assert kernels.ended == ["deaf"]


def test_without_one_a_new_kernel_has_the_token_from_its_start(kernels: PageKernels) -> None:
    assert started(kernels, "bob", env={}) == "new-token-of-bob"


def test_what_waits_is_for_the_usual_pages_only(kernels: PageKernels) -> None:
    kernels._waiting.append(Waiting("waited", Client(), {}))

    async def work() -> str:
        viewer.set(("ann", "t"))
        return await kernels.start_kernel(kernel_name="python3", path="another/folder", env={})

    assert asyncio.run(work()) == "new-t"


def test_kernels_that_were_left_are_few(kernels: PageKernels, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.monotonic() - 10 * page_kernels._OPENING_SECONDS
    for number in range(8):
        kernels.owners[f"k{number}"], kernels._taken[f"k{number}"] = "ann", long_ago + number
    kernels._kernel_connections = {"k0": 1}
    started(kernels, env={})
    assert kernels.ended == ["k1", "k2", "k3"], "the oldest of those that no page holds"


def test_a_kernels_environment_has_no_secrets_of_the_hub() -> None:
    found = environment_for(
        "t", {"JUPYTERHUB_API_TOKEN": "x", "OASIS_HUB_ROOT": "x", "JPY_API_TOKEN": "x", "LANG": "C"}
    )
    assert found == {"LANG": "C", "OASIS_TOKEN": "t"}


def test_cells_that_are_tagged_run_ahead_each_once(tmp_path: Any) -> None:
    def cell(source: str, *tags: str) -> dict[str, Any]:
        return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}}

    for name in ("a", "b"):
        cells = [cell("import os", "ahead"), cell(f"x = '{name}'", "ahead"), cell("secret()")]
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
    assert code_ahead(tmp_path) == "import os\nx = 'a'\nx = 'b'"
