"""All checks, in order, on one model."""

from collections.abc import Callable

import pyarrow as pa

from oasis_kernel.errors import OasisError
from oasis_kernel.model.vendor import Model, ModelChoice
from oasis_kernel.plugins.conformance import data_checks, lookup_checks, loss_checks
from oasis_kernel.plugins.conformance.subject import Subject
from oasis_kernel.plugins.conformance.verdict import Broken, CheckResult, NotApplicable, Outcome

Check = Callable[[Subject], None]

CHECKS: tuple[Check, ...] = (
    lookup_checks.protocol_complete,
    lookup_checks.settings_parse,
    lookup_checks.fingerprint_stable,
    lookup_checks.keys_conform,
    lookup_checks.keys_have_ids,
    lookup_checks.keys_cover_locations,
    lookup_checks.lookup_repeats,
    data_checks.damage_bins_valid,
    data_checks.events_ascend,
    data_checks.footprint_valid,
    data_checks.footprint_pure,
    data_checks.footprint_thread_safe,
    data_checks.rows_bound,
    data_checks.vulnerability_valid,
    data_checks.occurrence_valid,
    loss_checks.ground_up_valid,
)


def conformance(model: Model, location: pa.Table, choice: ModelChoice | None = None) -> list[CheckResult]:
    """The result of every check of ``CHECKS`` on a model, in that order; never raises for the model's fault.

    ``location`` is a small OED location table (with ``loc_id``) where the model has something to say; ``choice`` the
    variant of its data.
    """
    subject = Subject(model, location, choice or ModelChoice())
    return [checked(check, subject) for check in CHECKS]


def checked(check: Check, subject: Subject) -> CheckResult:
    """What one check says of one model."""
    name, words = check.__name__, (check.__doc__ or "").strip()
    try:
        check(subject)
    except Broken as broken:
        return CheckResult(name, words, Outcome.FAILED, str(broken))
    except NotApplicable as reason:
        return CheckResult(name, words, Outcome.NOT_APPLICABLE, str(reason))
    except Exception as error:  # the model's own code may raise anything
        said = str(error) if isinstance(error, OasisError) else f"{type(error).__name__}: {error}"
        return CheckResult(name, words, Outcome.FAILED, said)
    return CheckResult(name, words, Outcome.PASSED)
