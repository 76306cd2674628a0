"""The worker thread: progress, cancel, abandonment, errors."""

import threading
from types import SimpleNamespace

import pytest

from workbench.errors import ModelError
from workbench.estimation import CancelToken, Progress
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.runner import FitRunner
from workbench.widgets.state import WorkbenchState

RESULT = SimpleNamespace(verdict="converged", seconds=0.1)


def report(iteration):
    return Progress(iteration, 10, 100.0 - iteration, 100.0 - iteration, {})


def run(fit, state=None):
    state = state or WorkbenchState()
    runner = FitRunner(state, fit, CancelToken, MainLoop())
    runner.start()
    return state, runner


def test_progress_reaches_the_state_in_order():
    def fit(_model, _data, *, on_iteration, **_):
        for iteration in range(1, 11):
            on_iteration(report(iteration))
        return RESULT

    state, runner = run(fit)
    runner.join(10)
    assert [r.iteration for r in state.trace] == list(range(1, 11))
    assert (state.status, state.progress, state.fit) == ("done", 1.0, RESULT)


def test_cancel_keeps_the_best_so_far():
    going = threading.Event()

    def fit(_model, _data, *, on_iteration, cancel, **_):
        on_iteration(report(1))
        going.set()
        while not cancel.is_set():
            pass
        return RESULT

    state, runner = run(fit)
    assert going.wait(10)
    runner.cancel()
    runner.join(10)
    assert state.status == "cancelled"
    assert state.fit is RESULT
    assert state.message.level == "warning"


def test_an_abandoned_fit_writes_nothing():
    release = threading.Event()

    def fit(_model, _data, *, on_iteration, **_):
        release.wait(10)
        on_iteration(report(5))
        return RESULT

    state, runner = run(fit)
    runner.abandon()
    release.set()
    runner.join(10)
    assert (state.fit, state.trace, state.status) == (None, (), "cancelled")


def test_a_second_start_while_one_runs_does_nothing():
    release, calls = threading.Event(), []

    def fit(*_args, **_kwargs):
        calls.append(1)
        release.wait(10)
        return RESULT

    _state, runner = run(fit)
    runner.start()
    release.set()
    runner.join(10)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("error", "has_log"),
    [(ModelError("AMT of ID 3 goes into compartment 7."), False), (ZeroDivisionError("x"), True)],
)
def test_errors_become_messages(error, has_log):
    def fit(*_args, **_kwargs):
        raise error

    state, runner = run(fit)
    runner.join(10)
    assert state.status == "failed"
    assert state.message.level == "error"
    assert str(error) in state.message.text
    assert bool(state.message.log) is has_log
    if not has_log:  # our own words are shown as they are
        assert state.message.text == str(error)


def test_reports_are_throttled():
    delivered = []

    class Counting(MainLoop):
        def __call__(self, function, *args, **kwargs):
            delivered.append(function.__name__)
            super().__call__(function, *args, **kwargs)

    def fit(_model, _data, *, on_iteration, **_):
        for iteration in range(1000):
            on_iteration(report(iteration))
        return RESULT

    state = WorkbenchState()
    runner = FitRunner(state, fit, CancelToken, Counting())
    runner.start()
    runner.join(10)
    assert delivered.count("_progress") < 10
    assert len(state.trace) == 1000  # delivered in bundles, none lost
