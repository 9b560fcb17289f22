"""What an operator chooses: a JSON or TOML file, and over it the environment's ``OASIS_SERVICE_*``."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oasis_kernel.errors import Finding, InvalidInput

PREFIX = "OASIS_SERVICE_"
FILE = PREFIX + "FILE"

Role = Literal["viewer", "analyst", "model_admin", "admin"]


class OidcSettings(BaseModel):
    """The door for bearer tokens of an OpenID Connect issuer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(description="the issuer, exactly as its tokens name it")
    audience: str = Field(description="the audience that a token must be for")
    name_claim: str = Field("preferred_username", description="the claim that names a user, and never another one")
    groups_claim: str = Field("groups", description="the claim that lists a user's groups")
    role_map: dict[str, Role] = Field(default_factory=dict, description="role by group")
    default_role: Role | None = Field(None, description="the role of a user in none of these groups; none: refused")


class HubSettings(BaseModel):
    """The door for JupyterHub's tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_url: str = Field(description="the hub's API, such as http://hub:8081/hub/api")
    scope: str = Field(
        "access:services!service=oasis", description="the hub scope that a token must have; empty: any token of the hub"
    )
    role_map: dict[str, Role] = Field(default_factory=dict, description="role by hub group, or by scope as scope:NAME")
    default_role: Role | None = Field("analyst", description="the role of a hub user in none of these groups")


class ServiceSettings(BaseModel):
    """The service's settings. Every one has a default that suits one machine and one user."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("oasis-workbench") / "service",
        description="folder for the database, artefacts, parts and logs, but where told otherwise",
    )
    database_url: str = Field(
        "", repr=False, description="an SQLAlchemy URL (sqlite, postgresql+psycopg); none: root/service.db"
    )
    storage_url: str = Field("", description="where artefacts lie: file:// or s3://; none: root/artefacts")
    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int = Field(8765, ge=0, le=65535, description="the port to listen on; 0: a free one")
    workers: int = Field(2, ge=1, description="runs at the same time")
    cluster_runs: int = Field(16, ge=1, description="runs on the cluster at the same time, which share it")
    ray: str = Field("none", description="none, local, or the address of a Ray cluster")
    ray_threads: int = Field(1, ge=1, description="chunks at once in one process of a Ray worker, which share its data")
    ray_models: tuple[str, ...] = Field(
        (), description="models that the cluster starts machines for, although none is there now"
    )
    ray_slots: dict[str, int] = Field(
        default_factory=dict,
        description="processors that the cluster may have for a model, asked for ahead of its runs; also `ray_models`",
    )
    ray_dispatcher: bool = Field(
        True,
        description="whether `oasis serve` starts the cluster's dispatcher; not where that is a deployment of its own",
    )
    ray_token_file: Path | None = Field(None, description="file of the cluster's token; none: as Ray finds it")
    store: Path | None = Field(None, description="folder of the parts of finished chunks; none: root")
    run_workers: int | None = Field(None, ge=1, description="threads of one run; none: the cores shared among the runs")
    run_memory_bytes: int | None = Field(
        None, ge=2**26, description="memory limit of one run's process; none: 80 % of the machine's, shared"
    )
    run_deadline_seconds: float | None = Field(None, gt=0, description="the longest a run may take; none: no limit")
    run_tries: int = Field(3, ge=1, description="how often a run whose process died is started before it has failed")
    stop_seconds: float = Field(3.0, gt=0, description="time to stop in after a cancel, before the process is killed")
    heartbeat_seconds: float = Field(60.0, gt=4, description="silence after which a run's process counts as hung")
    keep_days: float | None = Field(
        None, gt=0, description="results of finished runs are removed after so long; none: kept"
    )
    keep_deleted_days: float = Field(0.0, ge=0, description="artefacts of deleted runs are removed after so long")
    keep_bytes: int | None = Field(None, ge=0, description="results beyond this go, the oldest first; none: kept")
    keep_parts_bytes: int = Field(
        100 * 2**30, ge=0, description="finished pieces of runs in object storage beyond this go, the oldest first"
    )
    callback_hosts: tuple[str, ...] = Field((), description="hosts that may be notified, such as hooks.example.org")
    callback_schemes: tuple[str, ...] = Field(("https",), description="schemes by which hosts may be notified")
    request_seconds: float = Field(
        300.0, gt=0, description="the longest that a check, an estimate or a lookup may keep a request waiting"
    )
    request_threads: int = Field(2, ge=1, description="checks, estimates and lookups at the same time")
    max_upload_bytes: int = Field(10 * 2**30, ge=1, description="the largest upload")
    storage_links: tuple[str, ...] = Field((), description="prefixes of storage that may be linked, not uploaded")
    oidc: OidcSettings | None = Field(None, description="the door for tokens of an OpenID Connect issuer")
    hub: HubSettings | None = Field(None, description="the door for tokens of a JupyterHub")
    local_token: bool = Field(True, description="a token for this machine's user, on loopback only")
    token_days: float = Field(90.0, gt=0, description="the longest that a token may be valid")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        """Put what lies under the root where nobody says otherwise."""
        if not isinstance(given, Mapping):
            return given
        filled = dict(given)
        root = Path(filled.get("root") or cls.model_fields["root"].get_default(call_default_factory=True))
        filled["root"] = root = root.expanduser().absolute()
        filled["database_url"] = filled.get("database_url") or f"sqlite:///{root / 'service.db'}"
        filled["storage_url"] = filled.get("storage_url") or (root / "artefacts").as_uri()
        filled["store"] = filled.get("store") or root / "store"
        return filled

    @property
    def parts_folder(self) -> Path:
        """The folder of the parts of finished chunks, as ``Resources.store`` has it."""
        return self.store or self.root / "store"

    def run_folder(self, run_id: str) -> Path:
        """Where a run's log and its working files lie on this machine."""
        return self.root / "runs" / run_id

    def run_at_work(self, run_id: str, attempt: int) -> Path:
        """The file that says which chunks the process of an attempt at a run has in hand."""
        return self.run_folder(run_id) / f"at-work-{attempt}"

    def run_log(self, run_id: str) -> Path:
        """The file that everything a run's processes say goes to."""
        return self.run_folder(run_id) / "log.txt"

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for the processes the service starts."""
        given = self.model_dump(mode="json", exclude_none=True)
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
        return {PREFIX + name.upper(): text for name, text in texts.items()}

    @staticmethod
    def load(file: Path | None = None, environment: Mapping[str, str] = os.environ) -> "ServiceSettings":
        """The settings of a file (default: the one that ``OASIS_SERVICE_FILE`` names), under the environment's.

        InvalidInput, with every finding, when they cannot be used.
        """
        named = environment.get(FILE)
        path = file or (Path(named) if named else None)
        given = {**(_read(path) if path else {}), **_of_environment(environment)}
        source = path.name if path else "environment"
        try:
            return ServiceSettings.model_validate(given)
        except ValidationError as error:
            raise InvalidInput([_finding(problem, source) for problem in error.errors()]) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidInput(Finding(path.name, f"cannot be read: {error}", remedy="Give a JSON or TOML file")) from error
    if not isinstance(found, dict):
        raise InvalidInput(Finding(path.name, "must be an object of settings", remedy='Write {"port": 8765}'))
    return found


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the environment gives: JSON where the setting is no text."""
    found: dict[str, Any] = {}
    for name, field in ServiceSettings.model_fields.items():
        text = environment.get(PREFIX + name.upper())
        if text is None:
            continue
        found[name] = text if field.annotation in (str, Path, Path | None) else _json(text)
    return found


def _json(text: str) -> Any:
    """The value that a text stands for; a word that is no JSON is itself, and a list may be given by commas."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return [part.strip() for part in text.split(",")] if "," in text else text


def _finding(problem: Any, source: str) -> Finding:
    field = ".".join(map(str, problem["loc"]))
    message = "is not valid: " + problem["msg"][0].lower() + problem["msg"][1:]
    if problem["type"] == "extra_forbidden":
        message = "is not a known setting"
    value = None if "url" in field or isinstance(problem["input"], Mapping) else problem["input"]
    return Finding(source, message, field=field, value=value, remedy="See the service's settings in the documentation")
