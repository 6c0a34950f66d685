"""Writes a sample shop: catalog, log, pictures, and the truth about what was planted in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diagnostics.errors import TenbinError
from diagnostics.seeds import generator
from sample_data.generator import words_en, words_ja
from sample_data.generator.pictures import placeholder, product_picture
from sample_data.generator.plants import STORIES, Plant, parse_plant
from sample_data.generator.world import DEPARTMENTS, FACTORS, World, build_world

__all__ = ["SHOPS", "Truth", "write_shop"]

SHOPS = ("en", "ja")
_WORDS = {"en": words_en, "ja": words_ja}
_SOUND = {"shared": 0.6, "text": 1.0, "image": 1.0, "attributes": 0.3, "id": 0.4}
# Utility deviations of a sound shop, tried at the default size: words alone, pictures alone and purchase history alone each rank
# well above popularity, words and pictures together above either, and history does not yet know everything.
_NEGLECTED = frozenset(kind for department in ("furniture", "bags") for kind in DEPARTMENTS[department])
_FEWEST = 20  # users or items; fewer make no shop
_VECTOR_WIDTH = 64  # of ready-made vectors

_HEADERS = {
    "en": (
        ("item_id", "title", "description", "category", "color", "brand", "price", "image"),
        ("customer_id", "item_id", "purchased_at", "quantity", "unit_price"),
    ),
    "ja": (
        ("商品ID", "商品名", "説明文", "カテゴリ", "色", "ブランド", "価格", "画像"),
        ("会員ID", "商品ID", "購入日時", "数量", "単価"),
    ),
}


@dataclass(frozen=True)
class Truth:
    """What is really the case in a sample shop; ``truth.json`` beside its files.

    Attributes
    ----------
    cause : ``none`` or the planted cause; modality, strength, dose, mechanism, disguised as in ``Plant``
    item_ids : the items that suffer, in catalog order; empty where the whole shop does
    content_of : for ``uninformative``, item id -> the item whose content it shows
    strengths : block of the world -> standard deviation of its utility
    factors : item id -> factor -> value, as drawn before the defect
    """

    shop: str
    seed: int
    n_users: int
    n_items: int
    n_interactions: int
    cause: str
    modality: str | None
    strength: str | None
    dose: float | None
    mechanism: str | None
    disguised: bool
    item_ids: tuple[str, ...]
    content_of: Mapping[str, str] = field(repr=False)
    strengths: Mapping[str, float] = field(repr=False)
    factors: Mapping[str, Mapping[str, object]] = field(repr=False)


@dataclass(frozen=True)
class _Listing:
    """One row of the catalog before it is written in the shop's own style. None: the shop has nothing there."""

    kind: str
    title: str
    description: str | None
    category: str | None
    colour: str | None
    brand: str | None
    price: float
    picture: int | None  # whose picture it shows; -1 for the "no image" card


