"""What an operator chooses, once: names, types, defaults and descriptions. Documentation and checks are made of it.

A TOML file (``OASIS_HUB_FILE``), and over it the environment: ``OASIS_HUB_PUBLIC_URL``, ``OASIS_HUB_OIDC__ISSUER``.
Secrets come from the environment or from files of their own, never from the TOML file.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "OASIS_HUB_"
FILE = PREFIX + "FILE"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

WorkbenchRole = Literal["viewer", "analyst", "model_admin", "admin"]


class SettingsError(ValueError):
    """Settings that cannot be used. Its text has a line for each: the setting, the rule, the value, the remedy."""


def _address(text: str) -> str:
    """An address of http or https without a slash at its end; plain http on this machine only."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://hub.example.org")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must be https, because it is not on this machine")
    return text.rstrip("/")


def _issuer(text: str) -> str:
    """An issuer, left exactly as it is: tokens must name it letter by letter."""
    _address(text)
    return text


def _internal(text: str) -> str:
    """An address of http or https, also a plain one: of a network that nobody else listens on."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as http://oasis:8765")
    return text.rstrip("/")


def _listed(given: Any) -> Any:
    """Texts between commas as a list, so that the environment needs no JSON."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


Address = Annotated[str, AfterValidator(_address)]
Issuer = Annotated[str, AfterValidator(_issuer)]
InternalAddress = Annotated[str, AfterValidator(_internal)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,29}$")]


