"""The tab of the data: the audit."""

import ipywidgets as controls

import workbench as wb
from tests.widgets.test_panels import children


def test_the_audit_has_one_line_for_equal_findings_and_no_row_zero(opened):
    """It had a line for each record: 49 warnings for 4 subjects."""
    frame = opened.state.dataset.table.drop(columns="ROW")
    frame.loc[frame["ID"].isin([2, 3, 9]), "WT"] = float("nan")
    opened.session.set_dataset(wb.read_dataset(frame, name="gaps").censor(lloq=2.0))
    assert "1 warning: see the Data tab." in opened.state.message.text
    opened.session.open_tab("data_table")
    text = " ".join(
        w.value
        for w in children(opened.page.views["data_table"].widget)
        if isinstance(w, controls.HTML)
    )
    audit = text.split("<h2>Audit</h2>")[1].split("</table>")[0]
    assert audit.count("WT is missing: a model") == 1
    assert "rows 14–37, 98–109 (ID 2, 3, 9)" in audit
    assert "whole data" in audit
    assert ">0<" not in audit
