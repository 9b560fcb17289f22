"""What a service has beside runs: its models, and the tokens of who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oasis_kernel.client.service import Service


@dataclass(frozen=True)
class RemoteModel:
    """A model that is installed in a service."""

    service: Service
    name: str
    version: str
    supplier: str
    url: str

    @staticmethod
    def of(service: Service, view: Mapping[str, Any]) -> "RemoteModel":
        """The model as the service shows it."""
        return RemoteModel(service, view["name"], view["version"], view["supplier"], view["url"])

    def settings(self) -> dict[str, Any]:
        """What an analysis may choose: the model's model_settings.json."""
        return dict(self.service.get(self.url)["settings"])

    def versions(self) -> dict[str, Any]:
        """The versions its numbers depend on, as the service's workers report them."""
        return dict(self.service.get(self.url)["versions"])


class Tokens:
    """The tokens of who asks."""

    def __init__(self, service: Service):
        self.service = service

    def list(self) -> list[dict[str, Any]]:
        """Every token, newest first, without its secret."""
        return [*self.service.items("/tokens")]

    def create(self, name: str, days: float | None = None, role: str | None = None) -> dict[str, Any]:
        """A new token; its ``token`` is the secret, shown this once.

        ``days``: how long it is valid, as long as the service allows by default. ``role``: the most it may do.
        """
        asked = {"name": name, "days": days, "role": role}
        made: dict[str, Any] = self.service.post("/tokens", {key: value for key, value in asked.items() if value})
        return made

    def revoke(self, token_id: str) -> None:
        """End a token: nothing opens with it any more."""
        self.service.delete(f"/tokens/{token_id}")
