"""Compartment diagrams: what is read from the equations, and that words never cover each other."""

import itertools

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import workbench as wb
from workbench.models.structural import structures
from workbench.plots import DARK, compartment_diagram
from workbench.plots._flows import Dose, Flow, read
from workbench.plots._places import places

PK = [
    {"compartments": n, "absorption": absorption, **more}
    for n in (1, 2, 3)
    for absorption in (None, "first_order", "zero_order", "mixed", "transit")
    for more in (
        {"lag": True},
        {"elimination": "parallel", "parametrisation": "rates"},
        {"response": "sigmoid_emax", "effect_compartment": True},
        {"response": "indirect_4"},
        {"response": "precursor", "elimination": "michaelis_menten"},
        {"tmdd": "full", "lag": True},
        {"tmdd": "qss", "parametrisation": "rates"},
        {"tmdd": "mm", "response": "emax"},
    )
]
BOUND = [
    {"compartments": n, "absorption": absorption, "tmdd": tmdd, **more}
    for n in (1, 2, 3)
    for absorption in (None, "transit")
    for tmdd in ("full", "qss")
    for more in ({}, {"response": "indirect_1"}, {"response": "emax", "effect_compartment": True})
]
OWN = {
    "a chain of six": "\n".join(
        ["d/dt(x1) = -k*x1", *(f"d/dt(x{i}) = k*x{i - 1} - k*x{i}" for i in range(2, 7))]
    ),
    "a long name": "d/dt(a_very_long_name_of_a_state) = -k*a_very_long_name_of_a_state\n"
    "x6 = a_very_long_name_of_a_state/v",
    "assigned again": "r = k\nif (t > 5) { r = r*2 }\nd/dt(x6) = -r*x6",
    "many definitions": "r0 = k\n"
    + "".join(f"r{i} = r{i - 1} + r{i - 1}\n" for i in range(1, 400))
    + "d/dt(x6) = -r399*x6",
    "many terms": "\n".join(
        f"d/dt(x{i}) = {' + '.join(f'k*x{j}' for j in range(30))} - x{i}*"
        f"({' + '.join(f'k*x{j}' for j in range(30))})"
        for i in range(30)
    ),
    "no states": "x6 = a*exp(-k*t)",
    "a circle": "d/dt(x6) = k*(b - x6)\nd/dt(b) = k*(d - b)\nd/dt(d) = k*(x6 - d)",
    "no relation": "d/dt(x6) = sin(t)\nd/dt(b) = -x6*b\nd/dt(d) = x6 + b",
    "a branch": "if (t > 5) { r = k } else { r = 2*k }\nd/dt(x6) = -r*x6",
}


def texts_of(ax):
    return [text for text in ax.texts if text.get_text()]


def assert_readable(figure):
    """No two words cover each other, and none leaves the picture."""
    figure.canvas.draw()
    (ax,) = figure.axes
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(ax)]
    for (a, first), (b, second) in itertools.combinations(boxes, 2):
        assert not first.overlaps(second), (a, b)
    for words, box in boxes:
        assert figure.bbox.x0 - 1 <= box.x0, words
        assert box.x1 <= figure.bbox.x1 + 1, words
        assert figure.bbox.y0 - 1 <= box.y0, words
        assert box.y1 <= figure.bbox.y1 + 1, words


@pytest.mark.parametrize("name", structures.names())
def test_every_library_model_draws_and_can_be_read(name):
    figure = compartment_diagram(structures.get(name))
    assert isinstance(figure, Figure)
    assert_readable(figure)