class Part(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OidcSettings(Part):
    """Who logs in: an OpenID Connect provider, by discovery."""

    issuer: Issuer | None = Field(None, description="the provider's issuer; none: the embedded one of the first run")
    client_id: str = Field("oasis-workbench", min_length=1, description="the hub's name at the provider")
    client_secret: SecretStr | None = Field(None, description="the hub's secret there, from the environment only")
    client_secret_file: Path | None = Field(None, description="a file that holds the hub's secret")
    client_auth: Literal["basic", "post"] = Field("basic", description="how the hub sends its secret")
    scopes: Names = Field(
        ("openid", "profile", "email", "offline_access"), description="asked for; some providers want groups as well"
    )
    name_claim: str = Field("preferred_username", description="the claim that names a person, and never another one")
    groups_claim: str = Field("groups", description="the claim that lists a person's groups")
    claims_from: Literal["userinfo", "id_token"] = Field("userinfo", description="where these two claims are read")
    allowed_groups: Names = Field(("workbench-users",), description="groups whose members may log in")
    admin_groups: Names = Field(("workbench-admins",), description="groups whose members administer the hub")
    refresh_seconds: int = Field(300, ge=1, description="how often the provider is asked about a person again")
    unconfirmed_hours: float = Field(
        12, gt=0, description="how long servers and tokens of a person go on whom the provider does not confirm"
    )
    title: str = Field("your organisation", description="what the log-in button calls the provider")
    logout_url: Address | None = Field(None, description="where to log out, if the provider's discovery does not say")
    ca_file: Path | None = Field(None, description="certificates of a private authority")


class ProviderSettings(Part):
    """The embedded provider, for the first run on one machine."""

    port: int = Field(8082, ge=1, le=65535, description="its port on this machine")
    user: Name = Field("demo", description="its first user, whose password is made and shown once")


class SpawnerSettings(Part):
    """Where a person's server runs, and within which limits."""

    kind: Literal["local", "docker", "kube"] = Field(
        "local", description="processes on this machine, containers over the Docker API, or Kubernetes"
    )
    image: str = Field("oasis-workbench/user:0.1.0", min_length=1, description="the image of docker and kube")
    memory_bytes: int = Field(2 * 2**30, ge=2**28, description="memory of a server")
    cpu: float = Field(2.0, gt=0, description="cores of a server")
    processes: int = Field(512, ge=32, description="processes of a container")
    start_seconds: int = Field(120, ge=5, description="the longest a server may take to be ready")
    docker_url: str = Field("unix:///var/run/docker.sock", description="the Docker API, also podman's")
    namespace: str = Field("workbench", description="the Kubernetes namespace of the servers")
    storage_class: str | None = Field(None, description="the storage class of homes; none: the cluster's default")
    storage_bytes: int = Field(10 * 2**30, ge=2**20, description="size of a home in Kubernetes")


class ProfileSettings(Part):
    """A kind of server that people can choose."""

    name: Name = Field(description="its name in addresses")
    title: str = Field(min_length=1, description="what people see")
    description: str = Field("", description="a sentence under the title")
    image: str | None = Field(None, description="its image; none: the spawner's")
    memory_bytes: int | None = Field(None, ge=2**28, description="its memory; none: the spawner's")
    cpu: float | None = Field(None, gt=0, description="its cores; none: the spawner's")
    groups: Names = Field((), description="who may choose it; none: everybody")


class CullingSettings(Part):
    """Servers that nobody uses are stopped; analyses run in the service, so none is."""

    enabled: bool = Field(True, description="whether servers that nobody uses are stopped")
    idle_seconds: int = Field(3600, ge=10, description="how long a server is left alone that nobody uses")
    every_seconds: int = Field(300, ge=5, description="how often such servers are looked for")
    max_age_seconds: int = Field(0, ge=0, description="the longest life of a server, used or not; 0: no limit")


class ServiceSettings(Part):
    """The service in which analyses run (``oasis serve``)."""

    url: InternalAddress = Field("http://127.0.0.1:8765", description="its address as servers and pages reach it")
    name: Name = Field("oasis", description="its name at the hub, of which its scope is made")
    command: Names = Field((), description="starts it with the hub; none: it runs already")


class PagesSettings(Part):
    """The pages that need no code (Voila), as a service of the hub."""

    folder: Path | None = Field(None, description="the notebooks that are pages; none: no pages")
    port: int = Field(8866, ge=1, le=65535, description="their port on this machine")
    template: str = Field("", description="the Voila template; none: the workbench's own")
    ready: int = Field(2, ge=0, description="kernels that wait for the next viewers, about 150 MB each; 0: none")
    groups: Names = Field((), description="who may open them; none: everybody that may log in")


class AccessSettings(Part):
    """Groups decide: who may do what in the service, which shows each group its models, portfolios and runs."""

    roles: dict[str, WorkbenchRole] = Field(default_factory=dict, description="role in the service by group")
    default_role: WorkbenchRole | Literal["none"] = Field(
        "analyst", description="the role of everybody else; none: no access"
    )


class HubSettings(BaseSettings):
    """The hub's settings. Every one has a default that suits one machine and one person."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    root: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("oasis-workbench") / "hub",
        description="folder for the hub's database, secrets, logs and local homes",
    )
    public_url: Address = Field("http://127.0.0.1:8000", description="the address that people open")
    listen_url: str = Field("", description="where the proxy listens; none: at the public address")
    hub_host: str = Field("127.0.0.1", description="the address at which the hub itself listens")
    hub_port: int = Field(8081, ge=1, le=65535, description="the port at which the hub itself listens")
    hub_connect_host: str = Field("", description="the name by which pods reach the hub")
    proxy_api_port: int = Field(8001, ge=1, le=65535, description="the port at which the hub steers the proxy")
    database_url: SecretStr | None = Field(
        None, description="an SQLAlchemy URL, from the environment only; none: root/hub.sqlite"
    )
    announcement: str = Field("", description="a sentence above every page")
    oidc: OidcSettings = Field(default_factory=OidcSettings)
    provider: ProviderSettings = Field(default_factory=ProviderSettings)
    spawner: SpawnerSettings = Field(default_factory=SpawnerSettings)
    profiles: tuple[ProfileSettings, ...] = Field((), description="kinds of server to choose from; none: one kind")
    culling: CullingSettings = Field(default_factory=CullingSettings)
    service: ServiceSettings = Field(default_factory=ServiceSettings)
    pages: PagesSettings = Field(default_factory=PagesSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes over what is given, which is the file's."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _agree(self) -> "HubSettings":
        if self.oidc.issuer is None and urlsplit(self.public_url).hostname not in LOOPBACK:
            raise ValueError(
                "oidc.issuer: must be given, because the embedded provider serves this machine only. "
                "Name your organisation's provider"
            )
        if not self.oidc.allowed_groups and not self.oidc.admin_groups:
            raise ValueError("oidc.allowed_groups: must name a group, or nobody may log in. Name one")
        if "openid" not in self.oidc.scopes:
            raise ValueError("oidc.scopes: must hold openid, or there is no ID token. Add it")
        names = [profile.name for profile in self.profiles]
        if len(names) != len(set(names)):
            raise ValueError(f"profiles: must have names of their own, got {', '.join(names)}. Rename one")
        return self

    @property
    def issuer(self) -> str:
        """The issuer, given or embedded."""
        return self.oidc.issuer or f"http://127.0.0.1:{self.provider.port}"

    @property
    def hub_address(self) -> str:
        """Where the hub itself is reached on its own machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.hub_host, self.hub_host)  # noqa: S104 - not bound here
        return f"http://[{host}]:{self.hub_port}" if ":" in host else f"http://{host}:{self.hub_port}"

    @property
    def embedded(self) -> bool:
        """Whether people log in at the embedded provider."""
        return self.oidc.issuer is None

    @property
    def folder(self) -> Path:
        """The root, absolute."""
        return self.root.expanduser().absolute()

    @staticmethod
    def load(file: Path | None = None) -> "HubSettings":
        """The settings of a file (default: the one that ``OASIS_HUB_FILE`` names), under the environment's.

        ``SettingsError`` names each setting that cannot be used.
        """
        named = os.environ.get(FILE)
        path = file or (Path(named) if named else None)
        given = _read(path) if path else {}
        _check_variables(os.environ)
        try:
            return HubSettings(**given)
        except ValidationError as error:
            raise SettingsError("\n".join(_sentence(problem) for problem in error.errors())) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path.name}: cannot be read: {error}. Give a TOML file") from error
    for name, field in all_settings():
        if _is_secret(field) and _holds(found, name.split(".")):
            variable = variable_of(name)
            raise SettingsError(f"{path.name}: {name}: must not be in this file. Set {variable} in the environment")
    return found


