"""Which calculation rule a combination of terms asks for. Source: the Oasis financial module's rule tables."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.prepare.terms.levels import (
    ATTACHMENT,
    DEDUCTIBLE,
    DEDUCTIBLE_CODE,
    DEDUCTIBLE_TYPE,
    LIMIT,
    LIMIT_CODE,
    LIMIT_TYPE,
    MAXIMUM_DEDUCTIBLE,
    MINIMUM_DEDUCTIBLE,
    OF_DAYS,
    OF_LOSS,
    SHARE,
)

Flags = npt.NDArray[np.bool_]

#: No rule: the standard has none for this combination.
NO_RULE = 0
PASS_THROUGH = 100
PASS_THROUGH_SHARE = 200
LAYER_RULE, UNLIMITED_LAYER_RULE = 2, 34
EXCLUSION_RULE = 14  # with a limit of 0
REGULAR, FRANCHISE, REVERSE_FRANCHISE = 0, 2, 99

#: Rules without a variant that has a share.
_WITHOUT_SHARE = (39, 40, 41)


def base_rules(terms: Mapping[str, Float64]) -> Int64:
    """The rule of each row of terms at every level but layers and steps; 0 where there is none.

    Types are those after conversion of shares of value to amounts. A code or type counts only with its amount.
    """
    deductible, limit = terms[DEDUCTIBLE] > 0, terms[LIMIT] > 0
    minimum, maximum = terms[MINIMUM_DEDUCTIBLE] > 0, terms[MAXIMUM_DEDUCTIBLE] > 0
    deductible_type = np.where(deductible, terms[DEDUCTIBLE_TYPE], 0)
    deductible_code = np.where(deductible, terms[DEDUCTIBLE_CODE], 0)
    limit_type = np.where(limit, terms[LIMIT_TYPE], 0)
    bounded = minimum | maximum
    plain = _unbounded_rules(deductible, limit, deductible_type, deductible_code, limit_type)
    rule = np.where(bounded, _bounded_rules(minimum, maximum, limit, deductible_type, limit_type), plain)
    rule[bounded & (deductible_code != REGULAR)] = NO_RULE
    rule[limit & (terms[LIMIT_CODE] != REGULAR)] = NO_RULE
    return _with_share(rule, terms[SHARE] > 0)


def _unbounded_rules(
    deductible: Flags, limit: Flags, deductible_type: Float64, deductible_code: Float64, limit_type: Float64
) -> Int64:
    """Rules without a minimum or maximum deductible."""
    flat, of_loss = deductible_type == 0, deductible_type == OF_LOSS
    flat_limit, limit_of_loss = limit_type == 0, limit_type == OF_LOSS
    regular, franchise = deductible_code == REGULAR, deductible_code == FRANCHISE
    both, only_deductible, only_limit = deductible & limit, deductible & ~limit, limit & ~deductible
    days = limit_type == OF_DAYS
    return np.select(
        [
            ~deductible & ~limit,
            only_limit & flat_limit,
            only_limit & limit_of_loss,
            only_limit & days,
            only_deductible & flat & regular,
            only_deductible & flat & franchise,
            only_deductible & flat & (deductible_code == REVERSE_FRANCHISE),
            only_deductible & of_loss & regular,
            both & flat & flat_limit & regular,
            both & flat & flat_limit & franchise,
            both & of_loss & flat_limit & regular,
            both & flat & limit_of_loss & regular,
            both & of_loss & limit_of_loss & regular,
            both & (deductible_type == OF_DAYS) & days & regular,
        ],
        [PASS_THROUGH, 14, 15, 41, 12, 39, 20, 16, 1, 3, 33, 15, 5, 40],
        NO_RULE,
    ).astype(np.int64)


def _bounded_rules(
    minimum: Flags, maximum: Flags, limit: Flags, deductible_type: Float64, limit_type: Float64
) -> Int64:
    """Rules with a minimum or a maximum deductible, or both."""
    flat, of_loss = deductible_type == 0, deductible_type == OF_LOSS
    flat_limit, limit_of_loss = limit & (limit_type == 0), limit & (limit_type == OF_LOSS)
    return np.select(
        [
            ~limit & of_loss,
            ~limit & flat & minimum & maximum,
            ~limit & flat & minimum,
            ~limit & flat,
            flat_limit & of_loss,
            flat_limit & flat & maximum,
            flat_limit & flat,
            limit_of_loss & flat,
            limit_of_loss & of_loss,
        ],
        [19, 13, 11, 10, 26, 7, 8, 36, 35],
        NO_RULE,
    ).astype(np.int64)


def _with_share(rule: Int64, share: Flags) -> Int64:
    """The variant of each rule that also takes a share of its result."""
    shared = np.where(rule == PASS_THROUGH, PASS_THROUGH_SHARE, rule + 100)
    shared[(rule == NO_RULE) | np.isin(rule, _WITHOUT_SHARE)] = NO_RULE
    return np.where(share, shared, rule)


def layer_rules(terms: Mapping[str, Float64]) -> Int64:
    """The rule of each policy layer. A limit of 0 is unlimited; a participation of 0 pays nothing."""
    given = (terms[SHARE] > 0) | (terms[ATTACHMENT] > 0)
    return np.where(terms[LIMIT] > 0, LAYER_RULE, np.where(given, UNLIMITED_LAYER_RULE, PASS_THROUGH))


#: Step rules: (trigger type, pay-out type), then whether deductible, pay-out start, pay-out end, limit and extra
#: expense limit are given (None: either), and the rule.
_STEP_TABLE = (
    ((0, 0), (0, 0, 0, 0, 0), EXCLUSION_RULE),
    ((2, 2), (0, 1, None, 1, None), 27),
    ((2, 2), (0, 1, None, 0, 0), 29),
    ((2, 1), (None, 1, None, 0, None), 28),
    ((2, 1), (None, 1, None, 1, None), 37),
    ((2, 1), (None, 0, 0, 0, None), 38),
    ((2, 3), (0, 1, 0, 1, 0), 30),
    ((2, 0), (0, 1, 0, 0, 0), 31),
    ((0, 1), (0, 1, 0, 1, None), 32),
)
#: The types of steps that have rules.
STEP_TYPES_KNOWN = {"TriggerType": (0, 2), "PayOutType": (0, 1, 2, 3)}
STEP_CONDITIONS = ("step_deductible", "payout_start", "payout_end", "step_limit", "limit2")


def step_rules(terms: Mapping[str, Float64]) -> Int64:
    """The rule of each step of a step policy; 0 where there is none."""
    given = np.stack([terms[name] > 0 for name in STEP_CONDITIONS])
    types = np.stack([terms["trigger_type"], terms["payout_type"]])
    rule = np.zeros(given.shape[1], np.int64)
    for (trigger, payout), pattern, number in _STEP_TABLE:
        fits = (types[0] == trigger) & (types[1] == payout)
        for flag, wanted in zip(given, pattern, strict=True):
            if wanted is not None:
                fits &= flag == bool(wanted)
        rule[fits] = number
    return rule
