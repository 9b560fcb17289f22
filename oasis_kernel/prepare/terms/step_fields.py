"""The OED fields of step policies, and which coverages each kind of step policy covers.

Source: Open Exposure Data, ``StepTriggerType`` and the fields of steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from oasis_kernel.model import fields as f

#: Terms of a step, by the name of the profile column they go to (deductible1 and limit1 under names of their own).
_OF_EVERY_TYPE = {
    "PayOutType": "payout_type",
    "TriggerType": "trigger_type",
    f.STEP_NUMBER: "step_id",
    "DebrisRemovalFactor": "scale1",
    "ExtraExpenseFactor": "scale2",
    "ExtraExpenseLimit": "limit2",
}


def _of_part(part: str) -> dict[str, str]:
    return {
        f"Deductible{part}": "step_deductible",
        f"PayOut{part}Start": "payout_start",
        f"PayOut{part}End": "payout_end",
        f"PayOutLimit{part}": "step_limit",
        f"Trigger{part}Start": "trigger_start",
        f"Trigger{part}End": "trigger_end",
    }


_BUILDING, _CONTENTS, _TOGETHER = _of_part("Building"), _of_part("Contents"), _of_part("BuildingContents")
STEP_FIELDS = (f.STEP_TRIGGER_TYPE, *_OF_EVERY_TYPE, *_BUILDING, *_CONTENTS, *_TOGETHER)
STEP_TERMS = tuple(dict.fromkeys((*_OF_EVERY_TYPE.values(), *_BUILDING.values())))


@dataclass(frozen=True)
class StepType:
    """One kind of step policy. Coverages that take no steps are excluded; business interruption is not affected."""

    fields: Mapping[str, str]  # OED field -> term; of several fields for one term the greatest counts
    stepped: tuple[tuple[int, ...], ...]  # coverages that take the steps together
    excluded: tuple[tuple[int, ...], ...]


STEP_TYPES: Mapping[int, StepType] = {
    1: StepType({**_OF_EVERY_TYPE, **_BUILDING}, ((1,),), ((2,), (3,))),
    2: StepType({**_OF_EVERY_TYPE, **_CONTENTS}, ((3,),), ((1,), (2,))),
    3: StepType({**_OF_EVERY_TYPE, **_TOGETHER}, ((1, 3),), ((2,),)),
    5: StepType({**_OF_EVERY_TYPE, **_BUILDING, **_CONTENTS}, ((1,), (3,)), ((2,),)),
}