def _check_variables(environment: Mapping[str, str]) -> None:
    """Refuse misspelt variables, which would be settings without effect."""
    known = {FILE, *(variable_of(name) for name, _ in all_settings() if ".[]." not in name)}
    groups = {variable_of(name.partition(".")[0]) for name, _ in all_settings()}
    free = tuple(variable_of(name) + "__" for name, field in all_settings() if get_origin(field.annotation) is dict)
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known | groups and not variable.startswith(free):
            near = difflib.get_close_matches(variable, known, n=1) or [FILE]
            raise SettingsError(f"{variable}: is not a known setting. Did you mean {near[0]}?")


def _holds(found: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return True


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def variable_of(name: str) -> str:
    """The environment's variable of a setting: ``OASIS_HUB_OIDC__ISSUER`` of ``oidc.issuer``."""
    return PREFIX + name.replace(".", "__").upper()


def _sentence(problem: Any) -> str:
    """One line: the setting, what must hold, the value where it is no secret, and what to do."""
    name = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if not name:
        return message
    if problem["type"] == "extra_forbidden":
        return f"{name}: is not a known setting. Known here: {', '.join(_neighbours(name))}"
    field = dict(all_settings()).get(name)
    secret = field is not None and _is_secret(field)
    got = "" if secret or isinstance(problem.get("input"), dict) else f", got {problem.get('input')!r}"
    remedy = f"It is {field.description}" if field is not None and field.description else "See the hub's settings"
    return f"{name}: {message}{got}. {remedy}"


def _neighbours(name: str) -> list[str]:
    above = name.rpartition(".")[0]
    found = [known for known, _ in all_settings() if known.rpartition(".")[0] == above]
    return [known.rpartition(".")[2] for known in found]


def all_settings(model: type[BaseModel] = HubSettings, above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by its dotted name; those of a profile as ``profiles.[].name``."""
    for name, field in model.model_fields.items():
        part, listed = _part_of(field.annotation)
        if part is None:
            yield above + name, field
            continue
        if listed:
            yield above + name, field
        yield from all_settings(part, f"{above}{name}.[]." if listed else f"{above}{name}.")


def _part_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, True
    return None, False


def settings_table() -> str:
    """Every setting with its default and meaning, as the table of the documentation."""
    lines = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for name, field in all_settings():
        lines.append(f"| `{name}` | {_default(field)} | {field.description}{_choices(field.annotation)} |")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return ""
    value = field.default
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value)}`" if isinstance(value, tuple) else f"`{value}`"


def _choices(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return " (" + ", ".join(f"`{choice}`" for choice in get_args(annotation)) + ")"
    return ""
