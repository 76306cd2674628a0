"""Measure the speed budgets and print one table: `python -m benchmarks.run [SECTION ...]`.

Times are the best of several runs (of one for the slow ones); budgets are for two cores.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version

from benchmarks.measure import Row

FILES = ("estimation", "odes", "predictive", "startup", "page", "fresh")


def environment() -> str:
    """Say on what the numbers were measured."""
    packages = ("numpy", "scipy", "numba", "pandas", "matplotlib", "ipykernel", "voila")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}, "
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in packages)
    )


def amount(value: float, unit: str) -> str:
    """Write a quantity with three figures."""
    if unit == "s" and value < 1e-3:
        return f"{1e6 * value:.3g} µs"
    if unit == "s":
        return f"{1e3 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:.3g} {unit}"


def line(row: Row) -> str:
    """Write one row of the table."""
    budget = "–" if row.budget is None else amount(row.budget, row.unit)
    used = f"{row.measured / row.budget:.2f}" if row.budget else "–"
    mark = " " if row.budget is None else "✓" if row.kept else "✗"
    cpu = amount(row.cost.cpu, "s") if row.cost else "–"
    return (
        f"{row.work:<52} {budget:>9} {amount(row.measured, row.unit):>9} {used:>6} {mark}"
        f" {cpu:>9}  {row.note}"
    )


def sections(names: Iterable[str]) -> Iterable[tuple[str, Callable[[], Iterable[Row]]]]:
    """Yield the named sections, or all."""
    wanted = set(names)
    for file in FILES:
        for section in importlib.import_module(f"benchmarks.{file}").SECTIONS:
            if not wanted or wanted & {file, section.__name__}:
                yield section.__name__, section


def main() -> int:
    """Print the table; return 1 if a budget was exceeded or a section failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", nargs="*", help=f"one of {', '.join(FILES)}, or a part of one")
    print(environment())
    print(f"{'work':<52} {'budget':>9} {'measured':>9} {'ratio':>6}   {'CPU':>9}  note")
    bad = 0
    for name, section in sections(parser.parse_args().section):
        try:
            for row in section():
                print(line(row), flush=True)
                bad += not row.kept
        except Exception as error:  # noqa: BLE001 - the other sections still have to run
            bad += 1
            print(f"{name:<52} failed: {error}", flush=True)
    print("every budget kept" if not bad else f"{bad} over budget or failed")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