def write_shop(
    folder: Path,
    *,
    shop: str = "en",
    plant: str | None = None,
    seed: int = 0,
    n_users: int = 1500,
    n_items: int = 600,
    progress: Callable[[str, float], None] | None = None,
) -> Truth:
    """Write a shop with known truth into a new or empty folder: catalog.csv, transactions.csv, images/ and truth.json.

    The English shop is UTF-8 with dollars, the Japanese one cp932 with tax-inclusive yen as shops there export it. The same
    arguments give the same bytes.

    Parameters
    ----------
    plant : ``CAUSE[:MODALITY][:STRENGTH]``, ``none`` for a sound shop, or None for the shop's own story (English: "no image"
        cards in two departments; Japanese: descriptions blank, mostly of what sells little)
    progress : called with ``("sample", share done)``

    Raises
    ------
    TenbinError
        ``E_SHOP_UNKNOWN``, ``E_SHOP_SIZE``, ``E_SHOP_FOLDER`` (not empty: nothing is overwritten), and those of ``parse_plant``.
    """
    if shop not in SHOPS:
        raise TenbinError("E_SHOP_UNKNOWN", found=shop, choices=SHOPS)
    if min(n_users, n_items) < _FEWEST:
        raise TenbinError("E_SHOP_SIZE", found=min(n_users, n_items), expected=_FEWEST)
    defect = STORIES[shop] if plant is None else parse_plant(plant)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TenbinError("E_SHOP_FOLDER", file=str(folder))
    report = progress or (lambda step, done: None)
    report("sample", 0.0)
    world = _plan_world(defect, seed, n_users, n_items)
    ids = _ids(n_items, 6 if shop == "en" else 8, generator(seed, "item ids"))
    listings = [_listing(world, shop, item) for item in range(n_items)]
    harmed, shown = _choose(world, defect)
    listings = _harm(listings, defect, harmed, shown, shop)
    report("sample", 0.1)

    (folder / "images").mkdir(parents=True, exist_ok=True)
    _write_pictures(folder / "images", world, ids, listings, lambda done: report("sample", 0.1 + 0.8 * done))
    headers, encoding = _HEADERS[shop], "cp932" if shop == "ja" else "utf-8"
    style = _price_ja if shop == "ja" else _price_en
    tags = [style(listing.price, generator(seed, "price tag", item)) for item, listing in enumerate(listings)]
    rows = [
        (
            item_id,
            row.title,
            row.description,
            row.category,
            row.colour,
            row.brand,
            tag,
            None if row.picture is None else f"{item_id}.jpg",
        )
        for item_id, row, tag in zip(ids, listings, tags, strict=True)
    ]
    _write_csv(folder / "catalog.csv", headers[0], rows, encoding)
    _write_csv(folder / "transactions.csv", headers[1], _log_rows(world, shop, ids), encoding)
    if defect is not None and defect.cause == "scale_mismatch":
        _write_vectors(folder / "features", world, defect)
    truth = _truth(world, shop, defect, ids, harmed, shown)
    (folder / "truth.json").write_text(json.dumps(asdict(truth), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    report("sample", 1.0)
    return truth


# ---------------------------------------------------------------- the defect


def _plan_world(defect: Plant | None, seed: int, n_users: int, n_items: int) -> World:
    """The world that the defect asks for: some causes lie in the tastes or in the log, not in the files."""
    strengths, density, copied, told_by_brand = dict(_SOUND), 1.0, None, True
    if defect is not None and defect.cause == "irrelevant":
        strengths = {block: value if block == "id" else value * (1 - defect.dose) for block, value in strengths.items()}
        strengths["id"], told_by_brand = 1.6, False  # tastes exist, but nothing in the catalog tells of them
    elif defect is not None and defect.cause == "unused":
        density = defect.dose
    elif defect is not None and defect.cause == "redundant" and defect.modality is not None:
        copied = ("text" if defect.modality == "image" else "image", defect.modality, defect.dose)
        strengths[defect.modality] *= 1 - defect.dose
    return build_world(
        seed=seed,
        n_users=n_users,
        n_items=n_items,
        strengths=strengths,
        density=density,
        copied=copied,
        told_by_brand=told_by_brand,
    )


def _choose(world: World, defect: Plant | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which items suffer, ascending, and whose content each item shows; (n_harmed,), (n_items,)."""
    n_items = world.n_items
    shown = np.arange(n_items)
    if defect is None or defect.cause not in ("missing", "uninformative"):
        return np.empty(0, np.int64), shown
    rng = generator(world.seed, "harmed")
    lean = np.zeros(n_items)
    if defect.mechanism == "popularity":
        sold = np.log1p(np.bincount(world.purchases.item, minlength=n_items))
        lean = -1.5 * (sold - sold.mean()) / sold.std()
    elif defect.mechanism == "category":
        lean = np.array([4.0 * (world.value("kind", item) in _NEGLECTED) for item in range(n_items)])
    count = round(defect.dose * n_items)
    harmed = np.sort(np.argsort(-(lean + rng.gumbel(0, 1, n_items)), kind="stable")[:count])
    if defect.cause == "uninformative":
        around = rng.permutation(harmed)  # one long cycle: nobody keeps its own content
        shown[around] = np.roll(around, 1)
    return harmed, shown


def _harm(
    listings: list[_Listing], defect: Plant | None, harmed: npt.NDArray[np.int64], shown: npt.NDArray[np.int64], shop: str
) -> list[_Listing]:
    """The listings as the shop shows them."""
    if defect is None:
        return listings
    book, changed = _WORDS[shop].PHRASEBOOK, list(listings)
    for item in harmed:
        row, other = listings[item], listings[shown[item]]
        if defect.cause == "uninformative":
            changed[item] = {
                "text": replace(row, title=other.title, description=other.description),
                "image": replace(row, picture=int(shown[item])),
                "attributes": replace(row, category=other.category, colour=other.colour, brand=other.brand, price=other.price),
            }[str(defect.modality)]
        else:
            blank = book.other if defect.disguised else None
            plain = _WORDS[shop].plain_title(row.kind, int(item))
            changed[item] = {
                "text": replace(row, title=plain, description=book.boilerplate if defect.disguised else None),
                "image": replace(row, picture=-1 if defect.disguised else None),
                "attributes": replace(row, category=blank, colour=blank, brand=blank),
            }[str(defect.modality)]
    return changed


def _truth(
    world: World, shop: str, defect: Plant | None, ids: Sequence[str], harmed: npt.NDArray[np.int64], shown: npt.NDArray[np.int64]
) -> Truth:
    moved = np.flatnonzero(shown != np.arange(world.n_items))
    return Truth(
        shop=shop,
        seed=world.seed,
        n_users=world.n_users,
        n_items=world.n_items,
        n_interactions=len(world.purchases.item),
        cause=defect.cause if defect else "none",
        modality=defect.modality if defect else None,
        strength=defect.strength if defect else None,
        dose=defect.dose if defect else None,
        mechanism=defect.mechanism if defect else None,
        disguised=bool(defect and defect.disguised),
        item_ids=tuple(ids[item] for item in harmed.tolist()),
        content_of={ids[item]: ids[shown[item]] for item in moved.tolist()},
        strengths=world.strengths,
        factors={item_id: {name: world.value(name, item) for name in FACTORS} for item, item_id in enumerate(ids)},
    )


# ---------------------------------------------------------------- the files


def _ids(count: int, width: int, rng: np.random.Generator) -> list[str]:
    """Unique numbers with leading zeros, ascending."""
    span = max(10 ** (width - 1), count * 2)
    return [f"{number:0{width}d}" for number in np.sort(rng.choice(np.arange(10, span), count, replace=False))]


def _listing(world: World, shop: str, item: int) -> _Listing:
    """What the shop says of one item when all is well."""
    words = _WORDS[shop]
    values = {name: str(world.value(name, item)) for name in FACTORS}
    title, description = words.describe(values, int(world.factors["making"][item]), generator(world.seed, "words", shop, item))
    book = words.PHRASEBOOK
    brand = book.brands[world.factors["brand"][item]]
    colour = book.colours[values["colour"]]
    return _Listing(
        values["kind"], title, description, book.categories[values["kind"]], colour, brand, float(world.price[item]), picture=item
    )


def _write_pictures(
    folder: Path, world: World, ids: Sequence[str], listings: Sequence[_Listing], report: Callable[[float], None]
) -> None:
    for item, (item_id, listing) in enumerate(zip(ids, listings, strict=True)):
        if listing.picture is not None:
            raw = placeholder() if listing.picture < 0 else _picture(world, listing.picture)
            (folder / f"{item_id}.jpg").write_bytes(raw)
        report((item + 1) / len(ids))


def _picture(world: World, item: int) -> bytes:
    value = {name: str(world.value(name, item)) for name in ("kind", "colour", "pattern", "accent", "finish")}
    return product_picture(**value, form=int(world.factors["form"][item]), rng=generator(world.seed, "picture", item))


def _price_en(price: float, rng: np.random.Generator) -> str:
    return f"{_dollars(price):.2f}"


def _dollars(price: float) -> float:
    """A price tag in half dollars."""
    return max(round(price * 2) / 2, 0.5)


def _yen(price: float) -> int:
    """A price tag in tens of yen, tax included."""
    return max(round(price * 14.5) * 10, 10)


def _price_ja(price: float, rng: np.random.Generator) -> str:
    """Most tags alike, and a few in each of the other ways that such files contain."""
    yen, way = _yen(price), rng.random()
    if way < 0.03:
        return "オープン価格"
    if way < 0.06:
        return f"￥{yen:,}（税込）".translate(str.maketrans("0123456789,", "０１２３４５６７８９，"))
    return f"{yen:,}円" if way < 0.08 else f"￥{yen:,}（税込）"


def _log_rows(world: World, shop: str, ids: Sequence[str]) -> list[tuple[object, ...]]:
    """One row per line of an order, in the order of time; now and then something was on sale."""
    log, rng = world.purchases, generator(world.seed, "sales")
    members = _ids(world.n_users, 7, generator(world.seed, "customer ids"))
    sale = np.where(rng.random(len(log.item)) < 0.1, rng.choice([0.8, 0.85, 0.9], len(log.item)), 1.0)
    rows: list[tuple[object, ...]] = []
    for user, item, time, quantity, cut in zip(log.user, log.item, log.time.tolist(), log.quantity, sale, strict=True):
        price = world.price[item] * cut
        moment = f"{time:%Y/%m/%d %H:%M}" if shop == "ja" else f"{time:%Y-%m-%d %H:%M:%S}"
        unit = str(_yen(price)) if shop == "ja" else f"{_dollars(price):.2f}"
        rows.append((members[user], ids[item], moment, int(quantity), unit))
    return rows


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]], encoding: str) -> None:
    """Every character must exist in the encoding: an unencodable one is our fault and raises."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n" if encoding == "cp932" else "\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def _write_vectors(folder: Path, world: World, defect: Plant) -> None:
    """Ready-made vectors of both content modalities, (n_items, 64) float32 of norm about 1; the harmed one far longer."""
    folder.mkdir()
    for modality in ("text", "image"):
        rng = generator(world.seed, "vectors", modality)
        latent = np.hstack([world.vectors["shared"], world.vectors[modality]])
        vectors = (latent - latent.mean(axis=0)) @ rng.standard_normal((latent.shape[1], _VECTOR_WIDTH))
        vectors += 0.2 * vectors.std() * rng.standard_normal(vectors.shape)
        vectors /= np.linalg.norm(vectors, axis=1).mean()
        np.save(folder / f"{modality}.npy", (vectors * (defect.dose if modality == defect.modality else 1.0)).astype(np.float32))
