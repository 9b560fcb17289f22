"""Random programmes of the shapes that OED produces, and random losses for them."""

import numpy as np

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.terms import PROFILE_DTYPE, Leaves, Programme

#: Rules that may stand at any level; a share of the account may be added at the top as rule + 100.
PLAIN_RULES = (1, 3, 4, 5, 6, 9, 12, 14, 15, 16, 20, 33, 39, 40, 41, 100)
BOUNDED_RULES = (7, 8, 10, 11, 13, 19, 26, 35, 36)
LAYER_RULES = (2, 17, 18, 22, 23, 24, 25, 34)
SHARED_RULES = (1, 3, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 19, 20, 26, 33, 35, 36, 100)
STEP_RULES = (27, 28, 29, 30, 31, 32, 37)
OF_LOSS = (5, 16, 17, 19, 26, 33, 35)  # the deductible is a share of the loss
OF_VALUE = (4, 6, 9, 18)  # of the insured value, or the limit
LIMIT_OF_LOSS = (5, 15, 35, 36)


class RandomProgramme:
    """One random programme with its leaves; every choice comes from ``seed``."""

    def __init__(self, seed: int, *, bounded: bool = True, stepped: bool = False, restarts: bool = True):
        self.random = np.random.default_rng(seed)
        self.bounded, self.stepped, self.may_restart = bounded, stepped, restarts
        self.items = int(self.random.integers(1, 14))
        self.edges: list[tuple[int, int, int]] = []
        self.policies: list[tuple[int, int, int, int]] = []
        self.profiles: list[np.void] = []
        self._build()

    @property
    def leaves(self) -> Leaves:
        """Items, several of a coverage, with round values."""
        return Leaves(self.coverage, self.value)

    def programme(self, allocation_rule: int) -> Programme:
        """The programme, with outputs for items or, for allocation rule 0, top nodes."""
        emitters = self.top_nodes if allocation_rule == 0 else self.items
        layers = self.top_layers if allocation_rule == 0 else self.layers
        agg, layer = (
            part.reshape(-1) for part in np.meshgrid(range(1, emitters + 1), range(1, layers + 1), indexing="ij")
        )
        edges, policies = np.array(self.edges, "i4").T, np.array(self.policies, "i4").T
        profile = np.array(self.profiles, PROFILE_DTYPE)
        return Programme(
            *edges, *policies, profile, np.arange(1, len(agg) + 1, dtype="i4"), agg.astype("i4"), layer.astype("i4")
        )

    def losses(self, events: int = 3, samples: int = 6) -> LossBlock:
        """Losses of some items in each event, many of them 0, items in any order."""
        rows, offsets = [], [0]
        for _ in range(events):
            hit = self.random.permutation(self.items)[: self.random.integers(1, self.items + 1)]
            rows.append(np.sort(hit) if self.random.random() < 0.5 else hit)
            offsets.append(offsets[-1] + len(hit))
        row = np.concatenate(rows).astype("i4")
        factor = self.random.choice([0.0, 0.1, 0.25, 0.5, 1.0, 2.0], (len(row), SPECIAL + samples))
        factor *= self.random.choice([1.0, 0.93, 0.31], factor.shape)
        loss = (factor * self.value[self.coverage[row] - 1][:, None]).astype("f4")
        loss[:, [1, 3]] = 0
        return LossBlock(np.arange(1, events + 1, dtype="i4"), np.array(offsets, "i8"), row, loss)

    def _build(self) -> None:
        self.coverage = np.sort(self.random.integers(1, self.items + 1, self.items)).astype("i4")
        self.coverage = (np.unique(self.coverage, return_inverse=True)[1] + 1).astype("i4")
        self.value = self.random.choice([500.0, 1000.0, 2500.0, 7300.0], self.coverage.max()).astype("f4")
        levels = int(self.random.integers(1, 6))
        layered_from = int(self.random.integers(1, levels + 1))
        self.layers = int(self.random.choice([1, 1, 2, 3]))
        cross = self.layers > 1 and layered_from < levels and self.random.random() < 0.5
        group = np.arange(self.items) if self.random.random() < 0.3 else self._regroup(np.arange(self.items))
        self._add_level(1, np.arange(1, self.items + 1), group, self.layers if layered_from == 1 else 1)
        for level in range(2, levels + 1):
            if self.may_restart and self.random.random() < 0.25 and not (cross and level == levels):
                group = self._regroup(np.arange(self.items))
                child = -np.arange(1, self.items + 1)
            else:
                child, group = group + 1, self._merge(group)
            layers = self.layers if level >= layered_from else 1
            self._add_level(level, child, group, 1 if cross and level == levels else layers)
        self.top_nodes = int(group.max()) + 1
        self.top_layers = 1 if cross else self.layers

    def _regroup(self, items: np.ndarray) -> np.ndarray:
        group = self.random.integers(0, max(1, len(items) // 2) + 1, len(items))
        return np.unique(group, return_inverse=True)[1]

    def _merge(self, group: np.ndarray) -> np.ndarray:
        return self._regroup(np.arange(group.max() + 1))[group]

    def _add_level(self, level: int, child: np.ndarray, group: np.ndarray, layers: int) -> None:
        for from_agg, node in sorted(
            set(zip(child.tolist(), group.tolist(), strict=True)), key=lambda edge: abs(edge[0])
        ):
            self.edges.append((from_agg, level, node + 1))
        for node in range(group.max() + 1):
            for layer in range(layers):
                profile = len(self.profiles) and self.profiles[-1]["profile_id"]
                if profile and self.random.random() < 0.2:
                    profile = int(self.random.integers(1, profile + 1))
                else:
                    profile = int(profile) + 1
                    self.profiles += self._profile(profile)
                self.policies.append((level, node + 1, layer + 1, profile))

    def _profile(self, profile_id: int) -> list[np.void]:
        if self.stepped and self.random.random() < 0.5:
            return self._steps(profile_id)
        rules = PLAIN_RULES + LAYER_RULES + (BOUNDED_RULES if self.bounded else ())
        rules += tuple(100 + rule for rule in SHARED_RULES if self.bounded or rule not in BOUNDED_RULES)
        if self.bounded and self.random.random() < 0.4:
            rules = BOUNDED_RULES
        return [self._terms(profile_id, int(self.random.choice(rules)))]

    def _terms(self, profile_id: int, rule: int) -> np.void:
        pick, base = self.random.choice, rule - 100 if rule > 100 else rule
        terms = np.zeros((), PROFILE_DTYPE)
        terms["profile_id"], terms["calcrule_id"] = profile_id, rule
        of_loss = base in OF_LOSS or base in OF_VALUE
        terms["deductible1"] = pick([0.0, 0.05, 0.1, 0.25]) if of_loss else pick([0.0, 50.0, 120.0, 300.0])
        terms["deductible2"], terms["deductible3"] = pick([100.0, 250.0, 600.0]), pick([200.0, 400.0, 900.0])
        terms["attachment1"] = pick([0.0, 100.0, 500.0])
        terms["limit1"] = pick([0.1, 0.5, 0.9]) if base in LIMIT_OF_LOSS else pick([400.0, 1500.0, 5000.0])
        for name in ("deductible1", "deductible2", "deductible3", "limit1"):  # no loss meets a bound exactly
            terms[name] *= 1 + 0.01 * self.random.random()
        for name in ("share1", "share2", "share3"):
            terms[name] = pick([0.2, 0.5, 1.0])
        terms["step_id"] = 1 if self.stepped else 0
        return terms

    def _steps(self, profile_id: int) -> list[np.void]:
        rule, pick = int(self.random.choice(STEP_RULES)), self.random.choice
        steps = []
        first, second = 0.1 + 0.01 * self.random.random(), 0.5 + 0.01 * self.random.random()
        for number, (start, end) in enumerate([(0.0, first), (first, second), (second, 1.0)], 1):
            terms = self._terms(profile_id, rule)
            terms["step_id"] = number
            terms["deductible1"] = pick([0.0, 40.0])
            terms["limit1"] = pick([300.0, 2000.0])
            terms["trigger_start"], terms["trigger_end"] = start, end
            terms["payout_start"] = 100.0 * number if rule == 31 else start + 0.05
            if rule == 32:
                terms["trigger_start"] = 203.7 * number
            terms["limit2"], terms["scale1"], terms["scale2"] = pick([0.0, 70.0]), pick([0.0, 0.1]), pick([0.0, 0.15])
            steps.append(terms)
        return steps
