"""What comes beside vulnerabilities: aggregates, weights, conditional functions, loss factors, intensity bins."""

import numpy as np
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.formats.model_data import StandardModelData, check, tables, write, write_tables
from oasis_kernel.formats.model_data.functions import peril_code
from oasis_kernel.model.hazard import AggregateVulnerability, ConditionalVulnerability, LossFactors
from oasis_kernel.model.vendor import ModelChoice

MEMBERS = [(101, 7), (100, 3), (101, 2), (100, 2)]
WEIGHTS = [(5, 3, 0.5), (5, 2, 0.25), (1, 7, 1.0), (5, 3, 0.75)]


def opened(directory, **choice):
    return StandardModelData(directory, ModelChoice(**choice))


@pytest.fixture(params=["bin", "wide", "csv"])
def aggregates(request, directory):
    members = np.array(MEMBERS, dtype=tables.AGGREGATE_VULNERABILITY)
    weights = np.array(WEIGHTS, dtype=tables.weight_row(request.param == "wide"))
    if request.param == "csv":
        write_tables.write_csv(directory / "aggregate_vulnerability.csv", members)
        write_tables.write_csv(directory / "weights.csv", weights)
    else:
        (directory / "aggregate_vulnerability.bin").write_bytes(members.tobytes())
        (directory / "weights.bin").write_bytes(weights.tobytes())
    return directory


def test_aggregates_keep_the_order_of_members_and_the_last_weight(aggregates):
    found = opened(aggregates).aggregates()
    assert found.aggregate_id.tolist() == [100, 101]
    assert found.offsets.tolist() == [0, 2, 4]
    assert found.member.tolist() == [3, 2, 7, 2]
    assert found.weight_areaperil.tolist() == [1, 5, 5]
    assert found.weight_vulnerability.tolist() == [7, 2, 3]
    assert found.weight.tolist() == [1, 0.25, 0.75]
    assert not [f for f in check(aggregates, ModelChoice()) if f.severity is Severity.ERROR]


@pytest.mark.parametrize("wide", [False, True])
def test_aggregates_come_back(wide, directory, random):
    pairs = np.unique(random.integers(1, 50, (24, 2)), axis=0)[:18]  # 18 rows are whole at either width
    wanted = AggregateVulnerability(
        aggregate_id=np.array([20, 30], dtype=np.int32),
        offsets=np.array([0, 1, 3]),
        member=np.array([7, 3, 2], dtype=np.int32),
        weight_areaperil=pairs[:, 0].astype(np.uint64),
        weight_vulnerability=pairs[:, 1].astype(np.int32),
        weight=random.random(18).astype(np.float32),
    )
    write.write_aggregates(directory, wanted, wide)
    found = opened(directory).aggregates()
    for field in wanted.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, field), getattr(wanted, field))


def test_aggregates_without_weights_are_refused(aggregates):
    for name in ("weights.bin", "weights.csv"):
        (aggregates / name).unlink(missing_ok=True)
    with pytest.raises(InvalidInput, match=r"weights\.bin: is missing: the weights of aggregate_vulnerability\."):
        opened(aggregates).aggregates()


def test_negative_weights_and_unknown_members_are_refused(directory):
    write_tables.write_csv(
        directory / "aggregate_vulnerability.csv", np.array([(100, 3), (100, 4)], tables.AGGREGATE_VULNERABILITY)
    )
    (directory / "weights.csv").write_text("areaperil_id,vulnerability_id,weight\n1,3,0.5\n1,4,-0.5\n")
    with pytest.raises(InvalidInput, match=r"weights\.csv row 3: weight must not be negative, got -0.5"):
        opened(directory).aggregates()
    (directory / "weights.csv").write_text("areaperil_id,vulnerability_id,weight\n1,3,0.5\n1,4,0.5\n")
    errors = [str(f) for f in check(directory, ModelChoice()) if f.severity is Severity.ERROR]
    assert errors == [
        "aggregate_vulnerability: vulnerability_id must be a function of vulnerability.bin (1 are not), got 4. "
        "Add the function, or correct the aggregate"
    ]


