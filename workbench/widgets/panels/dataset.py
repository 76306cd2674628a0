"""Which data: the catalogue, or an upload with its columns and units."""

from __future__ import annotations

import os
from html import escape

import ipywidgets as W

from workbench.data.censoring import BLQ_METHODS
from workbench.data.columns import NONMEM
from workbench.data.findings import count
from workbench.datasets import list_datasets
from workbench.widgets.markup import chip, html, styled
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.session import Session

UNITS = {"TIME": "Time", "DV": "DV", "AMT": "Amount"}
DETECT = "(detect)"
UPLOADED = "(uploaded file)"
DEFAULT_LIMIT_MB = 100


def upload_limit() -> int:
    """Return the largest upload that this server takes, in MB (set by the console command)."""
    return int(os.environ.get("WORKBENCH_MAX_UPLOAD_MB", DEFAULT_LIMIT_MB))


class DatasetSection:
    """The widgets of the section."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._following = False
        names = list_datasets()["title"]
        self.catalogue = W.Dropdown(
            options=[(str(title), str(name)) for name, title in names.items()],
            tooltip="Dataset of the catalogue",
            layout=W.Layout(width="auto"),
        )
        self.about = html("", "wb-note")
        self.upload = W.FileUpload(
            accept=".csv,.txt,.dat,.tab,.tsv", multiple=False, description="Upload a table"
        )
        styled(self.upload, "wb-upload")
        self.upload.tooltip = "A text table in NONMEM layout, one row per record"
        self.map_button = W.Button(description="Columns …", tooltip="Say which column is which")
        self.mapping = {
            name: W.Dropdown(options=[DETECT], tooltip=f"Column of the file that holds {name}")
            for name in NONMEM
        }
        self.apply = styled(W.Button(description="Read with these columns"), "wb-go")
        self.problem = html("", "wb-complaint")
        self.mapping_box = styled(self._mapping_box(), "wb-mapping")
        self.units = {
            key: styled(W.Text(continuous_update=False, tooltip=f"Unit of {label}"), "wb-unit")
            for key, label in UNITS.items()
        }
        self.blq = W.Dropdown(
            options=[(f"{name}: {what}", name) for name, what in BLQ_METHODS.items()],
            tooltip="What is done with values below the limit of quantification",
            layout=W.Layout(width="auto"),
        )
        self.compare_blq = styled(W.Button(description="Compare methods …"), "wb-quiet")
        self.compare_blq.tooltip = "Fit by several methods, side by side on the Data tab"
        self.blq_box = styled(labelled("Below the limit", self.blq), "wb-blq")
        self.widget = section(
            "Data",
            self.catalogue,
            self.about,
            self.blq_box,
            self.compare_blq,
            styled(W.HBox([self.upload, self.map_button]), "wb-row"),
            html(f"Text tables up to {upload_limit()} MB.", "wb-note"),
            self.problem,
            self.mapping_box,
            self._units_box(),
        )
        self._listen()
        self._follow()

    def _mapping_box(self) -> W.Widget:
        rows = [labelled(name, control) for name, control in self.mapping.items()]
        box = W.VBox([html("Which column of the file is which?", "wb-note"), *rows, self.apply])
        box.layout.display = "none"
        return box

    def _units_box(self) -> W.Widget:
        parts = [
            styled(W.VBox([html(f"{label} unit", "wb-small"), self.units[key]]), "wb-unit-box")
            for key, label in UNITS.items()
        ]
        return styled(W.HBox(parts), "wb-units")

    def _listen(self) -> None:
        self.catalogue.observe(self._chosen, "value")
        self.upload.observe(self._uploaded, "value")
        self.map_button.on_click(self._toggle_mapping)
        self.apply.on_click(self._read_mapped)
        for key, entry in self.units.items():
            entry.observe(lambda change, key=key: self._unit(key, change["new"]), "value")
        self.blq.observe(self._treated, "value")
        self.compare_blq.on_click(lambda _button: self.session.open_tab("data_table"))
        self.state.observe(self._follow, "dataset")

    # What a person does

    def _chosen(self, change: dict[str, str]) -> None:
        if not self._following and change["new"] != UPLOADED:
            self.session.load_dataset(change["new"])

    def _uploaded(self, change: dict[str, tuple[dict[str, object], ...]]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        self._read(str(file["name"]), bytes(file["content"]))  # type: ignore[call-overload]
        self.upload.value = ()  # so that the same file, corrected, can be chosen again

    def _read_mapped(self, _button: object) -> None:
        upload = self.state.upload
        if upload is None:
            return
        columns = {name: c.value for name, c in self.mapping.items() if c.value != DETECT}
        self._read(upload.name, upload.content, columns)

    def _read(self, name: str, content: bytes, columns: dict[str, str] | None = None) -> None:
        good = self.session.read_upload(name, content, columns)
        text = "" if good else self.state.message.text
        self.problem.value = (
            f"<span role='alert' data-upload-error='1'>{escape(text)}</span>" if text else ""
        )
        found = self.session.upload_columns()
        self._offer(found, columns or {})
        # A table whose columns could not be told apart: ask.
        self.mapping_box.layout.display = "grid" if found and not good else "none"

    def _toggle_mapping(self, _button: object) -> None:
        if self.state.upload is None:
            self.problem.value = "Upload a file first: the columns are those of your file."
            return
        hidden = self.mapping_box.layout.display == "none"
        self.mapping_box.layout.display = "grid" if hidden else "none"

    def _unit(self, key: str, unit: str) -> None:
        if not self._following:
            self.session.set_units(**{key: unit.strip()})

    def _treated(self, change: dict[str, str]) -> None:
        if not self._following:
            self.session.set_blq(change["new"])
            self._follow()  # back to what it was, where that is refused

    # What it shows

    def _offer(self, found: list[str], chosen: dict[str, str]) -> None:
        for name, control in self.mapping.items():
            control.options = [DETECT, *found]
            control.value = chosen.get(name, DETECT)

    def _follow(self, _change: object = None) -> None:
        dataset = self.state.dataset
        if dataset is None:
            return
        self._following = True
        try:
            self._show_choice(dataset.info.name if dataset.info is not None else UPLOADED)
            for key, entry in self.units.items():
                entry.value = dataset.units.get(key, "")
            for control in (self.blq_box, self.compare_blq):
                control.layout.display = "" if dataset.n_below else "none"
            self.blq.value = dataset.blq or "M3"
        finally:
            self._following = False
        if dataset.info is not None:
            self.problem.value = ""
            self.mapping_box.layout.display = "none"
        counts = (count(dataset.n_sub, "subject"), count(dataset.n_obs, "observation"))
        chips = [chip(words) for words in counts]
        if dataset.n_below:
            chips.append(chip(f"{dataset.n_below} below the limit of quantification"))
        if dataset.n_above:
            chips.append(chip(f"{dataset.n_above} above a limit"))
        info = dataset.info
        words = f"{info.description}" if info is not None else f"Read from {dataset.name}."
        source = (
            f"<details><summary>Source</summary>{escape(info.citation)} "
            f"Licence: {escape(info.licence)}.</details>"
            if info is not None
            else ""
        )
        self.about.value = (
            f"<div class='wb-chips' data-dataset='{escape(dataset.name)}'>{''.join(chips)}</div>"
            f"<div>{escape(words)}</div>{source}"
        )

    def _show_choice(self, name: str) -> None:
        """Show what is open; an uploaded file is an entry of its own while it is open."""
        options = [pair for pair in self.catalogue.options if pair[1] != UPLOADED]
        if name == UPLOADED:
            options.append((self.state.dataset.name, UPLOADED))
        if tuple(options) != tuple(self.catalogue.options):
            self.catalogue.options = options
        self.catalogue.value = name


def build(session: Session) -> PanelView:
    """Make the section."""
    return PanelView(DatasetSection(session).widget)


PANEL = Panel("dataset", "Data", "rail", 10, build)
