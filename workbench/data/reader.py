"""From a path, an upload or a DataFrame to a `RawTable` of named, still unchecked columns."""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.findings import NOTE, REPAIR, Findings, count
from workbench.data.numbers import is_number
from workbench.errors import DataError

Source = str | Path | bytes | bytearray | memoryview | IO[bytes] | IO[str] | pd.DataFrame

# The first bytes of files that people give for CSV, what they are, and what to do.
_FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx) or a zip archive", "Save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "Save the sheet as CSV"),
    (b"PAR1", "a Parquet file", "Read it with pandas.read_parquet and pass the DataFrame"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"%PDF", "a PDF document", "Export the data as CSV"),
    (b"HEADER RECORD", "a SAS transport file", "Pass pandas.read_sas(path) instead"),
    (b"<", "a web page or XML document", "Download the CSV file itself"),
)


@dataclass(slots=True)
class RawTable:
    """Columns as they stand in the file: float64 arrays, or object arrays of stripped text.

    `rows` are the file's row numbers: the header is row 1, and skipped rows count.
    """

    columns: dict[str, npt.NDArray[Any]]
    rows: npt.NDArray[np.int64]
    separator: str = ""
    units: dict[str, str] = field(default_factory=dict)

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Drop the rows that are not marked."""
        self.columns = {name: values[mask] for name, values in self.columns.items()}
        self.rows = self.rows[mask]


def source_name(source: Source) -> str:
    """Return a name for the data: the file's, or "data"."""
    if isinstance(source, str | Path):
        return Path(source).name
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) else "data"


def read_table(source: Source, findings: Findings) -> RawTable:
    """Read any accepted source.

    Raises
    ------
    DataError
        The source is missing, is not a text table, or its rows do not fit its header.
    """
    if isinstance(source, pd.DataFrame):
        return _from_frame(source, findings)
    return _from_text(_decode(_read_bytes(source, findings.source), findings), findings)


def _read_bytes(source: Source, name: str) -> bytes:
    """Return the content of a path, an upload or an open file."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | Path):
        return _read_path(source)
    if not isinstance(source, pd.DataFrame) and hasattr(source, "read"):
        content = source.read()
        return content.encode() if isinstance(content, str) else bytes(content)
    raise DataError(
        f"{name}: data of type {type(source).__name__} cannot be read. "
        "Pass a path, an open file, its bytes, or a pandas DataFrame."
    )


def _read_path(source: str | Path) -> bytes:
    """Return a file's bytes, or say why there are none."""
    text = str(source)
    if "\n" in text:
        raise DataError(
            "The text given looks like the content of a file, not its path. "
            "Pass the path, or the content as bytes: text.encode()."
        )
    path = Path(text).expanduser()
    if path.is_dir():
        files = sorted(p.name for p in path.iterdir() if p.suffix.lower() in (".csv", ".txt"))
        listed = f" It holds: {', '.join(files[:5])}." if files else ""
        raise DataError(f"{path} is a folder, not a data file.{listed}")
    if not path.exists():
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Looked in {folder.absolute()}."
        raise DataError(f"There is no file {text!r}.{hint}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _decode(content: bytes, findings: Findings) -> str:
    """Return the text of the file; UTF-8 is expected, UTF-16 and Windows-1252 are noted."""
    name = findings.source
    if not content.strip():
        raise DataError(f"{name} is empty. A data file has a row of column names, then the rows.")
    for magic, what, advice in _FOREIGN:
        if content.lstrip().startswith(magic):
            raise DataError(f"{name} is {what}, not a text table. {advice}.")
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} cannot be decoded as {encoding}. Save it as CSV in UTF-8."
        ) from error
    if "\x00" in text:
        row = text.count("\n", 0, text.index("\x00")) + 1
        raise DataError(
            f"{name} holds a NUL byte in row {row}: it is damaged or not a text table. "
            "Save it as CSV in UTF-8."
        )
    if encoding not in ("utf-8", "utf-8-sig"):
        findings.add(REPAIR, "", f"The file is not UTF-8; it was read as {encoding}.")
    return text


