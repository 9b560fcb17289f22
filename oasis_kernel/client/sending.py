"""Portfolio files to a service: small ones in one form, large ones in pieces that are taken up where one broke off."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from oasis_kernel.client.portfolios import PortfolioFiles, RemotePortfolio, contents, holds, size_of
from oasis_kernel.client.problems import ServiceProblem
from oasis_kernel.client.service import Service

#: Above this, files are sent in pieces.
FORM_BYTES = 16 * 2**20
PIECE_BYTES = 8 * 2**20
RECEIVING = "receiving"
#: Answers after which the service knows how much has come: the sender or the way was too slow, or out of step.
BROKEN = frozenset({400, 408, 409, 502, 503, 504})
#: So many of the newest portfolios are looked through for the content that would be sent.
LOOKED_THROUGH = 200
#: Told how many bytes of how many are there.
Sent = Callable[[int, int], None]


def send_portfolio(
    service: Service, files: PortfolioFiles, fields: Mapping[str, Any], of: str | None, sent: Sent
) -> RemotePortfolio:
    """The portfolio as the service has it now: a new one, or a new version of the one whose id is ``of``.

    ``fields`` are its name and such; findings that the service raises are raised.
    """
    local, links = files.local(), files.links()
    total = size_of(local)
    given = {**fields, "name": fields.get("name") or files.title, "reporting_currency": files.reporting_currency}
    if of is not None:
        del given["name"]
    values = {name: value for name, value in given.items() if value}
    path = "/portfolios" if of is None else f"/portfolios/{of}/versions"
    if not links and total <= FORM_BYTES:
        view = _as_form(service, path, local, values)
        sent(total, total)
    else:
        parts = {"uploads": send_files(service, local, sent), "links": links}
        view = service.post(path, {**values, **{name: part for name, part in parts.items() if part}})
    return RemotePortfolio.of(view if of is None else service.get(f"/portfolios/{of}"))


def find_sent(service: Service, files: PortfolioFiles) -> RemotePortfolio | None:
    """The newest portfolio in a service that has just these files; None when none of the newest has."""
    there = service.items("/portfolios", LOOKED_THROUGH)
    return next((RemotePortfolio.of(view) for view in there if holds(view, files)), None)


def send_files(service: Service, files: Mapping[str, Path], sent: Sent) -> dict[str, str]:
    """The ids of the uploads of files, by part."""
    progress = _Sending(size_of(files), sent)
    return {part: _in_pieces(service, part, file, progress) for part, file in files.items()}


def _as_form(service: Service, path: str, files: Mapping[str, Path], fields: Mapping[str, Any]) -> Any:
    with ExitStack() as opened:
        parts = [(part, (file.name, opened.enter_context(file.open("rb")))) for part, file in files.items()]
        return service.post(path, data=dict(fields), files=parts)


@dataclass
class _Sending:
    """How much of all files is there."""

    total: int
    report: Sent
    done: dict[str, int] = field(default_factory=dict)

    def at(self, part: str, offset: int) -> None:
        """Note how much of a file is there."""
        self.done[part] = offset
        self.report(sum(self.done.values()), self.total)


def _in_pieces(service: Service, part: str, file: Path, progress: _Sending) -> str:
    """The id of the upload of a file, piece after piece; after a break it goes on from what the service has."""
    size = file.stat().st_size
    announced = {"name": file.name, "size": size, "kind": part, "sha256": contents({part: file})[part]}
    upload = service.post("/uploads", announced)
    path = f"/uploads/{upload['id']}"
    offset, failures = 0, 0
    with file.open("rb") as source:
        while upload["state"] == RECEIVING:
            source.seek(offset)
            try:
                upload = _piece(service, path, source.read(PIECE_BYTES), offset)
                failures = 0
            except (httpx.TransportError, ServiceProblem) as error:
                failures += 1
                _refuse_to_go_on(service, error, failures)
                time.sleep(service.patience.pause(failures - 1))
                upload = service.get(path)
            offset = int(upload["received"])
            progress.at(part, offset)
    return str(upload["id"])


def _refuse_to_go_on(service: Service, error: Exception, failures: int) -> None:
    """Raise the error of a piece that is no broken connection, or of one break too many."""
    if isinstance(error, ServiceProblem) and error.status not in BROKEN:
        raise error
    if failures >= service.patience.tries:
        raise service.lost(error) from error


def _piece(service: Service, path: str, piece: bytes, offset: int) -> dict[str, Any]:
    """The upload after a piece was sent."""
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
    found: dict[str, Any] = service.once("PATCH", path, content=piece, headers=headers).json()
    return found
