"""Tokens: where they are looked for, and in which order; who can read them."""

import stat

import pytest

from oasis_kernel.client.credentials import store_token, stored_tokens, token_for
from oasis_kernel.errors import OasisError

LOCAL, ELSEWHERE = "http://127.0.0.1:8765", "https://oasis.example.org"


@pytest.fixture
def environment(tmp_path):
    return {"OASIS_CONFIG": str(tmp_path / "config"), "OASIS_SERVICE_ROOT": str(tmp_path / "service")}


@pytest.fixture
def local_token(tmp_path):
    path = tmp_path / "service" / "local-token"
    path.parent.mkdir()
    path.write_text("local\n")
    path.chmod(0o600)
    return path


def test_the_nearest_token_counts(environment, local_token):
    assert token_for(LOCAL, None, environment) == "local"
    store_token(LOCAL, "stored", environment)
    assert token_for(LOCAL, None, environment) == "stored"
    hub = {**environment, "JUPYTERHUB_API_TOKEN": "hub", "JUPYTERHUB_SERVICE_PREFIX": "/user/me/"}
    assert token_for(LOCAL, None, hub) == "hub"
    assert token_for(LOCAL, None, {**hub, "OASIS_TOKEN": "named"}) == "named"
    assert token_for(LOCAL, "given", {**hub, "OASIS_TOKEN": "named"}) == "given"


def test_a_hubs_token_counts_in_a_hubs_server_only(environment):
    assert token_for(ELSEWHERE, None, {**environment, "JUPYTERHUB_API_TOKEN": "hub"}) is None


def test_the_local_token_goes_to_this_machine_only(environment, local_token):
    assert token_for(ELSEWHERE, None, environment) is None


def test_a_stored_token_goes_to_its_own_service_only(environment):
    store_token(ELSEWHERE, "theirs", environment)
    assert token_for("https://other.example.org", None, environment) is None
    assert stored_tokens(environment) == {ELSEWHERE: "theirs"}


def test_stored_tokens_are_their_owners_alone(environment):
    path = store_token(ELSEWHERE, "theirs", environment)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(OasisError, match="readable by its owner only; run: chmod 600"):
        stored_tokens(environment)


def test_a_local_token_that_others_can_read_is_refused(environment, local_token):
    local_token.chmod(0o640)
    with pytest.raises(OasisError, match="readable by its owner only"):
        token_for(LOCAL, None, environment)
