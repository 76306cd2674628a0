"""The console: `workbench` opens the dashboard; fit, evaluate, datasets and warmup work without.

Errors are one sentence on standard error and exit code 2; nothing the package raises on purpose
shows a traceback.
"""

from __future__ import annotations

import ipaddress
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench import __version__
from workbench.errors import OptionError, WorkbenchError

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.model import Model
    from workbench.results import FitResult

BAD_INPUT = 2
NOT_CONVERGED = 1

app = typer.Typer(
    name="workbench",
    help="Nonlinear mixed-effects models, fitted and looked at in one place.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Theme(StrEnum):
    """Looks of the dashboard."""

    light = "light"
    dark = "dark"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nlme-workbench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def dashboard(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try.")] = 8866,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it.")] = True,
    theme: Annotated[Theme, typer.Option(help="Look of the page.")] = Theme.light,
    pool: Annotated[int, typer.Option(min=0, max=16, help="Kernels kept ready.")] = 1,
    max_upload_mb: Annotated[int, typer.Option(min=1, max=4096, help="Largest upload.")] = 100,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Listen on an address others can reach. Whoever opens the page can run any "
            "code as you: only behind a login you trust.",
        ),
    ] = False,
    version: Annotated[  # noqa: ARG001  its callback has the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say it.")
    ] = False,
) -> None:
    """Open the dashboard in the browser (without a command)."""
    if context.invoked_subcommand is not None:
        return
    from workbench.serving import Serving, free_port, serve

    _refuse_remote(host, allow_remote)
    serving = Serving(
        host=host,
        port=free_port(host, port),
        theme=theme.value,
        pool=pool,
        browser=browser,
        max_upload_mb=max_upload_mb,
    )
    _warm_up(quiet=True)
    print(f"NLME workbench: {serving.url}", flush=True)
    print("Stop it with Ctrl+C.", flush=True)
    serve(serving)


# What `fit` and `evaluate` have in common.
Data = Annotated[str, typer.Argument(help="A file, or a name from `workbench datasets`.")]
Card = Annotated[
    Path | None, typer.Option(help="Model card (JSON); a catalogue's dataset suggests one.")
]
Method = Annotated[str, typer.Option(help="An estimator: fo, focei, saem …")]
Out = Annotated[Path | None, typer.Option(help="Save the result here (JSON).")]
Columns = Annotated[
    list[str] | None, typer.Option(help="Which column is which: ID=SUBJ. Repeatable.")
]
Options = Annotated[
    list[str] | None, typer.Option(help="Option of the estimator: max_iter=200. Repeatable.")
]
Lloq = Annotated[
    float | None, typer.Option(help="Limit of quantification: values of DV below it are marked.")
]
Blq = Annotated[
    str | None, typer.Option(help="Treatment of values below the limit, M1 to M7; otherwise M3.")
]


@app.command()
def fit(
    data: Data,
    model: Card = None,
    method: Method = "focei",
    out: Out = None,
    columns: Columns = None,
    option: Options = None,
    lloq: Lloq = None,
    blq: Blq = None,
) -> None:
    """Estimate the parameters of a model and print them."""
    dataset = _read_data(data, columns or [], lloq, blq)
    _run(dataset, model, method, out, option or [], estimate=True)


@app.command()
def evaluate(
    data: Data,
    model: Card = None,
    method: Method = "focei",
    out: Out = None,
    columns: Columns = None,
    option: Options = None,
    lloq: Lloq = None,
    blq: Blq = None,
) -> None:
    """Print the objective at the model's own values; nothing is estimated."""
    dataset = _read_data(data, columns or [], lloq, blq)
    _run(dataset, model, method, out, option or [], estimate=False)


@app.command()
def datasets() -> None:
    """List the datasets that come with the package."""
    from workbench.datasets import list_datasets

    listed = list_datasets()
    width = max(len(str(name)) for name in listed.index)
    for name, row in listed.iterrows():
        size = f"{row['subjects']} subjects, {row['observations']} observations"
        print(f"{name:<{width}}  {row['title']} ({size})")


@app.command()
def warmup() -> None:
    """Compile everything that a first click may need (once after an installation)."""
    _warm_up(quiet=False)


def main() -> None:
    """Run the console command; what the package raises on purpose becomes one line."""
    try:
        app()
    except WorkbenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None


