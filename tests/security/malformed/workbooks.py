# ruff: noqa: E501  (a case a line)
"""Workbooks written by hand, part by part, so that each part can lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

from tests.dataset.shops import ENGLISH, catalog_rows
from tests.security.malformed.archives import zipped
from tests.security.malformed.case import Case, raw

__all__ = ["WORKBOOKS", "workbook"]

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
_TYPES = f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
REFUSED = ("E_BAD_EXCEL", "E_EMPTY_FILE", "E_HEADER_ONLY")


def _cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _rows() -> str:
    return "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in (ENGLISH, *catalog_rows()))


def workbook(sheet: str | None = None, **parts: str | bytes | None) -> bytes:
    """An xlsx with the product table, or with other rows; a part given by name is put in another's place, None leaves it out."""
    members: dict[str, str | bytes | None] = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": f'{_HEAD}<Relationships {_PACKAGE}><Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_HEAD}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets><sheet name="items" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships {_PACKAGE}><Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"{_HEAD}<worksheet {_MAIN}><sheetData>{_rows() if sheet is None else sheet}</sheetData></worksheet>",
    }
    members |= parts
    return zipped(
        *(
            (name, content.encode() if isinstance(content, str) else content)
            for name, content in members.items()
            if content is not None
        )
    )


def _case(name: str, content: Callable[[], bytes], *outcomes: str) -> Case:
    return Case("workbooks", f"{name}.xlsx", "catalog", raw(content), frozenset(outcomes))


def _entities() -> Iterator[Case]:
    sheet = "xl/worksheets/sheet1.xml"
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
    yield _case(
        "laughs",
        lambda: workbook(
            **{
                sheet: f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><worksheet {_MAIN}><sheetData>{_rows().replace("Shirt 3", "&l11;")}</sheetData></worksheet>'
            }
        ),
        "read",
        *REFUSED,
    )
    yield _case(
        "outside",
        lambda: workbook(
            **{
                sheet: f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet {_MAIN}><sheetData>{_rows().replace("Shirt 3", "&x;")}</sheetData></worksheet>'
            }
        ),
        "read",
        *REFUSED,
    )
    yield _case(
        "outside-in-names",
        lambda: workbook(
            **{
                "xl/workbook.xml": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets><sheet name="&x;" sheetId="1" r:id="r1"/></sheets></workbook>'
            }
        ),
        "read",
        *REFUSED,
    )
    yield _case("deep", lambda: workbook("<row>" * 100_000), "read", *REFUSED)
    yield _case("deep-names", lambda: workbook(**{"xl/workbook.xml": "<a>" * 500_000}), *REFUSED)


