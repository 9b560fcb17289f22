"""Every operation of the OpenAPI description under invented requests, valid and not: the service never fails."""

from itertools import product
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from rest_service import Rest

Finished = tuple[Rest, dict[str, Any]]

EXAMPLES = 5
CHECKS = (
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
)


LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


def test_no_request_makes_the_service_fail(finished: Finished) -> None:
    rest, run = finished
    description = schemathesis.openapi.from_asgi("/v1/openapi.json", rest.app)
    there = {"analysis_id": run["id"], "portfolio_id": run["portfolio"].rpartition("/")[2], "name": "toy-wind"}
    tried, failures = 0, []
    for found, mode in product(description.get_all_operations(), schemathesis.GenerationMode):
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @LIMITS
        def attempt(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            _aim(case, there, tried)
            response = case.call(headers={"Authorization": f"Bearer {rest.secrets['root']}"}, timeout=120)
            case.validate_response(response, checks=CHECKS)

        try:
            attempt()
        except Unsatisfiable:
            assert mode is schemathesis.GenerationMode.NEGATIVE  # it takes nothing that could be wrong
        except (
            Exception,
            BaseExceptionGroup,
        ) as error:  # told together: one failing operation must not hide the others
            error.add_note(operation.label)
            failures.append(error)
    assert tried > 300
    if failures:
        raise BaseExceptionGroup("operations that failed", failures)


def _aim(case: schemathesis.Case, there: dict[str, str], number: int) -> None:
    """Let three of four requests go to what exists, so that more than the first refusal is tried."""
    if number % 4 == 0 or case.method == "DELETE":
        return
    known = {name: there[name] for name in case.path_parameters or {} if name in there}
    case.path_parameters = {**(case.path_parameters or {}), **known}
    if number % 4 == 1 and isinstance(case.body, dict) and "model" in case.body:
        case.body = {**case.body, "model": "toy-wind"}
        if "portfolio" in case.body:
            case.body["portfolio"] = there["portfolio_id"]
