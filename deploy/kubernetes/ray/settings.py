"""What an operator says of a team's cluster; everything else follows from it."""

import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from oasis_kernel.errors import Finding, InvalidInput

#: Of names that Ray's operator makes longer ones of: cluster, head service, pods.
NAME = r"^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$"
VERSION = r"^\d+\.\d+\.\d+\S*$"
QUANTITY = r"^[1-9]\d*(Mi|Gi|Ti)$"


def _pinned(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@sha256:" not in image and tag in ("", "latest"):
        raise ValueError("must name a version or a digest, so that all machines run the same")
    return image


def _network(cidr: str) -> str:
    ip_network(cidr)
    return cidr


Image = Annotated[str, AfterValidator(_pinned)]
Quantity = Annotated[str, Field(pattern=QUANTITY)]
Labels = dict[str, str]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Settings):
    """Something outside the cluster that pods must reach, by address: a network policy knows no names."""

    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        min_length=1, description="addresses as CIDR"
    )
    port: int = Field(443, ge=1, le=65535, description="the port there")


class Storage(Place):
    """The object storage of orders, parts and results."""

    url: str = Field(pattern=r"^s3://", description="as the service's `storage_url`")
    endpoint: str = Field("", description="as AWS_ENDPOINT_URL; none: AWS")
    secret: str = Field("", description="Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; none: a pod's role")


class Database(Place):
    """The service's database, which the dispatcher reads its work from."""

    secret: str = Field(description="Secret whose key `url` is the service's `database_url`")
    port: int = Field(5432, ge=1, le=65535, description="the port there")


class Versions(_Settings):
    """What every image must have, to the last digit: ``oasis worker versions`` in the base image says it."""

    engine: str = Field(pattern=VERSION, description="of the workbench")
    ray: str = Field(pattern=VERSION, description="of Ray")
    python: str = Field(pattern=VERSION, description="of Python")


class Head(_Settings):
    """The cluster's head: it computes nothing."""

    cpus: int = Field(2, ge=1, description="processors; 8 or more beyond 200 machines")
    memory: Quantity = Field("8Gi", description="memory")
    survives: Literal["rocksdb", "nothing"] = Field(
        "rocksdb", description="what keeps Ray's own tables when the head is started again (alpha in Ray)"
    )
    storage: Quantity = Field("1Gi", description="of the volume for it")
    storage_class: str | None = Field(None, description="its storage class; none: the cluster's default")


class ModelWorkers(_Settings):
    """The machines of one model: as many as there is work for, up to a limit, none when there is none."""

    name: str = Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$", description="the model's, as `oasis models` has it")
    image: Image = Field(description="built on the base image, with the model in it")
    cpus: int = Field(ge=1, description="processors of one machine: best a whole node's")
    memory: Quantity = Field(description="memory of one machine")
    at_most: int = Field(ge=1, description="machines at the same time")
    idle_seconds: int = Field(300, ge=10, description="a machine that has had no work for so long is given back")
    labels: Labels = Field(default_factory=dict, description="more labels for Ray, such as ray.io/market-type: spot")
    node_selector: Labels = Field(default_factory=dict, description="nodes of Kubernetes that it may run on")
    data_claim: str = Field("", description="volume claim with the model's data, read only; none: it is in the image")

    @property
    def group(self) -> str:
        """The worker group's name, which pods' names contain."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower())


class TeamSettings(_Settings):
    """A team's Ray cluster, beside its service."""

    team: str = Field(pattern=NAME, description="the cluster's name")
    namespace: str = Field(pattern=NAME, description="the team's own: Ray does not keep users apart")
    image: Image = Field(description="the worker image, for the head")
    service_image: Image = Field(description="the service's image, for the dispatcher")
    authentication: Literal["kubernetes", "token"] = Field(
        "kubernetes", description="who may use the cluster: identities of Kubernetes, or whoever has a token"
    )
    token_secret: str = Field("", description="Secret with the token as `auth_token`, where authentication is `token`")
    threads: int = Field(1, ge=1, description="chunks at once in one process, which share the model's data")
    versions: Versions
    head: Head = Head()
    storage: Storage
    database: Database
    api_server: Place = Field(description="the API server of Kubernetes, for the autoscaler and identities")
    models: tuple[ModelWorkers, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "TeamSettings":
        if (self.authentication == "token") != bool(self.token_secret):
            raise ValueError("token_secret must be given where authentication is token, and only there")
        groups = [model.group for model in self.models]
        if len(set(groups)) < len(groups):
            raise ValueError(f"models must have names of their own, also in lower case; got {', '.join(groups)}")
        if too_small := [model.name for model in self.models if model.cpus < self.threads]:
            raise ValueError(f"a machine must have at least `threads` processors; {', '.join(too_small)} has fewer")
        return self

    @property
    def slots(self) -> dict[str, int]:
        """The most processors that can compute for each model: whole tasks of ``threads`` on each machine."""
        return {model.name: model.cpus // self.threads * self.threads * model.at_most for model in self.models}

    @staticmethod
    def load(path: Path) -> "TeamSettings":
        """The settings of a TOML file; InvalidInput with every finding when they cannot be used."""
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(Finding(path.name, f"cannot be read: {error}", remedy="Give a TOML file")) from error
        try:
            return TeamSettings.model_validate(given)
        except ValidationError as error:
            findings = [
                Finding(path.name, problem["msg"], field=".".join(map(str, problem["loc"])), remedy="See team.toml")
                for problem in error.errors()
            ]
            raise InvalidInput(findings) from error