def _cells() -> Iterator[Case]:
    for reference in ("ZZZZZZ1", "A99999999999", "XFE1", "A0", "1A", "", "AAAAAAAAAAAAAAAAAAAAAAAA1"):
        yield _case(
            f"cell-at-{reference}",
            lambda reference=reference: workbook(_rows() + f'<row><c r="{reference}" t="inlineStr"><is><t>x</t></is></c></row>'),
            "read",
            "aside",
            "E_READER_MEMORY",
            "E_TOO_MANY_COLUMNS",
            *REFUSED,
        )
    for size in ("A1:XFD1048576", "A1:ZZZZ99999999", "B2:A1", "x", "A1:A1"):
        yield _case(
            f"size-{size.replace(':', '-')}",
            lambda size=size: workbook(
                **{
                    "xl/worksheets/sheet1.xml": f'{_HEAD}<worksheet {_MAIN}><dimension ref="{size}"/><sheetData>{_rows()}</sheetData></worksheet>'
                }
            ),
            "read",
            *REFUSED,
        )
    yield _case(
        "far-corner",
        lambda: workbook(_rows() + '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'),
        "E_READER_MEMORY",
        "E_TOO_MANY_COLUMNS",
        "E_TOO_SLOW",
        "E_UNPACKED_TOO_LARGE",
        *REFUSED,
    )
    yield _case(
        "far-row",
        lambda: workbook(_rows() + '<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>9999</t></is></c></row>'),
        "read",
        "aside",
        *REFUSED,
    )
    yield _case(
        "far-column",
        lambda: workbook(_rows() + '<row r="14"><c r="XFD14" t="inlineStr"><is><t>x</t></is></c></row>'),
        "E_TOO_MANY_COLUMNS",
    )
    yield _case(
        "empty-styled-rows",
        lambda: workbook(
            _rows() + "".join(f'<row r="{at}" s="1" customFormat="1"><c r="A{at}" s="1"/></row>' for at in range(14, 300_000))
        ),
        "read",
        "aside",
    )
    yield _case(
        "shared-text-that-is-not-there",
        lambda: workbook(_rows() + '<row><c t="s"><v>4294967295</v></c></row>'),
        "read",
        "aside",
        *REFUSED,
    )
    yield _case("shared-text-negative", lambda: workbook(_rows() + '<row><c t="s"><v>-1</v></c></row>'), "read", "aside", *REFUSED)
    for written in ("1e999", "x", "", "9" * 10_000, "NaN", "-1e308"):
        yield _case(
            f"number-{written[:9]}",
            lambda written=written: workbook(_rows() + f"<row>{_cell('0099')}<c><v>{written}</v></c></row>"),
            "read",
            "aside",
            *REFUSED,
        )
        yield _case(
            f"date-{written[:9]}",
            lambda written=written: workbook(_rows() + f'<row>{_cell("0099")}<c t="d"><v>{written}</v></c></row>'),
            "read",
            "aside",
            *REFUSED,
        )
    yield _case(
        "errors",
        lambda: workbook(_rows() + '<row><c t="e"><v>#REF!</v></c><c t="e"><v>#NOPE</v></c></row>'),
        "read",
        "aside",
        *REFUSED,
    )
    yield _case("formula", lambda: workbook(_rows() + '<row><c><f>HYPERLINK("http://x")</f><v>1</v></c></row>'), "read", "aside")
    yield _case("long-text", lambda: workbook(_rows().replace("Shirt 3", "x" * 10_000_000)), "read")
    yield _case("zero-byte", lambda: workbook(_rows().replace("Shirt 3", "a\0b")), "read", "aside", *REFUSED)
    yield _case(
        "not-utf-8",
        lambda: workbook(
            **{
                "xl/worksheets/sheet1.xml": f"<worksheet {_MAIN}><sheetData>{_rows()}</sheetData></worksheet>".encode().replace(
                    b"Shirt 3", b"\xff\xfe"
                )
            }
        ),
        "read",
        "aside",
        *REFUSED,
    )


def _parts() -> Iterator[Case]:
    for part in ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"):
        name = part.rpartition("/")[2].strip("[]")
        yield _case(
            f"without-{name}", lambda part=part: workbook(**{part: None}), "read", "E_NOT_A_TABLE", "E_BAD_ARCHIVE", *REFUSED
        )
        yield _case(f"empty-{name}", lambda part=part: workbook(**{part: ""}), "read", *REFUSED)
        yield _case(f"garbage-{name}", lambda part=part: workbook(**{part: bytes(range(256)) * 20}), "read", *REFUSED)
        yield _case(
            f"torn-{name}",
            lambda part=part: workbook(**{part: "<?xml version='1.0'?><worksheet><sheetData><row><c>"}),
            "read",
            *REFUSED,
        )
    yield _case("bomb", lambda: workbook("<row></row>" + " " * 300_000_000), "E_UNPACKED_TOO_LARGE")
    yield _case(
        "sheet-outside",
        lambda: workbook(
            **{
                "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships {_PACKAGE}><Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="../../../etc/passwd"/></Relationships>'
            }
        ),
        *REFUSED,
    )
    yield _case(
        "sheet-on-the-web",
        lambda: workbook(
            **{
                "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships {_PACKAGE}><Relationship Id="r1" TargetMode="External" Type="{_OFFICE}/worksheet" Target="http://127.0.0.1:9/x"/></Relationships>'
            }
        ),
        *REFUSED,
    )
    yield _case(
        "many-sheets",
        lambda: workbook(
            **{
                "xl/workbook.xml": f'{_HEAD}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{"".join(f"""<sheet name="s{at}" sheetId="{at}" r:id="r1"/>""" for at in range(300))}</sheets></workbook>'
            }
        ),
        "E_CHOOSE_SHEET",
        "read",
    )
    yield _case("old-garbage", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000), *REFUSED)
    yield _case(
        "old-loop",
        lambda: (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            + bytes(16)
            + b"\x3e\x00\x03\x00\xfe\xff\x09\x00\x06\x00"
            + bytes(10)
            + b"\x01\x00\x00\x00" * 130
        ),
        *REFUSED,
    )
    yield _case("text", lambda: b"item_id,name\n0001,x\n", "read", "aside", "E_TOO_FEW_INTERACTIONS")


WORKBOOKS: tuple[Case, ...] = (*_entities(), *_cells(), *_parts())
"""All cases of workbooks."""
