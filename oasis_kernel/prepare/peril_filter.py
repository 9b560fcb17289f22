"""The keys of the perils that an analysis is confined to."""

import difflib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.prepare.terms.perils import single_perils

FIELD = "peril_filter"


def keys_of_perils(keys: pa.Table, perils: Sequence[str], source: str) -> tuple[pa.Table, list[Finding]]:
    """The keys whose peril is one of ``perils`` (all keys if there are none), and a warning for each that has no key.

    A peril is taken as the keys have it: a group of perils does not stand for its members, as in the reference.
    ``source`` is the settings' file. InvalidInput for a code that neither OED nor the keys know, and when nothing is
    left.
    """
    if not perils:
        return keys, []
    modelled = sorted(set(keys["peril_id"].drop_null().to_pylist()))
    without = [peril for peril in dict.fromkeys(perils) if peril not in modelled]
    unknown = [peril for peril in without if not single_perils(peril)]
    if unknown:
        message = "must name OED peril codes"
        raise InvalidInput(_finding(source, message, peril, _nearest(peril, modelled)) for peril in unknown)
    kept = keys.filter(pc.is_in(keys["peril_id"], pa.array(perils, pa.string())))
    offered = f"The keys have {', '.join(modelled)}" if modelled else ""
    if not len(kept):
        raise InvalidInput(_finding(source, "leaves no keys", ", ".join(perils), offered))
    message = "names a peril that has no key"
    return kept, [_finding(source, message, peril, offered, Severity.WARNING) for peril in without]


def _finding(source: str, message: str, value: str, remedy: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(source, message, field=FIELD, value=value, rule="peril filter", remedy=remedy, severity=severity)


def _nearest(peril: str, modelled: Sequence[str]) -> str:
    close = difflib.get_close_matches(peril.upper(), modelled, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"The keys have {', '.join(modelled)}"
