"""The installed models: what they let an analysis choose, their versions, and who sees them."""

import platform
from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from oasis_kernel import __version__
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.versions import library_versions
from oasis_kernel.formats.oed_schema import standard
from oasis_kernel.model.vendor import Model
from oasis_kernel.service import cluster_reports
from oasis_kernel.service.access import ModelAdmin, Viewer, find_model_for, hidden_models
from oasis_kernel.service.context import Service
from oasis_kernel.service.paging import Listed, Page, listed_values, page
from oasis_kernel.service.problems import FindingView, answers, plain
from oasis_kernel.service.tables import ModelAccess
from oasis_kernel.service.users import known_groups, note
from oasis_kernel.service.views import ROOT, ModelDetail, ModelView, Versions, WorkerVersions

router = APIRouter(prefix=f"{ROOT}/models", tags=["models"])


class ModelsView(Listed[ModelView]):
    """The models, and the plugins that could not be loaded."""

    broken: list[FindingView] = Field(default_factory=list)


class Access(BaseModel):
    """Who sees a model."""

    groups: list[str] | None = Field(description="groups; null for everybody", examples=[["quants"]])


@router.get("", summary="List the models", responses=answers())
def list_models(parts: Service, user: Viewer, wanted: Annotated[Page, Depends(page)]) -> ModelsView:
    """The models that the user may see, by name; and the plugins that failed to load, with why."""
    with parts.database.read() as session:
        hidden, groups = hidden_models(session, user), _groups(session)
    found = [model for name, model in parts.plugins.models().items() if name not in hidden]
    rows, following, total = listed_values(found, wanted)
    items = [ModelView.model_validate(_values(model, groups)) for model in rows]
    broken = [FindingView.model_validate(plain(finding.as_dict())) for finding in parts.plugins.broken]
    return ModelsView(items=items, next=following, total=total, broken=broken)


@router.get("/{name}", summary="A model, its settings form and versions", responses=answers(404))
def show_model(parts: Service, user: Viewer, name: str) -> ModelDetail:
    """What an analysis may choose (model_settings.json), and the versions that its numbers depend on."""
    with parts.database.read() as session:
        model = find_model_for(session, user, parts.plugins, name)
        groups, versions = _groups(session), _versions(session, model)
    settings = dict(asked(name, model).settings())
    return ModelDetail(**_values(model, groups), settings=plain(settings), versions=versions)


@router.put("/{name}/access", summary="Say which groups see a model", responses=answers(403, 404))
def set_access(parts: Service, user: ModelAdmin, name: str, access: Annotated[Access, Body()]) -> ModelView:
    """Give a model to groups, or (null) to everybody. To anybody else it does not exist."""
    with parts.database.write() as session:
        model = find_model_for(session, user, parts.plugins, name)
        row = session.get(ModelAccess, name)
        if access.groups is None:
            if row is not None:
                session.delete(row)
        else:
            groups = known_groups(session, access.groups)
            session.merge(ModelAccess(model=name, groups=groups))
        note(session, user.name, "access", "model", name)
        session.flush()
        return ModelView.model_validate(_values(model, _groups(session)))


def _groups(session: Session) -> dict[str, list[str]]:
    return {row.model: row.groups for row in session.scalars(select(ModelAccess))}


def _values(model: Model, groups: dict[str, list[str]]) -> dict[str, object]:
    return {
        "url": f"{ROOT}/models/{model.name}",
        "name": model.name,
        "supplier": model.supplier,
        "version": model.version,
        "groups": groups.get(model.name),
    }


def _versions(session: Session, model: Model) -> Versions:
    """This machine's versions, and those that the workers of the cluster have reported."""
    oed = standard().version
    here = WorkerVersions(worker=platform.node(), engine=__version__, plugin=model.version, oed_schema=oed)
    return Versions(
        engine=__version__,
        plugin=model.version,
        oed_schema=oed,
        libraries=library_versions(),
        workers=[here, *_reported(session, model)],
    )


def _reported(session: Session, model: Model) -> list[WorkerVersions]:
    report = cluster_reports.latest(session)
    if report is None or not report.fresh:
        return []
    return [
        WorkerVersions(
            worker=str(worker.get("name") or worker["id"]),
            engine=versions.get("engine"),
            plugin=versions.get("models", {}).get(model.name),
            oed_schema=versions.get("oed_schema"),
            seen=report.at,
        )
        for worker in report.data.get("workers", [])
        if (versions := worker.get("versions") or {})
    ]
