"""The tables that an analysis gets when nobody asks for anything in particular."""

from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings, OrdOutput, SummaryRequest

STANDARD_RETURN_PERIODS = (1000, 500, 250, 200, 100, 50, 30, 25, 20, 10, 5, 2)


def standard_settings(portfolio: Portfolio, samples: int | None = None) -> AnalysisSettings:
    """Average annual loss, exceedance curves and event moments for every perspective the portfolio allows.

    Insured losses need an account file, reinsured ones a reinsurance programme.
    """
    whole = OrdOutput(
        elt_moment=True,
        plt_moment=True,
        alt_period=True,
        ept_full_uncertainty_aep=True,
        ept_full_uncertainty_oep=True,
        ept_mean_sample_aep=True,
        ept_mean_sample_oep=True,
        return_period_file=True,
    )
    summaries = (SummaryRequest(id=1, ord_output=whole),)
    insured = portfolio.account is not None
    reinsured = insured and portfolio.reinsurance_info is not None
    return AnalysisSettings(
        number_of_samples=samples,
        return_periods=STANDARD_RETURN_PERIODS,
        gul_output=True,
        gul_summaries=summaries,
        il_output=insured,
        il_summaries=summaries if insured else (),
        ri_output=reinsured,
        ri_summaries=summaries if reinsured else (),
    )
