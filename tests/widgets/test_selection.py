"""One selection for every view."""

import numpy as np


def hits(figure):
    return np.frombuffer(figure.hits, "f4").reshape(-1, 3)


def test_a_click_in_one_view_selects_the_subject_everywhere(fitted):
    subject = fitted.state.dataset.subjects[6]
    fitted.figures[0].selected = 6  # what figure.js sends
    assert fitted.state.selected == subject
    assert {view.selected for view in fitted.views} == {6}


def test_clearing_the_selection_clears_it_everywhere(fitted):
    fitted.figures[0].selected = 6
    fitted.figures[2].selected = -1
    assert fitted.state.selected is None
    assert {view.selected for view in fitted.views} == {-1}


def test_a_selection_redraws_only_the_individual_view(fitted):
    before = [figure.renders for figure in fitted.figures]
    pictures = [figure.png for figure in fitted.figures]
    fitted.figures[0].selected = 4
    assert [figure.renders for figure in fitted.figures] == before
    changed = [
        figure
        for figure, picture in zip(fitted.figures, pictures, strict=True)
        if figure.png != picture
    ]
    assert [figure.dynamic for figure in changed] == [True]
    assert set(hits(changed[0])[:, 2]) == {4}


def test_every_linked_view_can_mark_the_selected_subject(fitted):
    shown = [f for f in fitted.figures if f.renders]  # those of the open tab
    assert len(shown) >= 4
    fitted.session.select(fitted.state.dataset.subjects[4])
    for figure in shown:
        assert (hits(figure)[:, 2] == 4).any(), figure.alt


def test_hit_points_lie_inside_the_picture(fitted):
    for figure in fitted.figures:
        xy = hits(figure)[:, :2]
        assert ((xy >= 0) & (xy <= 1)).all(), figure.alt
        assert len(figure.tips) == len(xy)


def test_subjects_may_have_any_label(opened):
    import pandas as pd

    import workbench as wb

    frame = pd.DataFrame(
        {
            "ID": ["B-7"] * 4 + ["A 12"] * 4,
            "TIME": [0, 1, 2, 4] * 2,
            "AMT": [100, 0, 0, 0] * 2,
            "DV": [0, 5, 4, 2, 0, 6, 4, 3],
            "EVID": [1, 0, 0, 0] * 2,
        }
    )
    opened.session.set_dataset(wb.read_dataset(frame, name="labels"))
    opened.lay_out()
    assert opened.figures[0].labels == ["B-7", "A 12"]
    opened.figures[0].selected = 1
    assert opened.state.selected == "A 12"


def test_the_table_of_subjects_takes_part(fitted):
    table = next(view for view in fitted.views if not hasattr(view, "png"))
    assert len(table.rows) == 12
    table.selected = 2
    assert fitted.state.selected == fitted.state.dataset.subjects[2]


def listen(fitted):
    """Collect what the views send to the browser from now on."""
    messages = []
    for view in fitted.views:
        view._send = lambda message, **_buffers: messages.append(message)
    return messages


def test_a_selection_by_a_call_is_sent_to_every_view(fitted):
    messages = listen(fitted)
    fitted.session.select(fitted.state.dataset.subjects[3])
    told = [m for m in messages if "selected" in m.get("state", {})]
    assert len(told) == len(fitted.views)


def test_a_selection_from_the_browser_is_not_sent_back_to_it(fitted):
    # Found in Chromium: five quick presses of an arrow key ended at the second subject, for the
    # kernel's answers to the first ones took the browser back.
    messages = listen(fitted)
    for code in range(5):
        fitted.figures[0].set_state({"selected": code})  # what arrives from the browser
    told = [m for m in messages if m.get("method") == "update" and "selected" in m["state"]]
    assert fitted.state.selected == fitted.state.dataset.subjects[4]
    assert told == []
