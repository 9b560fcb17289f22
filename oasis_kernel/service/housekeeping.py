"""What nobody needs any more: uploads that came to nothing, files that no row names, results beyond their room."""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from oasis_kernel.service.artefacts import Artefacts
from oasis_kernel.service.database import Database
from oasis_kernel.service.runs import ENDED
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, Run, Upload, now
from oasis_kernel.service.uploads import LIFE, Incoming
from oasis_kernel.store.remote_parts import collect_parts

log = logging.getLogger(__name__)

#: What lies in the storage of artefacts, by the first part of the name.
UPLOADS, PORTFOLIOS, RESULTS = "uploads", "portfolios", "results"
#: Work orders lie beside the parts. One that is gone is written again when its run is resumed.
ORDERS, KEPT_ORDERS = "orders", timedelta(days=7)
#: A file that no row names stays so long: a request may still be writing the row.
GRACE = timedelta(hours=1)
SECONDS_BETWEEN, FIRST_SECONDS = 900.0, 60.0


class Housekeeper:
    """Tidies up now and then."""

    def __init__(self, database: Database, settings: ServiceSettings):
        self._database = database
        self._settings = settings
        self._tidy_at = time.monotonic() + FIRST_SECONDS

    def tidy_when_due(self) -> None:
        """Tidy, when the last time is long enough ago. Not to be waited for: storage may be slow, or not answer."""
        if time.monotonic() > self._tidy_at:
            self._tidy_at = time.monotonic() + SECONDS_BETWEEN
            tidy(self._database, self._settings)


def tidy(database: Database, settings: ServiceSettings) -> None:
    """Remove uploads that have expired, files that no row names, and the oldest results beyond ``keep_bytes``."""
    artefacts = Artefacts(settings.storage_url)
    _forget_uploads(database, Incoming.of(settings))
    with database.read() as session:
        keep = named_groups(session, artefacts)
        at_work = list(session.scalars(select(Run.order_url).where(Run.state.not_in(ENDED))))
    for group in artefacts.collect((UPLOADS, PORTFOLIOS, RESULTS), keep, now(), unused_for=LIFE + GRACE):
        log.info("%s: nobody needs it, its %d bytes were removed", group.name, group.bytes)
    if settings.keep_bytes is not None:
        _make_room(database, artefacts, settings.keep_bytes)
    if artefacts.root is None:
        shared = Artefacts(artefacts.url_of("parts"))
        collect_parts(shared, settings.keep_parts_bytes)
    else:  # parts on a disk are pruned by the runs themselves
        shared = Artefacts(settings.parts_folder)
    shared.collect([ORDERS], _groups(shared, at_work), now(), unused_for=KEPT_ORDERS)


def named_groups(session: Session, artefacts: Artefacts) -> set[str]:
    """The groups of files that a row of the database still needs."""
    versions = (
        select(PortfolioVersion)
        .join(Portfolio, Portfolio.id == PortfolioVersion.portfolio_id)
        .outerjoin(Run, (Run.version_id == PortfolioVersion.id) & Run.deleted.is_(None))
        .where(or_(Portfolio.deleted.is_(None), Run.id.is_not(None)))
    )
    urls: list[str | None] = []
    for version in session.scalars(versions).unique():
        urls += [file.get("url") for file in version.files.values()]
        urls.append(version.rates_url)
    urls += session.scalars(select(Upload.url))
    runs = session.scalars(select(Run.id).where(Run.purged.is_(None)))
    return _groups(artefacts, urls) | {f"{RESULTS}/{run}" for run in runs}


def _groups(artefacts: Artefacts, urls: Iterable[str | None]) -> set[str]:
    """The groups of addresses; linked files, which lie elsewhere, belong to none."""
    prefix = f"{artefacts.url}/"
    return {"/".join(url[len(prefix) :].split("/")[:2]) for url in urls if url is not None and url.startswith(prefix)}


def _forget_uploads(database: Database, incoming: Incoming) -> None:
    """Remove uploads that have expired, and unfinished files that belong to none."""
    with database.write() as session:
        expired = list(session.scalars(select(Upload.id).where(Upload.expires < now())))
        session.execute(delete(Upload).where(Upload.id.in_(expired)))
        known = set(session.scalars(select(Upload.id)))
    for upload_id in expired:
        incoming.discard(upload_id)
    incoming.clear(known)


def _make_room(database: Database, artefacts: Artefacts, keep_bytes: int) -> None:
    """Remove the results of the runs that ended longest ago until the others fit."""
    groups = artefacts.groups([RESULTS])
    excess = sum(group.bytes for group in groups) - keep_bytes
    for group in groups:
        if excess <= 0:
            return
        with database.write() as session:
            run = session.get(Run, group.name.partition("/")[2])
            if run is None or run.state not in ENDED or run.purged is not None:
                continue
            run.purged = now()
        artefacts.delete(group.name)
        excess -= group.bytes
        log.info("run %s: its results were removed to keep within %d bytes", run.id, keep_bytes)
