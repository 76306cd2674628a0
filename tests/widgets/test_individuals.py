"""The switch between EBEs, means and draws, and the pager of individual fits."""

import ipywidgets as controls
import numpy as np
import pytest

from tests.widgets.conftest import OpenPage
from workbench.errors import OptionError, UnknownNameError
from workbench.widgets.state import Pager
from workbench.widgets.switch import Switch


def children(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from children(child)


def control(opened, panel, tooltip, kind=controls.Widget):
    for widget in children(opened.page.views[panel].widget):
        if isinstance(widget, kind) and getattr(widget, "tooltip", None) == tooltip:
            return widget
    raise LookupError(tooltip)


def figure(opened, panel="individual_fits"):
    return opened.page.views[panel].selectable[0]


def png_of(opened, alt):
    return next(view for view in opened.figures if alt in view.alt).png


@pytest.fixture
def paged(fitted):
    fitted.session.open_tab("individual_fits")
    fitted.session.set_pager(per_page=4)
    return fitted


class TestSwitch:
    def test_a_card_of_random_effects_changes_with_it_and_back(self, fitted):
        modes = png_of(fitted, "random effects")
        fitted.session.set_individual("draws")
        drawn = png_of(fitted, "random effects")
        assert drawn != modes
        fitted.session.set_individual("ebe")
        assert png_of(fitted, "random effects") == modes

    def test_a_card_that_shows_no_subjects_by_it_is_not_drawn_again(self, fitted):
        card = fitted.page.views["trace"].selectable
        fitted.session.open_tab("trace")
        before = [view.renders for view in card if hasattr(view, "renders")]
        fitted.session.set_individual("mean")
        assert [view.renders for view in card if hasattr(view, "renders")] == before

    def test_the_control_and_the_state_follow_each_other(self, fitted):
        choice = next(
            w
            for w in children(fitted.page.views["individual"].widget)
            if isinstance(w, controls.ToggleButtons)
        )
        choice.value = "draws"
        assert fitted.state.individual == "draws"
        fitted.session.set_individual("mean")
        assert choice.value == "mean"

    def test_an_unknown_kind_is_refused(self, fitted):
        with pytest.raises(UnknownNameError, match="Did you mean 'mean'"):
            fitted.session.set_individual("means")

    def test_no_view_fails_by_means_or_draws(self, fitted):
        for kind in ("mean", "draws"):
            fitted.session.set_individual(kind)
            for name in ("diagnostics", "individual_fits", "results"):
                fitted.session.open_tab(name)
            assert not any(view.error for view in fitted.figures)


class TestPager:
    def test_pages_turn_and_stop_at_the_ends(self, paged):
        session, seen = paged.session, []
        for _ in range(4):
            seen.append((paged.state.pager.page, sorted(set(codes(paged)))))
            session.turn_page(1)
        assert seen == [(1, [0, 1, 2, 3]), (2, [4, 5, 6, 7]), (3, [8, 9, 10, 11]), (3, seen[2][1])]
        session.turn_page(-9)
        assert paged.state.pager.page == 1

    def test_the_controls_drive_the_state(self, paged):
        control(paged, "individual_fits", "Next page").click()
        assert paged.state.pager.page == 2
        control(paged, "individual_fits", "Page").value = 3
        assert paged.state.pager.page == 3
        control(paged, "individual_fits", "Subjects on a page").value = 6
        assert paged.state.pager == Pager(page=1, per_page=6)
        control(paged, "individual_fits", "Order of the subjects").value = "cl"
        control(paged, "individual_fits", "Smallest first").click()
        assert paged.state.pager == Pager(1, 6, "cl", descending=True)
        switches = [
            w for w in children(paged.page.views["individual_fits"].widget) if isinstance(w, Switch)
        ]
        for switch in switches:
            switch.value = True
        assert paged.state.pager == Pager(1, 6, "cl", descending=True, band=True, log=True)
        assert not figure(paged).error

    @pytest.mark.parametrize("key", ["cl", "eta_ka", "ofv_per_obs", "rms_iwres", "WT"])
    def test_the_first_page_holds_the_smallest(self, paged, key):
        paged.session.set_pager(sort_by=key)
        fit = paged.state.fit
        iwres = fit.predictions.groupby("ID", sort=False)["IWRES"]
        values = {
            "cl": fit.individual_parameters["cl"].to_numpy(),
            "eta_ka": fit.etas["ka"].to_numpy(),
            "ofv_per_obs": fit.individual_ofv.to_numpy() / 11,
            "rms_iwres": np.sqrt((iwres.apply(lambda x: (x**2).mean())).to_numpy()),
            "WT": fit.data.covariates["WT"].to_numpy(),
        }[key]
        assert set(codes(paged)) == set(np.argsort(values, kind="stable")[:4].tolist())

    def test_the_selected_subject_is_offered_and_gone_to(self, paged):
        jump = next(
            w
            for w in children(paged.page.views["individual_fits"].widget)
            if isinstance(w, controls.Button) and w.description.startswith("→")
        )
        assert jump.layout.display == "none"
        subjects = paged.state.dataset.subjects
        paged.session.select(subjects[9])
        assert jump.layout.display != "none"
        assert str(subjects[9]) in jump.description
        jump.click()
        assert paged.state.pager.page == 3
        assert jump.layout.display == "none"

    def test_other_data_begin_at_the_first_page_in_their_own_order(self, paged):
        paged.session.set_pager(page=2, sort_by="cl", band=True)
        paged.session.load_dataset("phenobarbital")
        assert paged.state.pager == Pager(per_page=4, band=True)

    def test_an_order_that_a_new_fit_does_not_have_is_given_up(self, paged):
        paged.session.set_pager(sort_by="eta_ka")
        paged.session.set_parameter("ka", iiv=0.0)
        paged.fit()
        assert paged.state.pager.sort_by == "ID"
        assert not figure(paged).error

    def test_impossible_pages_are_refused(self, paged):
        with pytest.raises(OptionError, match="at least 1"):
            paged.session.set_pager(per_page=0)
        paged.session.set_pager(page=99)
        assert paged.state.pager.page == 3

    def test_the_pager_needs_no_fit(self):
        opened = OpenPage()
        opened.session.open_tab("individual_fits")
        opened.session.turn_page(1)
        opened.session.show_subject(1)
        assert opened.state.pager.page == 1


def codes(opened):
    """Return the subjects' numbers of the points on view."""
    hits = np.frombuffer(figure(opened).hits, "f4").reshape(-1, 3)
    return hits[:, 2].astype(int).tolist()
