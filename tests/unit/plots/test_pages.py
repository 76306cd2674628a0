"""Subjects in order, in pages; and the pictures that show them."""

import numpy as np
import pytest

import workbench.plots as wp
from tests.standins import stand_in
from workbench.diagnostics import table
from workbench.errors import OptionError, UnknownNameError


@pytest.fixture(scope="module")
def fit():
    return stand_in()


def names(figure):
    words = [text.get_text() for text in figure.axes[0].texts]
    return [word.split(" · ")[0] for word in words if word.startswith("ID ")]


def test_pages_cut_an_order(fit):
    pages = wp.pages(table("subjects", fit), 5)
    assert len(pages) == 3
    assert pages.page(1) == [1, 2, 3, 4, 5]
    assert pages.page(3) == [11, 12]
    assert [pages.page_of(label) for label in (1, 6, 12, "nobody")] == [1, 2, 3, 1]
    assert pages.title(3) == "Individual fits · subjects 11 to 12 of 12"


@pytest.mark.parametrize("descending", [False, True])
def test_subjects_come_in_order_and_missing_ones_last(fit, descending):
    known = table("subjects", fit)
    known.loc[(known["quantity"] == "WT") & (known["ID"] == 4), "value"] = np.nan
    pages = wp.pages(known, 100, sort_by="WT", descending=descending)
    weights = known[known["quantity"] == "WT"].set_index("ID")["value"]
    ordered = weights[list(pages.labels)]
    assert pages.labels[-1] == 4
    sign = -1 if descending else 1
    assert (np.diff(sign * ordered.iloc[:-1]) >= 0).all()
    assert 4 not in pages.notes


def test_notes_say_what_the_order_goes_by(fit):
    known = table("subjects", fit)
    assert wp.pages(known, 12, sort_by="eta_cl").notes[1].startswith("η cl ")
    assert wp.pages(known, 12, sort_by="SEX").notes[1] == "SEX F"
    assert wp.pages(known, 12).notes == {}


def test_what_there_is_not_is_refused(fit):
    known = table("subjects", fit)
    with pytest.raises(UnknownNameError, match="Did you mean 'cl'"):
        wp.pages(known, 12, sort_by="CL")
    with pytest.raises(OptionError, match="at least 1"):
        wp.pages(known, 0)
    with pytest.raises(OptionError, match="pages are 1 to 3"):
        wp.individual_fits(fit, page=4, per_page=5)


def test_a_page_in_order_is_drawn_in_order(fit):
    figure = wp.individual_fits(fit, per_page=4, page=2, sort_by="cl", descending=True)
    expected = wp.pages(table("subjects", fit), 4, sort_by="cl", descending=True).page(2)
    assert names(figure) == [f"ID {label}" for label in expected]


def test_only_the_subjects_of_the_page_are_computed():
    fit, asked = stand_in(labels=tuple(range(2000)), times=[1.0, 2.0, 4.0]), []
    curves = fit.curves
    fit.curves = lambda **options: asked.append(options["subjects"]) or curves(**options)
    wp.individual_fits(fit, page=40, per_page=12, sort_by="cl", selected=1500)
    (subjects,) = asked
    assert len(subjects) == 12


def test_the_legend_says_what_the_band_holds(fit):
    def words(**options):
        ax = wp.individual_fits(fit, per_page=4, **options).axes[0]
        return " ".join(text.get_text() for text in ax.get_legend().get_texts())

    assert "90 % of new DV: residual error" in words(band=True)
    assert "η" not in words(band=True)
    assert "80 % of new DV: residual error and draws of η" in words(band=0.8, individual="draws")
    assert "new DV" not in words()
    assert {"censored", "LLOQ"} <= set(words().split())


def test_the_logarithmic_scale_says_what_it_hides_and_keeps_the_rest(fit):
    bare = stand_in()
    bare.predictions.loc[[0, 4], "DV"] = [0.0, -1.0]
    figure = wp.individual_fits(bare, per_page=4, log=True)
    assert "2 at or below 0 not shown" in figure.axes[0].get_title(loc="left")


def test_a_covariate_can_be_chosen(fit):
    figure = wp.show("eta_covariates", fit, covariate="SEX")
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"SEX", "F", "M"} <= words
    assert "WT" not in words
    with pytest.raises(OptionError, match="The data have: SEX, WT"):
        wp.show("eta_covariates", fit, covariate="HT")


def test_constant_covariates_are_named(fit):
    figure = wp.show("eta_covariates", fit, size=(900, 500))
    assert "SITE is 1 for all" in figure.axes[0].get_title(loc="right")
    only = wp.show("eta_covariates", fit, covariate="SITE")
    assert any("SITE is 1 for all" in t.get_text().replace("\n", " ") for t in only.axes[0].texts)


@pytest.mark.parametrize("kind", ["ebe", "mean", "draws"])
def test_labels_say_what_stands_for_a_subject(fit, kind):
    word = {"ebe": "EBEs", "mean": "conditional means", "draws": "draws"}[kind]
    figure = wp.show("eta_matrix", fit, individual=kind)
    assert any(word in text.get_text() for text in figure.axes[0].texts)
    axis = {"ebe": "η cl", "mean": "η cl (mean)", "draws": "η cl (draws)"}[kind]
    assert axis in {text.get_text() for text in wp.etas(fit, individual=kind).axes[0].texts}