@pytest.mark.parametrize("options", PK, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_options_draw_and_can_be_read(options):
    assert_readable(compartment_diagram(wb.pk(**options), theme="dark"))


@pytest.mark.parametrize("options", BOUND, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_no_arrow_runs_over_a_box(options):
    reading = read(wb.pk(**options))
    cells = places(reading)
    for flow in reading.flows:
        if flow.source and flow.target:
            (x, y), end = cells[flow.source], cells[flow.target]
            dx, dy = end[0] - x, end[1] - y
            for name in cells.keys() - {flow.source, flow.target}:
                u, v = cells[name][0] - x, cells[name][1] - y
                beside = abs(u * dy - v * dx) / max(abs(dx), abs(dy))
                between = 0 < u * dx + v * dy < dx * dx + dy * dy
                assert not between or beside > 0.3, (flow, name)


def test_binding_is_read():
    """The drug and the target form a complex, which gives both back or is lost."""
    reading = read(wb.pk(tmdd="full"))
    assert {
        Flow("central", "complex", r"V\,k_{on}"),
        Flow("target", "complex", "k_{on}"),
        Flow("complex", "target", "k_{off}"),
        Flow("complex", "", "k_{int}"),
        Flow("", "target", "k_{syn}"),
        Flow("target", "", "k_{deg}"),
    } <= set(reading.flows)
    assert reading.observed["central"] == ("c",)
    assert reading.others == ("ctot",)


def test_free_drug_in_balance_depends_on_drug_and_target():
    reading = read(wb.pk(tmdd="qe"))
    assert reading.observed == {"central": ("ctot",), "rtot": ("rtot",)}
    assert reading.responses == ("c",)
    drivers = {flow.source for flow in reading.flows if flow.target == "c"}
    assert drivers == {"central", "rtot"}


@pytest.mark.parametrize("text", OWN.values(), ids=OWN)
def test_equations_draw_and_can_be_read(text):
    assert_readable(compartment_diagram(wb.equations(text, ["x6"])))


def test_every_name_of_a_state_is_there():
    figure = compartment_diagram(structures.get("tmdd_full"))
    words = {text.get_text() for text in texts_of(figure.axes[0])}
    assert {"central", "peripheral", "target", "complex"} <= words


def test_draws_on_axes_that_it_is_given():
    ax = Figure(figsize=(5, 3)).subplots()
    assert isinstance(compartment_diagram(wb.pk(), ax, theme=DARK), Axes)
    assert compartment_diagram(wb.pk(), ax) is ax
    assert ax.patches


def test_two_compartments_are_read():
    reading = read(wb.pk(compartments=2, absorption="first_order", lag=True, bioavailability=True))
    assert set(reading.flows) == {
        Flow("depot", "central", "k_a"),
        Flow("central", "peripheral", "Q"),
        Flow("peripheral", "central", "Q / V_2"),
        Flow("central", "", "CL"),
    }
    assert reading.doses == (Dose("depot", ("T_{lag}", "F")),)
    assert reading.observed == {"central": ("c",)}


def test_an_effect_compartment_takes_nothing_from_the_central_one():
    reading = read(wb.pk(response="emax", effect_compartment=True))
    assert Flow("central", "ce", "k_{e0}", acts=True) in reading.flows
    assert Flow("ce", "", "k_{e0}") in reading.flows
    assert reading.responses == ("e",)


def test_an_indirect_response_is_produced_and_lost():
    reading = read(wb.pk(response="indirect_1"))
    assert Flow("", "e", "k_{in}") in reading.flows
    assert Flow("e", "", "k_{out}") in reading.flows
    assert Flow("central", "e", r"I_{max},\, IC_{50}", acts=True) in reading.flows


def test_a_part_of_what_leaves_may_enter():
    reading = read(structures.get("parent_metabolite"))
    assert Flow("parent", "metabolite", "CL") in reading.flows
    assert Flow("metabolite", "", "CL_m") in reading.flows


def test_mixed_and_transit_absorption_are_marked():
    first, second = read(wb.pk(absorption="mixed")).doses
    assert (first.state, second.state) == ("depot", "central")
    assert second.zero_order
    (dose,) = read(wb.pk(absorption="transit")).doses
    assert dose.transit
    assert set(dose.marks) == {"n", "MTT"}


def test_dosing_of_own_equations_is_marked():
    text = "d/dt(x) = -k*x\nlag(x) = tlag\nf(x) = fmax/2"
    (dose,) = read(wb.equations(text, ["x"])).doses
    assert dose.marks == ("t_{lag}", "F")
