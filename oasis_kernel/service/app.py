"""The service as an application: routes over the engine's functions, errors as problems, an OpenAPI description."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from oasis_kernel import __version__
from oasis_kernel.service import problems
from oasis_kernel.service.context import Context
from oasis_kernel.service.database import Database
from oasis_kernel.service.gate import Gate
from oasis_kernel.service.limits import BodyLimit
from oasis_kernel.service.redaction import install_redaction
from oasis_kernel.service.reference_page import POLICY, reference_page
from oasis_kernel.service.routes import ROUTERS, TAGS
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.views import ROOT

DESCRIPTION = """
Catastrophe-loss analyses that outlive the page, the notebook and the terminal that started them.

Portfolios are OED files, results are ORD tables, models are the installed plugins. Lists are
`{"items": [...], "next": url, "total": n}`; every item has its `url`. Errors are `application/problem+json` with a
`remedy` and, for inputs, `findings` that name file, row, field, value and rule.
"""


def create_app(settings: ServiceSettings) -> FastAPI:
    """The application over the database of the settings, which must be migrated to this version."""
    database = Database(settings.database_url)
    parts = Context(settings, database)
    app = FastAPI(
        title="Oasis workbench",
        summary="Catastrophe-loss analyses as a service",
        description=DESCRIPTION,
        version=__version__,
        openapi_url=f"{ROOT}/openapi.json",
        openapi_tags=TAGS,
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.context, app.state.settings, app.state.database = parts, settings, database
    app.state.gate = Gate(settings, database)
    problems.install(app)
    app.add_middleware(BodyLimit, upload_bytes=settings.max_upload_bytes)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]
    app.add_api_route("/docs", lambda: _page(app), include_in_schema=False)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    install_redaction()
    yield
    app.state.context.close()


def _page(app: FastAPI) -> HTMLResponse:
    return HTMLResponse(reference_page(app.openapi()), headers={"Content-Security-Policy": POLICY})


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the body of every error response in it; made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title,
            summary=app.summary,
            description=app.description,
            version=app.version,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = found["components"]["schemas"]
        schema = problems.ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas["ProblemView"] = schema
        app.openapi_schema = found
    return app.openapi_schema