def _run(
    dataset: Dataset,
    card: Path | None,
    method: str,
    out: Path | None,
    options: list[str],
    *,
    estimate: bool,
) -> None:
    """Read the model, fit or evaluate, print and save."""
    from workbench import estimation

    chosen = {key: _value(text) for key, text in _pairs(options, "--option").items()}
    if out is not None and not out.parent.is_dir():
        raise OptionError(f"--out: there is no folder {str(out.parent)!r} to save in.")
    work = estimation.fit if estimate else estimation.evaluate
    result = work(_read_model(card, dataset), dataset, method=method, **chosen)
    print(_report(result))
    if out is not None:
        result.save(out)
        print(f"Saved as {out}.")
    if result.verdict == "failed":
        raise SystemExit(NOT_CONVERGED)


def _read_data(source: str, columns: list[str], lloq: float | None, blq: str | None) -> Dataset:
    """Return a dataset of the catalogue, or read the file of that name; treat its limits."""
    from workbench.data import read_dataset
    from workbench.datasets import dataset_names, load_dataset

    pairs = _pairs(columns, "--columns")
    if source in dataset_names() and not Path(source).exists():
        data = load_dataset(source)
    else:
        data = read_dataset(source, columns=pairs or None)
    data = data if lloq is None else data.censor(lloq=lloq)
    return data if blq is None else data.with_blq(blq)


def _read_model(card: Path | None, dataset: Dataset) -> Model:
    """Return the model of a card, or the one that the catalogue suggests."""
    from workbench.models.model import Model

    if card is None:
        if dataset.info is None:
            raise OptionError(
                "Give a model: --model model.json. Only datasets of the catalogue suggest one."
            )
        return Model.from_dict(dataset.info.suggested_model)
    try:
        return Model.from_json(card)
    except OSError as error:
        raise OptionError(f"--model: {str(card)!r} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"--model: {str(card)!r} is not a text file in UTF-8.") from error


def _pairs(given: list[str], name: str) -> dict[str, str]:
    """Split every ``KEY=VALUE``."""
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise OptionError(f"{name} takes KEY=VALUE, not {text!r}.")
        pairs[key.strip()] = value.strip()
    return pairs


def _value(text: str) -> Any:
    """Return a number where the text is one, None for "none" where nothing else fits."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _report(result: FitResult) -> str:
    """Return the outcome as text."""
    head = [
        f"{result.method.upper()} on {result.data.name}: {result.data.n_sub} subjects, "
        f"{result.data.n_obs} observations",
        f"OFV {result.ofv:.3f}   -2LL {result.m2ll:.3f} ({result.obtained})   "
        f"AIC {result.aic:.2f}   BIC {result.bic:.2f}",
    ]
    if result.estimated:
        head.append(f"Verdict: {result.verdict}, in {result.seconds:.2f} s")
    notes = [f"- {line}" for line in (*result.reasons, *result.warnings)]
    wanted = ["unit", "estimate", "se", "rse", "lower", "upper", "sd", "cv_percent", "shrinkage_sd"]
    table = result.parameters[[name for name in wanted if name in result.parameters]]
    text = table.to_string(float_format=lambda value: f"{value:.4g}", na_rep="")
    return "\n".join([*head, *notes, "", text])


def _refuse_remote(host: str, allowed: bool) -> None:
    """Refuse to listen where others can reach the page, unless that was asked for in so many words.

    Raises
    ------
    OptionError
        The address is not a loopback one and `--allow-remote` is missing.
    """
    if _is_loopback(host):
        return
    warning = (
        "Whoever can open the page can run any code on this machine as you; "
        "there is no password and no sandbox."
    )
    if not allowed:
        raise OptionError(
            f"{host!r} can be reached from other machines. {warning} Put it behind a login (such "
            "as JupyterHub) and add --allow-remote, or leave --host at 127.0.0.1."
        )
    print(f"Warning: listening on {host}. {warning}", file=sys.stderr, flush=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _warm_up(*, quiet: bool) -> None:
    """Fill the cache of compiled code, with a bar; say nothing when it is full and `quiet`."""
    from tqdm import tqdm

    from workbench.workflows.warmup import is_warm, warm_up

    if is_warm() and quiet:
        return
    layout = "{desc:<52} {percentage:3.0f}%|{bar}| {elapsed}"
    with tqdm(total=1, desc="Compiling", bar_format=layout, file=sys.stderr) as bar:

        def show(done: int, total: int, what: str) -> None:
            bar.total, bar.n = total, done
            bar.set_description_str(f"Compiling {what}"[:52])

        seconds = warm_up(on_step=show)
    print(f"Compiled code is ready ({seconds:.1f} s).", file=sys.stderr)


if __name__ == "__main__":
    main()
