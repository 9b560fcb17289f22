"""Settings templates: analysis settings under a name, checked when they are kept."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from oasis_kernel.model.settings import parse_settings
from oasis_kernel.service.access import Analyst, Viewer, find_visible, require_change, require_own_groups, visible_to
from oasis_kernel.service.context import Service
from oasis_kernel.service.paging import Listed, Page, listed, page
from oasis_kernel.service.problems import answers
from oasis_kernel.service.tables import SettingsTemplate
from oasis_kernel.service.users import note
from oasis_kernel.service.views import ROOT, TemplateView

router = APIRouter(prefix=f"{ROOT}/settings-templates", tags=["settings templates"])

_EXAMPLE = {"gul_output": True, "gul_summaries": [{"id": 1, "ord_output": {"ept_full_uncertainty_oep": True}}]}
Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Quarter end"])]


class NewTemplate(BaseModel):
    """Settings to keep."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    settings: dict[str, Any] = Field(description="analysis_settings.json", examples=[_EXAMPLE])
    model: str | None = Field(None, max_length=200, description="the model they are for")
    groups: list[str] = Field(default_factory=list, description="groups that see it")


class ChangedTemplate(BaseModel):
    """What is to be different; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    settings: dict[str, Any] | None = None
    model: str | None = Field(None, max_length=200)
    groups: list[str] | None = None


@router.get("", summary="List the templates", responses=answers())
def list_templates(
    parts: Service,
    user: Viewer,
    wanted: Annotated[Page, Depends(page)],
    model: Annotated[str | None, Query(description="those for this model, or for any")] = None,
) -> Listed[TemplateView]:
    """The templates that the user may see, newest first."""
    query = select(SettingsTemplate).where(visible_to(user, SettingsTemplate))
    if model is not None:
        query = query.where((SettingsTemplate.model == model) | SettingsTemplate.model.is_(None))
    with parts.database.read() as session:
        rows, following, total = listed(session, query, wanted, [SettingsTemplate.id])
        return Listed[TemplateView](items=[TemplateView.of(row) for row in rows], next=following, total=total)


@router.post("", status_code=201, summary="Keep settings", responses=answers(403))
def create_template(parts: Service, user: Analyst, new: NewTemplate, response: Response) -> TemplateView:
    """Keep settings under a name. They are checked: an unknown key is a finding with the nearest known one."""
    require_own_groups(user, new.groups)
    parse_settings(json.dumps(new.settings), "settings")
    with parts.database.write() as session:
        template = SettingsTemplate(owner=user.name, **new.model_dump())
        session.add(template)
        session.flush()
        note(session, user.name, "create", "template", template.id)
        view = TemplateView.of(template)
    response.headers["Location"] = view.url
    return view


@router.get("/{template_id}", summary="A template", responses=answers(404))
def show_template(parts: Service, user: Viewer, template_id: str) -> TemplateView:
    """The template with its settings."""
    with parts.database.read() as session:
        return TemplateView.of(find_visible(session, user, SettingsTemplate, template_id))


@router.patch("/{template_id}", summary="Change a template", responses=answers(403, 404))
def change_template(parts: Service, user: Analyst, template_id: str, changed: ChangedTemplate) -> TemplateView:
    """Change what is given. Analyses that were made with it keep the settings they had."""
    if changed.settings is not None:
        parse_settings(json.dumps(changed.settings), "settings")
    require_own_groups(user, changed.groups or [])
    with parts.database.write() as session:
        template = find_visible(session, user, SettingsTemplate, template_id)
        require_change(user, template)
        for name, value in changed.model_dump(exclude_unset=True).items():
            if value is not None or name == "model":
                setattr(template, name, value)
        note(session, user.name, "change", "template", template.id)
        session.flush()
        return TemplateView.of(template)


@router.delete("/{template_id}", status_code=204, summary="Delete a template", responses=answers(403, 404))
def delete_template(parts: Service, user: Analyst, template_id: str) -> None:
    """Forget a template."""
    with parts.database.write() as session:
        template = find_visible(session, user, SettingsTemplate, template_id)
        require_change(user, template)
        session.delete(template)
        note(session, user.name, "delete", "template", template_id)