def _encoding(content: bytes) -> str:
    """Return the encoding, from the byte-order mark or from what decodes."""
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:2000]
    if head.count(0) > len(head) // 3:
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _from_text(text: str, findings: Findings) -> RawTable:
    """Split the text into rows and columns; drop blank rows and comments."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    separator = _separator(text)
    lines = _split(text, separator, findings)
    start = _header_index(lines, findings)
    names = _header(lines[start], findings)
    numbers = [k for k, line in enumerate(lines[start + 1 :], start=start + 2) if line]
    body = [line for line in lines[start + 1 :] if line]
    body, numbers, units = _drop_comments(body, numbers, names, findings)
    _refuse_ragged(body, numbers, names, separator, findings)
    if lines[start] in body:
        row = numbers[body.index(lines[start])]
        raise DataError(f"{findings.source}: row {row} repeats the header. Delete it.")
    if not body:
        raise DataError(
            f"{findings.source} holds column names but no data rows. Columns: {', '.join(names)}."
        )
    cells = [np.array(column, dtype=object) for column in zip(*body, strict=True)]
    rows = np.array(numbers, dtype=np.int64)
    table = RawTable(_name_columns(names, cells, findings), rows, separator, units)
    filled = np.zeros(len(rows), dtype=bool)
    for column in table.columns.values():
        filled |= column != ""
    if not filled.all():
        findings.locate(rows, np.empty(0, dtype=object))
        findings.add(REPAIR, "", "The row is blank and was skipped.", ~filled)
        table.keep(filled)
    return table


def _separator(text: str) -> str:
    """Return the separator of the first line that is no title: comma, semicolon, tab, blanks."""
    filled = [line for line in text[:100_000].split("\n") if line.strip()]
    titles = ("#", "TABLE NO")
    first = next((line for line in filled if not line.upper().startswith(titles)), filled[0])
    counts = {mark: first.count(mark) for mark in (";", "\t", ",")}
    best = max(counts, key=lambda mark: counts[mark])
    if counts[best]:
        return best
    return " " if len(first.split()) > 1 else ","


def _split(text: str, separator: str, findings: Findings) -> list[list[str]]:
    """Return the stripped cells of every line; a blank line is an empty list."""
    if separator == " ":
        return [line.split() for line in text.split("\n")]
    if '"' not in text and " " not in text and (separator == "\t" or "\t" not in text):
        return [line.split(separator) if line else [] for line in text.split("\n")]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        return [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        raise DataError(
            f"{findings.source} cannot be split into cells near row {reader.line_num}: {error}. "
            "Look for a quotation mark that is not closed."
        ) from error


def _header_index(lines: list[list[str]], findings: Findings) -> int:
    """Return the index of the row of column names, after titles and leading comments."""
    filled = [k for k, line in enumerate(lines) if any(line)]
    for position, k in enumerate(filled):
        line = lines[k]
        if " ".join(line).upper().startswith("TABLE NO"):
            continue
        following = lines[filled[position + 1]] if position + 1 < len(filled) else [""]
        if line[0] == following[0] == "C" and not any(map(is_number, filter(None, following))):
            continue  # a title above the header, as NONMEM's IGNORE=C allows
        if line[0].startswith("#") and not _is_marked_header(line, following):
            continue
        if all(is_number(cell) for cell in line if cell):
            raise DataError(
                f"{findings.source}: row {k + 1} holds numbers where the column names should be "
                f"({', '.join(line[:4])}). Add a first row with names such as ID,TIME,DV,AMT."
            )
        return k
    raise DataError(f"{findings.source} holds no row of column names, only comments.")


def _is_marked_header(line: list[str], following: list[str]) -> bool:
    """Tell "#ID,TIME,DV" above numbers from a comment."""
    return len(line) > 1 and len(line) == len(following) and not following[0].startswith("#")


def _header(line: list[str], findings: Findings) -> list[str]:
    """Return the column names; two columns of one name are refused."""
    names = [line[0].lstrip("#@ "), *line[1:]]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        places = ", ".join(str(k + 1) for k, name in enumerate(names) if name == twice[0])
        raise DataError(
            f"{findings.source}: the header names the column {twice[0]!r} more than once "
            f"(columns {places}). Rename or delete one of them."
        )
    return names


def _drop_comments(
    body: list[list[str]], numbers: list[int], names: list[str], findings: Findings
) -> tuple[list[list[str]], list[int], dict[str, str]]:
    """Drop rows that start with # or @; directly below the header such a row holds units."""
    marked = [k for k, line in enumerate(body) if line[0].startswith(("#", "@"))]
    if not marked:
        return body, numbers, {}
    dropped = set(marked)
    units: dict[str, str] = {}
    if marked[0] == 0 and len(body[0]) == len(names) > 1:
        units = units_of_row(names, body[0])
        findings.add(NOTE, "", f"Row {numbers[0]} was read as units: {describe_units(units)}.")
        marked = marked[1:]
    if marked:
        rows = ", ".join(str(numbers[k]) for k in marked[:5]) + ("…" if len(marked) > 5 else "")
        findings.add(NOTE, "", f"Skipped {count(len(marked), 'comment row')} (# or @): {rows}.")
    kept = [k for k in range(len(body)) if k not in dropped]
    return [body[k] for k in kept], [numbers[k] for k in kept], units