@pytest.mark.parametrize("listed", [False, True])
def test_conditional_vulnerabilities_come_back(listed, directory):
    probability = np.zeros((2, 5, 5), dtype=np.float32)
    probability[0] = np.eye(5)
    probability[1, :, 1] = probability[1, :, 4] = 0.5
    wanted = ConditionalVulnerability(np.array([21, 25], dtype=np.int32), probability)
    given = probability.copy()
    given[0, 2] = 0  # not listed: no damage
    if listed:
        rows = write._dense_rows(wanted.vulnerability_id, given, tables.CONDITIONAL_VULNERABILITY)
        write_tables.write_csv(directory / "conditional_vulnerability.csv", rows)
    else:
        written = ConditionalVulnerability(wanted.vulnerability_id, given)
        write.write_conditional_vulnerability(directory / "conditional_vulnerability.bin", written)
    found = opened(directory).conditional_vulnerability()
    probability[0, 2] = [1, 0, 0, 0, 0]
    assert found.vulnerability_id.tolist() == [21, 25]
    np.testing.assert_array_equal(found.probability, probability)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,6,1,1.0", r"row 2: source_damage_bin must be in 1..5 \(damage_bin_dict\), got 6"),
        ("1,1,0,1.0", r"row 2: damage_bin must be in 1..5 \(damage_bin_dict\), got 0"),
        ("1,1,1,0.7", "probability must sum to 1"),
        ("1,1,1,0.5\n1,1,1,0.5", "must be listed once"),
    ],
)
def test_impossible_conditional_vulnerabilities_are_refused(rows, message, directory):
    header = "vulnerability_id,source_damage_bin,damage_bin,probability\n"
    (directory / "conditional_vulnerability.csv").write_text(header + rows + "\n")
    with pytest.raises(InvalidInput, match=message):
        opened(directory).conditional_vulnerability()


def test_undefined_source_bins_need_a_bin_without_damage(directory, overwrite):
    overwrite(directory / "damage_bin_dict.bin", tables.DAMAGE_BIN, 0, 0, "bin_to", 0.01)
    header = "vulnerability_id,source_damage_bin,damage_bin,probability\n"
    (directory / "conditional_vulnerability.csv").write_text(header + "1,1,1,1.0\n")
    with pytest.raises(InvalidInput, match=r"source_damage_bin must all have rows in vulnerability 1, .* got 2"):
        opened(directory).conditional_vulnerability()


@pytest.mark.parametrize("listed", [False, True])
def test_loss_factors_come_back(listed, directory):
    wanted = LossFactors(
        np.array([1, 1, 4], dtype=np.int32), np.array([2, 9, 2], dtype=np.int32), np.array([1.5, 0.9, 2], np.float32)
    )
    if listed:
        (directory / "lossfactors_high.csv").write_text("event_id,amplification_id,factor\n4,2,2\n1,9,0.9\n1,2,1.5\n")
    else:
        write.write_loss_factors(directory / "lossfactors_high.bin", wanted)
    found = opened(directory, pla_loss_factors_set="High").loss_factors()
    for field in wanted.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, field), getattr(wanted, field))
    with pytest.raises(InvalidInput, match=r"lossfactors_low\.bin.*choose another pla_loss_factors_set"):
        opened(directory, pla_loss_factors_set="low").loss_factors()


def test_impossible_loss_factors_are_refused(directory):
    path = directory / "lossfactors.bin"
    factors = LossFactors(np.array([1, 4]), np.array([2, 2]), np.array([1.5, -1], np.float32))
    write.write_loss_factors(path, factors)
    with pytest.raises(InvalidInput, match=r"lossfactors\.bin row 3: factor must not be negative, got -1.0"):
        opened(directory).loss_factors()
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(
        InvalidInput, match="count must be the number of factors that follow event 4: the file is trunc"
    ):
        opened(directory).loss_factors()
    write.write_loss_factors(path, LossFactors(np.array([1, 1]), np.array([2, 2]), np.array([1, 1], np.float32)))
    with pytest.raises(InvalidInput, match="row 3: amplification_id must be listed once, got 2"):
        opened(directory).loss_factors()


def test_peril_codes_are_those_of_the_standard():
    assert peril_code("wtc") == ord("W") + (ord("T") << 8) + (ord("C") << 16)
