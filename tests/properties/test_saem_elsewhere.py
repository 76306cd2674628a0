"""SAEM that settles in a worse solution is not called converged."""

import workbench as wb


def test_a_flip_flop_in_which_the_chains_stay_is_doubtful():
    """From here the chains of some subjects stay where absorption is the slower process.

    The end is a fixed point whose OFV is 64 above the best one (118.1 by quadrature), and every
    test of SAEM's own path is passed.
    """
    start = wb.Model(
        wb.pk(compartments=1, absorption="first_order"),
        {
            "ka": wb.LogNormal(2.091849, iiv=1.514),
            "cl": wb.LogNormal(1.314554, iiv=0.6554),
            "v": wb.LogNormal(7.341087, iiv=0.3079),
        },
        error=wb.error.Additive(0.7),
    )
    fit = wb.fit(start, wb.load_dataset("theophylline"), method="saem", seed=1)
    assert fit.ofv > 150
    assert fit.verdict == "doubtful"
    assert "chains have settled in a worse solution" in fit.reasons[0]