def units_of_row(names: list[str], cells: list[str]) -> dict[str, str]:
    """Return the units that a row below the header gives, without brackets."""
    stripped = [cell.strip("#@ ()[]") for cell in cells]
    return {
        name: cell
        for name, cell in zip(names, stripped, strict=False)
        if cell not in ("", ".", "-") and cell.upper() != name.upper()
    }


def describe_units(units: dict[str, str]) -> str:
    """Return "TIME in h, DV in mg/L"."""
    return ", ".join(f"{name} in {unit}" for name, unit in units.items()) or "none"


def _refuse_ragged(
    body: list[list[str]],
    numbers: list[int],
    names: list[str],
    separator: str,
    findings: Findings,
) -> None:
    """Refuse rows with more or fewer cells than the header; extra blank cells are dropped."""
    n = len(names)
    bad: list[tuple[int, int]] = []
    for k in [k for k, line in enumerate(body) if len(line) != n]:
        if len(body[k]) > n and not any(body[k][n:]):
            del body[k][n:]
        elif any(body[k]):
            bad.append((numbers[k], len(body[k])))
        else:
            body[k] = [""] * n
    if bad:
        listed = ", ".join(f"row {row} has {count}" for row, count in bad[:3])
        more = f" (and {len(bad) - 3} more rows)" if len(bad) > 3 else ""
        mark = {",": "comma", ";": "semicolon", "\t": "tab", " ": "blanks"}[separator]
        raise DataError(
            f"{findings.source}: the header has {n} columns but {listed}{more} "
            f"(separator: {mark}). Look for a missing or extra separator, or a decimal comma."
        )


def _name_columns(
    names: list[str], cells: list[npt.NDArray[Any]], findings: Findings
) -> dict[str, npt.NDArray[Any]]:
    """Pair names and columns; a column without a name is dropped if blank, else refused."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for k, (name, column) in enumerate(zip(names, cells, strict=True)):
        if name:
            columns[name] = column
        elif np.any(column != ""):
            # pandas and R write row numbers under an empty first name.
            if k == 0 and all(is_number(str(cell)) for cell in column):
                findings.add(NOTE, "", "The first column has no name (row numbers): not used.")
                continue
            raise DataError(
                f"{findings.source}: column {k + 1} holds values but has no name in the header. "
                "Give it a name."
            )
    return columns


def _from_frame(frame: pd.DataFrame, findings: Findings) -> RawTable:
    """Take the columns of a DataFrame; rows are numbered as if the header were row 1."""
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(
            "The DataFrame has column names of several levels. "
            "Flatten them: frame.columns = [name[0] for name in frame.columns]."
        )
    levels = [level for level in frame.index.names if level is not None]
    if levels and not set(levels) & set(frame.columns):  # after set_index or groupby
        frame = frame.reset_index(level=levels)
    names = [str(name).strip() for name in frame.columns]
    if not names:
        raise DataError("The DataFrame has no columns.")
    _header(names, findings)
    if frame.empty:
        raise DataError(f"The DataFrame has no rows. Columns: {', '.join(names)}.")
    rows = np.arange(2, len(frame) + 2, dtype=np.int64)
    columns = {
        name: _frame_column(name, frame.iloc[:, k], rows, findings) for k, name in enumerate(names)
    }
    return RawTable(columns, rows)


def _frame_column(
    name: str, series: pd.Series[Any], rows: npt.NDArray[np.int64], findings: Findings
) -> npt.NDArray[Any]:
    """Return numbers as float64 and everything else as text."""
    if pd.api.types.is_bool_dtype(series):
        findings.add(NOTE, name, f"{name} holds True and False: read as 1 and 0.")
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_complex_dtype(series):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(series):
        return _moments(series)
    values = series.astype(object).to_numpy()
    nested = [isinstance(v, list | tuple | dict | set | np.ndarray) for v in values]
    if any(nested):
        k = nested.index(True)
        raise DataError(
            f"{findings.source}: column {name} holds a {type(values[k]).__name__} at row "
            f"{rows[k]}. Every cell must be one number or one text."
        )
    missing = pd.isna(values)
    texts = ["" if gone else str(v).strip() for v, gone in zip(values, missing, strict=True)]
    return np.array(texts, dtype=object)


def _moments(series: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return datetimes as text like 2024-03-01T08:30:00; those with a time zone in UTC."""
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert(None)
    values = series.to_numpy(dtype="datetime64[ms]")
    whole = bool(np.all(values[~np.isnat(values)].astype(np.int64) % 1000 == 0))
    text = np.datetime_as_string(values, unit="s" if whole else "ms").astype(object)
    text[np.isnat(values)] = ""
    return text
