"""Archives that unfold without end, lie about their content, or want to write elsewhere; as tables and as pictures."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from tests.security.malformed.case import Case, raw
from tests.security.malformed.text import catalog_bytes

__all__ = ["ARCHIVES", "PNG", "zipped"]

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 32
REFUSED = ("E_BAD_ARCHIVE", "E_NOT_A_TABLE", "E_EMPTY_FILE", "E_UNPACKED_TOO_LARGE")
NO_PICTURES = ("E_NOT_IMAGES", "E_NO_IMAGES", "E_IMAGES_REFUSED")


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of members as they stand, names and all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _case(family: str, name: str, content: Callable[[], bytes], *outcomes: str, role: str = "catalog") -> Case:
    return Case(family, name, role, raw(content), frozenset(outcomes))


def _patched(data: bytes, signature: bytes, offset: int, written: bytes) -> bytes:
    """An archive with some bytes after the first such signature put in another's place."""
    changed, at = bytearray(data), data.index(signature) + offset
    changed[at : at + len(written)] = written
    return bytes(changed)


def _zeros(megabytes: int) -> bytes:
    """A gzip of so many megabytes of zeros, made without them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


def _link(target: bytes) -> bytes:
    info = zipfile.ZipInfo("0001.png")
    info.external_attr = 0o120777 << 16
    return zipped((info, target), ("0002.png", PNG))


def _overlapping(name: str, content: bytes, entries: int) -> bytes:
    """Many entries of the directory that all point to one member: small on disk, large when summed."""
    one = zipped((name, content))
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    entry = one[start:end]
    names = [f"{at:04d}{name[4:]}".encode() for at in range(entries)]
    directory = b"".join(entry[:28] + struct.pack("<H", len(each)) + entry[30:46] + each for each in names)
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, entries, entries, len(directory), start, 0)
    return one[:start] + directory + tail


def _zips() -> Iterator[Case]:
    sound = ("items.csv", catalog_bytes())
    for name in (
        "../items.csv",
        "/etc/items.csv",
        r"..\items.csv",
        r"C:\items.csv",
        r"\\server\share\items.csv",
        "a/../../items.csv",
        "items.csv/",
        "con.csv",
    ):
        yield _case(
            "zip-slips", f"table-{name.encode().hex()}.zip", lambda name=name: zipped((name, catalog_bytes())), "read", *REFUSED
        )
        yield _case(
            "zip-slips",
            f"pictures-{name.encode().hex()}.zip",
            lambda name=name: zipped((name.replace("items.csv", "0001.png"), PNG), ("0002.png", PNG)),
            "aside",
            "read",
            role="images",
        )
    yield _case("zips", "two-tables.zip", lambda: zipped(sound, ("more.csv", catalog_bytes())), "E_CHOOSE_MEMBER")
    yield _case("zips", "one-name-twice.zip", lambda: zipped(sound, sound), "read", "E_CHOOSE_MEMBER")
    yield _case("zips", "empty.zip", lambda: zipped(), *REFUSED)
    yield _case("zips", "folders.zip", lambda: zipped(("a/", b""), ("b/", b"")), *REFUSED)
    yield _case("zips", "empty-member.zip", lambda: zipped(("items.csv", b"")), *REFUSED)
    yield _case(
        "zips",
        "pickle.zip",
        lambda: zipped(("items.csv", pickle.dumps([1]))),
        "E_NOT_A_TABLE",
        "E_UNDECODABLE",
        "E_NO_ITEM_COLUMN",
        "E_HEADER_ONLY",
    )
    yield _case("zips", "torch.zip", lambda: zipped(("archive/data.pkl", pickle.dumps([1])), ("archive/data/0", b"1234")), *REFUSED)
    yield _case(
        "zips",
        "locked.zip",
        lambda: _patched(_patched(zipped(sound), b"PK\x01\x02", 8, b"\x01"), b"PK\x03\x04", 6, b"\x01"),
        *REFUSED,
    )
    yield _case(
        "zips",
        "wrong-sum.zip",
        lambda: _patched(_patched(zipped(sound), b"PK\x01\x02", 16, b"abcd"), b"PK\x03\x04", 14, b"abcd"),
        *REFUSED,
    )
    yield _case(
        "zips",
        "says-less.zip",
        lambda: _patched(zipped(sound), b"PK\x01\x02", 24, struct.pack("<I", 30)),
        *REFUSED,
        "aside",
        "read",
    )
    yield _case(
        "zips", "says-more.zip", lambda: _patched(zipped(sound), b"PK\x01\x02", 24, struct.pack("<I", 50_000_000)), *REFUSED, "read"
    )
    yield _case("zips", "says-most.zip", lambda: _patched(zipped(sound), b"PK\x01\x02", 24, b"\xfe\xff\xff\xff"), *REFUSED)
    yield _case("zips", "points-outside.zip", lambda: _patched(zipped(sound), b"PK\x01\x02", 42, b"\xf0\xff\xff\x7f"), *REFUSED)
    yield _case("zips", "unknown-method.zip", lambda: _patched(zipped(sound), b"PK\x01\x02", 10, b"\x63\x00"), *REFUSED)
    yield _case(
        "zips", "directory-elsewhere.zip", lambda: _patched(zipped(sound), b"PK\x05\x06", 16, b"\xff\xff\xff\x7f"), *REFUSED
    )
    yield _case("zips", "entries-lie.zip", lambda: _patched(zipped(sound), b"PK\x05\x06", 8, b"\xff\xff\xff\xff"), *REFUSED, "read")
    yield _case("zips", "in-front.zip", lambda: b"PK\x03\x04" + bytes(1000) + zipped(sound), "read", *REFUSED)
    yield _case("zips", "behind.zip", lambda: zipped(sound) + bytes(100_000), *REFUSED, "read")
    yield _case("zips", "nameless.zip", lambda: zipped(sound).replace(b"items.csv", b"\0tems.csv"), *REFUSED)
    yield _case("zips", "lzma.zip", lambda: zipped(sound, method=zipfile.ZIP_LZMA), "read")
    yield _case("zips", "many-members.zip", lambda: _overlapping("0000.csv", catalog_bytes(), 60_000), "E_CHOOSE_MEMBER", *REFUSED)
    yield _case("bombs", "zip.zip", lambda: zipped(("items.csv", bytes(300_000_000))), "E_UNPACKED_TOO_LARGE")
    yield _case(
        "bombs", "lines.zip", lambda: zipped(("items.csv", b"item_id,name\n" + b"0001,x\n" * 40_000_000)), "E_UNPACKED_TOO_LARGE"
    )
    yield _case("bombs", "small.gz", lambda: _zeros(60), "E_EMPTY_FILE", "E_NOT_A_TABLE", "E_LONG_LINE")
    yield _case("bombs", "large.gz", lambda: _zeros(700), "E_UNPACKED_TOO_LARGE")
    yield _case("bombs", "overlapping.zip", lambda: _overlapping("0000.csv", bytes(60_000_000), 5_000), "E_CHOOSE_MEMBER", *REFUSED)

    def nested(depth: int, wrap: Callable[[bytes], bytes]) -> bytes:
        data = catalog_bytes()
        for _ in range(depth):
            data = wrap(data)
        return data

    for depth in (2, 3, 200):
        yield _case(
            "nested", f"gz-{depth}.gz", lambda depth=depth: nested(depth, gzip.compress), "read" if depth == 2 else "E_NOT_A_TABLE"
        )
        yield _case(
            "nested",
            f"zip-{depth}.zip",
            lambda depth=depth: nested(depth, lambda data: zipped(("inner.zip" if data[:2] == b"PK" else "items.csv", data))),
            "read" if depth == 2 else "E_NOT_A_TABLE",
        )
    yield _case(
        "nested",
        "zips-in-zips.zip",
        lambda: zipped(*[(f"{at}.zip", zipped(("a.csv", bytes(1_000_000)))) for at in range(50)]),
        *REFUSED,
        "E_CHOOSE_MEMBER",
    )


def _gzips() -> Iterator[Case]:
    sound = gzip.compress(catalog_bytes())
    yield _case("gzips", "torn.csv.gz", lambda: sound[:-30], *REFUSED)
    yield _case("gzips", "no-end.csv.gz", lambda: sound[:-8], *REFUSED)
    yield _case("gzips", "wrong-sum.csv.gz", lambda: sound[:-8] + b"abcd" + sound[-4:], *REFUSED)
    yield _case("gzips", "wrong-size.csv.gz", lambda: sound[:-4] + b"\0\0\0\0", *REFUSED)
    yield _case("gzips", "head-only.csv.gz", lambda: sound[:10], *REFUSED)
    yield _case("gzips", "two-bytes.csv.gz", lambda: sound[:2], *REFUSED)
    yield _case("gzips", "garbage-behind.csv.gz", lambda: sound + b"garbage", *REFUSED, "read")
    yield _case("gzips", "zeros-behind.csv.gz", lambda: sound + bytes(1000), "read")
    yield _case(
        "gzips",
        "in-parts.csv.gz",
        lambda: b"".join(gzip.compress(catalog_bytes()[at : at + 7]) for at in range(0, len(catalog_bytes()), 7)),
        "read",
    )
    yield _case("gzips", "unknown-method.csv.gz", lambda: b"\x1f\x8b\x09" + sound[3:], *REFUSED)
    yield _case(
        "gzips", "name-outside.csv.gz", lambda: b"\x1f\x8b\x08\x08" + sound[4:10] + b"../../etc/passwd\0" + sound[10:], "read"
    )
    yield _case("gzips", "long-extra.csv.gz", lambda: b"\x1f\x8b\x08\x04" + sound[4:10] + b"\xff\xff" + bytes(100), *REFUSED)
    yield _case("gzips", "empty.csv.gz", lambda: gzip.compress(b""), *REFUSED)
    yield _case(
        "gzips",
        "pickle.csv.gz",
        lambda: gzip.compress(pickle.dumps({"a": 1})),
        "E_NOT_A_TABLE",
        "E_UNDECODABLE",
        "E_NO_ITEM_COLUMN",
        "E_HEADER_ONLY",
    )
    yield _case("gzips", "picture.csv.gz", lambda: gzip.compress(PNG), "E_NOT_A_TABLE")
    yield _case("gzips", "as-pictures.gz", lambda: sound, *NO_PICTURES, role="images")


def _pictures() -> Iterator[Case]:
    yield _case("picture-zips", "link.zip", lambda: _link(b"/etc/passwd"), "aside", role="images")
    yield _case(
        "picture-zips", "bomb.zip", lambda: zipped(("0001.png", PNG + bytes(80_000_000)), ("0002.png", PNG)), "aside", role="images"
    )
    yield _case(
        "picture-zips",
        "overlapping.zip",
        lambda: _overlapping("0000.png", PNG + bytes(90_000), 20_000),
        "read",
        "aside",
        role="images",
    )
    yield _case(
        "picture-zips",
        "overlapping-large.zip",
        lambda: _overlapping("0000.png", PNG + bytes(40_000_000), 2_000),
        "E_IMAGES_REFUSED",
        "aside",
        role="images",
    )
    yield _case(
        "picture-zips",
        "locked.zip",
        lambda: _patched(zipped(("0001.png", PNG), ("0002.png", PNG)), b"PK\x01\x02", 8, b"\x01"),
        "aside",
        role="images",
    )
    yield _case(
        "picture-zips",
        "unknown-method.zip",
        lambda: _patched(zipped(("0001.png", PNG), ("0002.png", PNG)), b"PK\x01\x02", 10, b"\x63\x00"),
        "aside",
        role="images",
    )
    yield _case(
        "picture-zips",
        "points-outside.zip",
        lambda: _patched(zipped(("0001.png", PNG), ("0002.png", PNG)), b"PK\x01\x02", 42, b"\xff\xff\xff\x7f"),
        "aside",
        *NO_PICTURES,
        role="images",
    )
    yield _case("picture-zips", "one-name-twice.zip", lambda: zipped(("0001.png", PNG), ("0001.png", PNG)), "read", role="images")
    yield _case("picture-zips", "texts.zip", lambda: zipped(("0001.png", b"<html>"), ("0002.jpg", b"")), "aside", role="images")
    yield _case(
        "picture-zips",
        "japanese-names.zip",
        lambda: _patched(zipped(("abcd.png", PNG)), b"PK\x01\x02", 46, "髙島".encode("cp932")),
        "read",
        "aside",
        *NO_PICTURES,
        role="images",
    )
    yield _case(
        "picture-zips", "nested.zip", lambda: zipped(("pictures.zip", zipped(("0001.png", PNG)))), *NO_PICTURES, role="images"
    )
    yield _case(
        "picture-zips",
        "nameless.zip",
        lambda: zipped(("0001.png", PNG), ("0002.png", PNG)).replace(b"0001.png", b"\x00001.png"),
        "read",
        "aside",
        role="images",
    )
    yield _case("picture-zips", "torn.zip", lambda: zipped(("0001.png", PNG), ("0002.png", PNG))[:-30], *NO_PICTURES, role="images")
    yield _case("picture-zips", "table.csv", catalog_bytes, *NO_PICTURES, role="images")


ARCHIVES: tuple[Case, ...] = (*_zips(), *_gzips(), *_pictures())
"""All cases of archives."""
