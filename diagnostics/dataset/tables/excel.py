"""Excel and OpenDocument workbooks: the one sheet that holds a table, its cells as a person would write them."""

from __future__ import annotations

import datetime
import zipfile
from itertools import islice
from typing import Any, BinaryIO

from diagnostics.dataset.tables.packed import refuse_bomb
from diagnostics.dataset.tables.table import Asked, Layout, Row, Table, find_header
from diagnostics.errors import TenbinError
from diagnostics.schema import Message

__all__ = ["read_excel"]

_EXACT = 2**53
_FIRST_ROWS = 1000


def read_excel(file: BinaryIO, asked: Asked) -> Table:
    """A sheet of a workbook (xlsx, xlsm, xlsb, xls, ods) as text.

    A whole number is written without ``.0``, a date in ISO form; a cell that holds text stays as it is, zeros in front included.
    Of several sheets the only one with a table is taken, or the one that was asked for; hidden ones only when asked for.

    Raises
    ------
    TenbinError
        ``E_CHOOSE_SHEET`` (several sheets hold tables: which?), ``E_UNKNOWN_SHEET``, ``E_BAD_EXCEL`` (damaged or locked),
        ``E_UNPACKED_TOO_LARGE``, ``E_EMPTY_FILE``, ``E_HEADER_ONLY``, ``E_TOO_MANY_COLUMNS``.

    Cost: about 1 s per million cells.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    found: dict[str, Layout | None] = {}
    try:
        _refuse_bombs(file, asked.name)
        file.seek(0)
        with CalamineWorkbook.from_filelike(file) as book:
            sheets = {entry.name: entry.visible for entry in book.sheets_metadata if entry.typ == SheetTypeEnum.WorkSheet}
            if asked.sheet is not None and asked.sheet not in sheets:
                raise TenbinError("E_UNKNOWN_SHEET", file=asked.name, found=asked.sheet, choices=list(sheets))
            for name, visible in sheets.items():
                if name == asked.sheet or (asked.sheet is None and visible == SheetVisibleEnum.Visible):
                    found[name] = _lay(book.get_sheet_by_name(name), asked)
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TenbinError("E_BAD_EXCEL", file=asked.name) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the parser's own failure, which is no Exception and has no public name
            raise
        raise TenbinError("E_BAD_EXCEL", file=asked.name) from None
    tables = {name: layout for name, layout in found.items() if layout is not None and layout.n_kept}
    wide = [name for name, layout in tables.items() if layout.width > 1] or list(tables)
    if len(wide) > 1:
        raise TenbinError("E_CHOOSE_SHEET", file=asked.name, table=asked.role, sheet=wide[0], choices=wide)
    if not wide:
        raise TenbinError("E_HEADER_ONLY" if any(found.values()) else "E_EMPTY_FILE", file=asked.name)
    chosen = tables[wide[0]]
    if len(sheets) > 1:
        chosen.remarks.append(Message(code="reading.remark.sheet", values={"file": asked.name, "sheet": wide[0]}))
    return chosen.table("excel", sheet=wide[0])


def _refuse_bombs(file: BinaryIO, name: str) -> None:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        refuse_bomb(sum(member.compress_size for member in members), sum(member.file_size for member in members), name)


def _lay(sheet: Any, asked: Asked) -> Layout | None:
    """The rows of a sheet under its header, the first row with two filled cells; None for a sheet without any."""
    if sheet.start is None:
        return None
    first_row, width = sheet.start[0], sheet.width
    last = None if asked.max_rows is None else first_row + asked.max_rows + _FIRST_ROWS
    blank = [""] * width  # a sheet may have a million formatted rows without a value
    taken = islice(sheet.iter_rows(), first_row, last)
    rows: list[Row] = [([_text(cell) for cell in cells] if cells != blank else [], None) for cells in taken]
    filled = [sum(bool(cell.strip()) for cell in cells) for cells, _ in rows[:_FIRST_ROWS]]
    at = next((at for at, count in enumerate(filled) if count > 1), next((at for at, count in enumerate(filled) if count), None))
    found = None if at is None else find_header(asked, rows[at:], width, first_row + at + 1)
    if at is None or found is None:
        return None
    layout, first = found
    for number, (cells, _) in enumerate(rows[:at], start=first_row + 1):
        if filled[number - first_row - 1]:
            layout.set_aside(number, [cell for cell in cells if cell.strip()], "before_header")
    layout.add_rows(first_row + at + first + 1, rows[at + first :])
    return layout


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return str(value.date() if value.time() == datetime.time() else value)
    if isinstance(value, datetime.timedelta):  # a duration of [h]:mm
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)
