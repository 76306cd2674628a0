"""Files that people upload: each ends in data or in a sentence beside the button."""

import datetime

import ipywidgets as controls
import pytest

GOOD = (
    b"ID,TIME,DV,AMT,EVID\n1,0,0,100,1\n1,1,5,0,0\n1,2,4,0,0\n2,0,0,100,1\n2,1,6,0,0\n2,3,3,0,0\n"
)


def upload(opened, content, name="trial.csv"):
    """Do what the browser does when a file is chosen."""
    control = next(
        widget
        for widget in walk(opened.page.views["dataset"].widget)
        if isinstance(widget, controls.FileUpload)
    )
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    file = {"name": name, "type": "", "size": len(content), "content": content}
    control.value = ({**file, "last_modified": when},)


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def problem(opened):
    return " ".join(
        widget.value
        for widget in walk(opened.page.views["dataset"].widget)
        if isinstance(widget, controls.HTML) and "data-upload-error" in widget.value
    )


def mapping_box(opened):
    return next(
        widget
        for widget in walk(opened.page.views["dataset"].widget)
        if "wb-mapping" in getattr(widget, "_dom_classes", ())
    )


def test_a_good_file_becomes_the_dataset(opened):
    upload(opened, GOOD)
    assert opened.state.dataset.name == "trial.csv"
    assert (opened.state.dataset.n_sub, opened.state.dataset.n_obs) == (2, 4)
    assert problem(opened) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 something", "Excel"),
        (GOOD.replace(b"5,0,0", b"five,0,0"), "DV"),
        (b"ID,TIME,DV,AMT\n", "no data rows"),
        (GOOD.replace(b"EVID\n", b"DV\n"), "more than once"),
        (GOOD.replace(b"DV", b"<script>"), "DV"),
    ],
)
def test_a_bad_file_is_explained_and_the_data_stay(opened, content, words):
    before = opened.state.dataset
    upload(opened, content)
    assert words in problem(opened)
    assert "<script>" not in problem(opened)
    assert opened.state.dataset is before
    assert opened.state.message.level == "error"


def test_columns_can_be_mapped_when_they_cannot_be_told(opened):
    odd = GOOD.replace(b"ID,TIME,DV", b"WHO,WHEN,WHAT")
    upload(opened, odd)
    assert problem(opened)
    box = mapping_box(opened)
    assert box.layout.display == "grid"
    pickers = {w.tooltip.split()[-1]: w for w in walk(box) if isinstance(w, controls.Dropdown)}
    for column, name in (("ID", "WHO"), ("TIME", "WHEN"), ("DV", "WHAT")):
        pickers[column].value = name
    next(w for w in walk(box) if isinstance(w, controls.Button)).click()
    assert problem(opened) == ""
    assert opened.state.dataset.n_obs == 4
    assert box.layout.display == "none"
    assert "columns={" in opened.session.python()


def test_the_same_file_can_be_chosen_again_after_it_was_corrected(opened):
    upload(opened, b"")
    upload(opened, GOOD)
    assert opened.state.dataset.name == "trial.csv"


def test_data_that_the_model_cannot_use_fail_in_words(opened):
    upload(opened, GOOD.replace(b"EVID", b"CMT").replace(b"100,1", b"100,7"))
    opened.fit()
    assert opened.state.status == "failed"
    assert opened.state.message.level == "error"
    assert "7" in opened.state.message.text
    assert opened.state.message.log == ""


LIMITED = (
    b"ID,TIME,DV,AMT,EVID,CENS\n1,0,0,100,1,0\n1,1,5,0,0,0\n1,2,1,0,0,1\n2,0,0,100,1,0\n"
    b"2,1,6,0,0,0\n2,3,1,0,0,1\n"
)


def blq_choice(opened):
    return next(
        widget
        for widget in walk(opened.page.views["dataset"].widget)
        if isinstance(widget, controls.Dropdown) and "below the limit" in str(widget.tooltip)
    )


def box_of(opened, control):
    return next(
        widget
        for widget in walk(opened.page.views["dataset"].widget)
        if control in getattr(widget, "children", ())
    )


def test_values_below_a_limit_have_a_choice_of_method(opened):
    upload(opened, GOOD)
    control = blq_choice(opened)
    assert box_of(opened, control).layout.display == "none"
    upload(opened, LIMITED)
    assert box_of(opened, control).layout.display == ""
    assert control.value == "M3"
    words = " ".join(
        w.value for w in walk(opened.page.views["dataset"].widget) if isinstance(w, controls.HTML)
    )
    assert "2 below the limit of quantification" in words
    control.value = "M1"
    assert (opened.state.dataset.blq, opened.state.dataset.n_obs) == ("M1", 2)
    assert opened.state.message.text.startswith("M1: 2 values below the limit")
    control.value = "M5"
    assert opened.state.dataset.n_obs == 4
    assert opened.state.dataset.python().count("with_blq") == 1


def test_a_method_that_the_data_refuse_leaves_everything_as_it_was(opened):
    upload(opened, LIMITED.replace(b"1,1,5,0,0,0", b"1,1,-5,0,0,0"))
    control = blq_choice(opened)
    control.value = "M4"
    assert opened.state.message.level == "error"
    assert "cannot be conditional" in opened.state.message.text
    assert (control.value, opened.state.dataset.blq) == ("M3", "M3")
