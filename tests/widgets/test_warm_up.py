"""Compiling in the background: the page says so, stays usable, and a fit waits its turn."""

import threading

import pytest

from workbench.widgets import warming
from workbench.widgets.session import Session


@pytest.fixture
def cold(monkeypatch):
    """A session on a machine where nothing is compiled yet; `go` lets the compiler finish."""
    go, started = threading.Event(), threading.Event()

    def warm_up(on_step):
        on_step(1, 4, "something")
        started.set()
        assert go.wait(30)
        return 0.1

    monkeypatch.setattr(warming, "is_warm", lambda: False)
    monkeypatch.setattr(warming, "warm_up", warm_up)
    session = Session()
    session.load_dataset("theophylline")
    session.warm_up()
    assert started.wait(30)
    yield session, go
    go.set()


def settle(session):
    assert session._ready.wait(30)
    session.runner.join(60)


def test_the_page_says_that_it_is_warming_up_and_stays_usable(cold):
    session, go = cold
    assert session.state.status == "warming"
    assert session.state.progress == 0.25
    session.set_error("combined2")
    assert session.state.model.error.model == "combined2"
    go.set()
    settle(session)
    assert session.state.status == "idle"


def test_a_fit_asked_for_meanwhile_starts_afterwards(cold):
    session, go = cold
    session.fit()
    assert session.state.status == "warming"
    assert session.state.fit is None
    go.set()
    wait = threading.Event()
    for _ in range(600):
        if session.state.status == "done":
            break
        wait.wait(0.05)
    assert session.state.status == "done"
    assert session.state.fit.ofv == pytest.approx(116.803, abs=0.005)


def test_a_failure_to_compile_is_said_and_the_page_stays(cold, monkeypatch):
    session, go = cold
    go.set()
    settle(session)

    def fails(on_step):
        raise OSError("the disk is full")

    monkeypatch.setattr(warming, "warm_up", fails)
    session.warm_up()
    settle(session)
    for _ in range(100):
        if session.state.status != "warming":
            break
        threading.Event().wait(0.05)
    assert session.state.status == "idle"
    assert "the disk is full" in session.state.message.text
    assert session.state.message.level == "warning"


def test_a_warm_session_rehearses_without_a_word(monkeypatch):
    monkeypatch.setattr(warming, "is_warm", lambda: True)
    session = Session()
    session.load_dataset("theophylline")
    before = session.state.message
    session.warm_up()
    assert session.state.status == "idle"
    assert session._ready.wait(120)
    assert session.state.message is before
