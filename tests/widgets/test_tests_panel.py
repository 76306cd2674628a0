"""The tab of tests: empty before a fit, made in the background, coloured, and never in the way."""

import pytest

from workbench.widgets import fit_tests
from workbench.widgets.panels import residual_tests
from workbench.widgets.panels._p_values import PValue, p_class, p_table, p_words

NAME = "residual_tests"


def view(opened):
    return opened.page.views[NAME].widget


def words(opened):
    return view(opened).children[1].children[0].children[1].value


def chooser(opened):
    return view(opened).children[1].children[0].children[0].children[1]


def test_there_is_nothing_before_a_fit(opened):
    opened.session.open_tab(NAME)
    assert view(opened).selected_index == 0
    assert opened.state.tests is None


def test_tests_are_made_when_the_tab_is_opened(fitted):
    assert fitted.state.tests is None
    fitted.session.open_tab(NAME)
    fitted.session.join_tests(30)
    assert view(fitted).selected_index == 1
    found = fitted.state.tests
    assert found.ready
    assert found.fit is fitted.state.fit
    assert found.complaints == {}
    for part in (
        "NPDE",
        "Shapiro–Wilk",
        "η ka",
        "WT (continuous)",
        "no covariate effects",
        "1000 replicates",
    ):
        assert part in words(fitted)


def test_they_are_made_once_for_a_fit_and_anew_for_the_next(fitted):
    fitted.session.open_tab(NAME)
    fitted.session.join_tests(30)
    first = fitted.state.tests
    fitted.session.open_tab("results")
    fitted.session.open_tab(NAME)
    assert fitted.state.tests is first
    fitted.fit()
    fitted.session.join_tests(30)
    assert fitted.state.tests is not first
    assert fitted.state.tests.fit is fitted.state.fit


def test_draws_may_be_chosen(fitted):
    fitted.session.open_tab(NAME)
    fitted.session.join_tests(30)
    chooser(fitted).value = True
    fitted.session.join_tests(60)
    assert fitted.state.tests.draws == 20
    assert "20 conditional draws of each subject" in words(fitted)
    assert (fitted.state.tests.tables["eta_tests"]["draws"] == 20).all()
    fitted.session.run_tests(0)
    fitted.session.join_tests(30)
    assert chooser(fitted).value is False


def test_many_subjects_have_fewer_draws():
    assert [fit_tests.draws_for(n) for n in (1, 200, 1000, 100_000)] == [20, 20, 4, 2]


def test_what_belongs_to_an_older_request_is_dropped(fitted):
    asked = fit_tests.FitTests(fitted.state.fit, 0)
    fitted.state.tests = newer = fit_tests.FitTests(fitted.state.fit, 20)
    fitted.session._keep_tests(asked, fit_tests.make_tests(fitted.state.fit, 0))
    assert fitted.state.tests is newer


def test_a_table_that_fails_takes_no_other_with_it(fitted, monkeypatch):
    own = fit_tests.table

    def broken(name, fit, **options):
        if name == "eta_tests":
            raise ValueError("no <etas>")
        return own(name, fit, **options)

    monkeypatch.setattr(fit_tests, "table", broken)
    fitted.session.open_tab(NAME)
    fitted.session.join_tests(30)
    assert "ValueError: no &lt;etas&gt;" in words(fitted)
    assert "NPDE" in words(fitted)


def test_other_data_drop_the_tests(fitted):
    fitted.session.open_tab(NAME)
    fitted.session.join_tests(30)
    fitted.session.load_dataset("indomethacin")
    assert fitted.state.tests is None
    assert view(fitted).selected_index == 0
    assert words(fitted) == ""


@pytest.mark.parametrize(
    ("p", "name", "text"),
    [
        (0.2, "", "0.200"),
        (0.0499, "wb-p05", "0.050"),
        (0.00999, "wb-p01", "0.010"),
        (0.0005, "wb-p001", "&lt; 0.001"),
        (float("nan"), "", "–"),
    ],
)
def test_p_values_have_a_class_and_words(p, name, text):
    assert p_class(p)[0] == name
    assert p_words(p) == text


def test_names_from_data_are_escaped():
    found = p_table(("<a>", "p"), [["<b>", PValue(0.5, "it's <c>")]], caption="<d>")
    assert not any(f"<{letter}>" in found for letter in "abcd" if letter != "b")
    assert "<b>" not in found
    assert "it&#x27;s" in found


def test_tables_without_rows_are_sentences():
    empty = residual_tests.effects(fit_tests.pd.DataFrame(columns=["other"]))
    assert "no random effects" in empty
