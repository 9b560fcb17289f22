"""What this is, who asks, and whether it works."""

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from oasis_kernel import __version__
from oasis_kernel.service.access import Viewer
from oasis_kernel.service.context import Service
from oasis_kernel.service.problems import answers
from oasis_kernel.service.views import ROOT, HealthView, ServiceView, UserView

router = APIRouter(tags=["service"])


@router.get(ROOT, summary="The service, its resources and who asks", responses=answers())
def service(user: Viewer) -> ServiceView:
    """What this is, where its resources are, and who the request comes from."""
    asking = UserView(name=user.name, role=user.role, groups=list(user.groups), door=user.door)
    return ServiceView(version=__version__, user=asking)


@router.get("/healthz", summary="Whether the service works", responses={503: {"model": HealthView}})
def health(parts: Service, response: Response) -> HealthView:
    """Open to anybody, so that a load balancer can ask: 200 while the database answers, else 503."""
    try:
        with parts.database.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        response.status_code = 503
        return HealthView(status="database", version=__version__, database="does not answer")
    return HealthView(status="ok", version=__version__, database="ok")
