"""One example through both engines: equal with ``compatible``, explained without it."""

import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
from both_engines import (
    Compiled,
    Example,
    Losses,
    Reference,
    Streams,
    compiled,
    differences,
    ground_up,
    item_keys,
    our_losses,
    send_losses,
    their_losses,
    write_files,
)
from hypothesis import HealthCheck, Phase, note, reject, settings
from known_differences import default_conditions_of_several_levels, idle_level_before_steps, known
from parity.fm_files import read_programme
from parity.programme_shape import repeated_policies
from random_reinsurance import AGGREGATE

from oasis_kernel.errors import InvalidInput

MOST_SENTENCES = 6
#: What the row says that the reference's table of rules lacks (Q27).
LACKING = {"limit_gt_0", "lim_type", "share_gt_0", "deductible_min_gt_0", "deductible_max_gt_0"}
#: Examples that both engines run: those that both refuse are drawn anew.
EXAMPLES = int(os.environ.get("DIFFERENTIAL_EXAMPLES", "300"))
checked = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes at half a second an example
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)


def check(reference: Reference, tally: Counter[str], folder: Path, example: Example) -> None:
    """Fails where the engines differ without a documented reason. An example that both refuse does not count."""
    note(repr(example))  # Hypothesis shows nothing of a value that holds records
    given = _ours(folder, example)
    answer = reference({"do": "compile", "folder": str(folder), "perils": list(example.perils)})
    _reject_died(answer, tally)
    if not isinstance(given, InvalidInput) and lacks_a_rule(answer):
        tally["refused by the reference (Q27)"] += 1
        reject()
    if isinstance(given, InvalidInput) or answer != "done":
        assert isinstance(given, InvalidInput), f"only the reference refuses: {answer}"
        left_out = any(contract["ReinsType"] == AGGREGATE for contract in example.files.get("ri_info", []))
        assert answer != "done" or left_out, f"only ours refuses: {given}"
        tally["refused by both" if answer != "done" else "refused by ours (Q13)"] += 1
        reject()
    block = ground_up(given.exposure, example.seed)
    send_losses(folder, given, block)
    rules = {"rule_il": example.rule_il, "rule_ri": example.rule_ri}
    answer = reference({"do": "run", "folder": str(folder), **rules})
    _reject_died(answer, tally)
    assert answer == "done", answer
    theirs = their_losses(folder)
    if repeated_policies(read_programme(folder / "reference")):
        tally["ambiguous in the reference (Q24)"] += 1
        reject()
    tally["compared"] += 1
    scale = max(1.0, float(np.abs(block.loss).max(initial=0)))
    for compatible in (True, False):
        ours = our_losses(given, block, example, compatible)
        name = "compatible" if compatible else "by default"
        wanted = theirs if compatible else without_q1(theirs)
        found = explain(ours, wanted, reasons(given, example, compatible), scale)
        tally.update(f"with {why} {name}" for why in found)


def _reject_died(answer: str, tally: Counter[str]) -> None:
    if answer == "died":
        tally["the reference died"] += 1
        reject()


def lacks_a_rule(answer: str) -> bool:
    """Whether the reference refuses for want of the one row that its table of rules lacks."""
    named = set(re.findall(r"\w+_gt_0|\w+_type|\w+_code", answer))
    return "Calculation Rule mapping error" in answer and named == LACKING


def _ours(folder: Path, example: Example) -> Compiled | InvalidInput:
    try:
        return compiled(write_files(folder, example.files), example.perils)
    except InvalidInput as refusal:
        return refusal


def reasons(given: Compiled, example: Example, compatible: bool) -> dict[tuple, frozenset[str]]:
    """The documented differences that may show in each item's insured losses."""
    items = given.outputs.to_pandas().drop_duplicates("agg_id")
    of_item = known(given.programme, example.rule_il, compatible)
    of_all = {"Q25"} if idle_level_before_steps(example.files, set(items["peril_id"])) else set()
    of_all |= {"Q26"} if default_conditions_of_several_levels(example.files) else set()
    return {key: of_item[item - 1] | of_all for key, item in zip(item_keys(items), items["agg_id"], strict=True)}


def without_q1(theirs: Streams) -> Streams:
    """The reference's losses with all that a priority takes as ceded, instead of what its last contract takes."""
    found, before = dict(theirs), theirs["il"]
    for name in [name for name in theirs if name.startswith("net")]:
        found[name.replace("net", "ceded")] = _less(before, theirs[name])
        before = theirs[name]
    return found


def _less(before: Losses, after: Losses) -> Losses:
    return {key: loss - after[key] if key in after else loss for key, loss in before.items()}


def explain(ours: Streams, theirs: Streams, why: dict[tuple, frozenset[str]], scale: float) -> set[str]:
    """The documented differences that show; fails for a difference that none of them explains."""
    assert ours.keys() == theirs.keys()
    explained: set[str] = set()
    for name, losses in theirs.items():
        explained |= _explain(name, ours[name], losses, why, scale)
    return explained


def _explain(name: str, ours: Losses, theirs: Losses, why: dict[tuple, frozenset[str]], scale: float) -> set[str]:
    if name != "il":  # a contract takes losses of all items: one reason anywhere is a reason everywhere
        anywhere = frozenset().union(*why.values())
        why = dict.fromkeys(why, anywhere)
    found = [(why[key[1:-2]], text) for key, text in differences(ours, theirs, scale)]
    unexplained = [text for known_reasons, text in found if not known_reasons]
    assert not unexplained, f"{name} differs in {len(unexplained)} outputs:\n" + "\n".join(unexplained[:MOST_SENTENCES])
    return set().union(*(known_reasons for known_reasons, _ in found))
