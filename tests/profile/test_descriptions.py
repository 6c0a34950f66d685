"""A description that is not there is a gap of its own, whatever the title; what a department shares is no boilerplate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diagnostics.messages import LANGUAGES
from diagnostics.profile import profile
from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.text import check_texts
from diagnostics.report.words import Words
from diagnostics.schema import Catalog, Dataset, InteractionLog, Profile, ReadingNotes, Split

N = 600
WORDS = ["linen", "oak", "steel", "moss", "cobalt", "amber", "tidal", "velvet", "ember", "quartz", "willow", "drift", "slate"]


def _shop(make_dataset: Callable[..., Dataset], descriptions: Callable[[int, str], str | None], **more: object) -> Dataset:
    """Every third is but a lamp with a number; 50 products are new in each month of 2024, item by item."""
    rng = np.random.default_rng(0)
    names = [f"{' '.join(rng.choice(WORDS, 2, replace=False))} {item}" for item in range(N)]
    titles = [f"Lamp {item}" if item % 3 == 0 else f"{name}, for the whole house" for item, name in enumerate(names)]
    own = [f"Made of {' and '.join(rng.choice(WORDS, 4, replace=False))} in a small workshop." for _ in range(N)]
    written = [descriptions(item, text) for item, text in enumerate(own)]
    texts = ["\n".join(part for part in pair if part) for pair in zip(titles, written, strict=True)]
    users = rng.integers(0, 300, (N, 4))
    pairs = [(int(user), item) for item in range(N) for user in users[item]]
    kinds = [f"kind {item % 7}" for item in range(N)]
    columns = {"titles": titles, "texts": texts, "descriptions": written, "category": kinds, **more}
    dataset = make_dataset(N, pairs, n_users=300, **columns)
    first = np.datetime64("2024-01", "M") + dataset.log.item_index // 50
    log = InteractionLog(dataset.log.user_ids, dataset.log.user_index, dataset.log.item_index, first.astype("datetime64[s]"))
    return replace(dataset, log=log)


def _check(dataset: Dataset) -> Check:
    check = Check(dataset.catalog, "text")
    check_texts(check, Kinship(dataset))
    return check


def _profiled(dataset: Dataset, make_block: Callable) -> Profile:
    values = np.random.default_rng(1).normal(size=(N, 8))
    return profile(dataset, [make_block(values, "text", "text")])


def test_every_product_without_a_description_is_a_gap_whatever_its_title(make_dataset: Callable, make_block: Callable) -> None:
    lost = set(range(250, 350)) | set(range(0, N, 30))  # all that was new in June and July, and a few
    dataset = _shop(make_dataset, lambda item, own: None if item in lost else own)
    check = _check(dataset)
    assert set(np.flatnonzero(~check.described)) == lost == set(np.flatnonzero(check.blank))
    assert set(np.flatnonzero(check.named_only)) == {item for item in lost if item % 3 == 0}  # a good title is a text
    assert [issue.count for issue in check.issues if issue.code == "no_description"] == [len(lost)]

    found = _profiled(dataset, make_block)
    gaps, text = found.modalities[0].description, found.modalities[0]
    assert gaps is not None and (gaps.blank, gaps.hollow) == (len(lost), 0)
    assert gaps.without_text == sum(item % 3 == 0 for item in lost)
    assert (gaps.coverage.items, text.coverage.items) == pytest.approx((1 - len(lost) / N, 1 - gaps.without_text / N))
    shares = {segment.segment: segment.items for segment in gaps.segments if segment.by == "launch"}
    assert {month for month, share in shares.items() if share < 0.9} == {"2024-06", "2024-07"}
    assert shares["2024-06"] == shares["2024-07"] == 0
    assert {segment.by for segment in gaps.segments} == {"popularity", "category", "month", "launch"}
    assert [set(pattern.modalities) for pattern in found.patterns] == [{"text"}, set()]  # the description is no modality

    (finding,) = [finding for finding in found.findings if finding.code == "description_gaps"]
    assert finding.values["blank"] == len(lost) and finding.severity == "warning"
    spans = [part["values"] for part in finding.values["patterns"] if part["code"] == "absence.month"]
    assert [(span["group"], span["missing"]) for span in spans] == [("2024-06–2024-07", 1.0)]
    for lang in LANGUAGES:
        said = Words(lang).coded("finding", finding.code, "text", {**finding.values, "modality": "text"})
        assert "2024-06" in said and str(len(lost)) in said


def test_gaps_at_random_name_no_month(make_dataset: Callable, make_block: Callable) -> None:
    lost = set(np.random.default_rng(3).choice(N, 90, replace=False).tolist())
    found = _profiled(_shop(make_dataset, lambda item, own: None if item in lost else own), make_block)
    (finding,) = [finding for finding in found.findings if finding.code == "description_gaps"]
    assert finding.values["patterns"] == [] and finding.values["blank"] == 90


def test_a_description_that_says_nothing_is_told_from_one_that_is_not_there(make_dataset: Callable, make_block: Callable) -> None:
    """A title again, a word for nothing, boilerplate: the product still has its title."""

    def written(item: int, own: str) -> str | None:
        says = {0: "n/a", 1: "Please ask our friendly staff for all the details.", 2: None}
        return says[item // 20] if item < 60 else own

    dataset = _shop(make_dataset, written)
    dataset.catalog.descriptions[60] = dataset.catalog.titles[60]
    gaps = _profiled(dataset, make_block).modalities[0].description
    assert gaps is not None and (gaps.blank, gaps.hollow, gaps.without_text) == (20, 41, 21)


@pytest.mark.parametrize("month", [False, True])
def test_where_few_are_described_the_gaps_are_told_and_are_a_warning_if_they_follow_a_pattern(
    make_dataset: Callable, make_block: Callable, month: bool
) -> None:
    """A fifth is described: chosen at random, or all that was new before April. Only who is but a lamp has no text for that."""
    kept = set(range(150)) if month else set(np.random.default_rng(5).choice(N, 120, replace=False).tolist())
    dataset = _shop(make_dataset, lambda item, own: own if item in kept else None)
    lamps = {item for item in range(0, N, 3) if item not in kept}
    check = _check(dataset)
    assert set(np.flatnonzero(check.named_only)) == lamps and not check.disguised.any()
    found = _profiled(dataset, make_block)
    gaps = found.modalities[0].description
    assert gaps is not None and (gaps.blank, gaps.hollow, gaps.without_text) == (N - len(kept), 0, len(lamps))
    (finding,) = [finding for finding in found.findings if finding.code == "description_gaps"]
    assert (finding.severity, bool(finding.values["patterns"])) == (("warning", True) if month else ("info", False))


def test_where_names_are_all_there_is_nothing_is_a_gap(make_dataset: Callable, make_block: Callable) -> None:
    """Nineteen descriptions are no column that the shop fills."""
    dataset = _shop(make_dataset, lambda item, own: own if item < 19 else None)
    check = _check(dataset)
    assert check.described is None and not check.unreal.any()
    assert _profiled(dataset, make_block).modalities[0].description is None


def test_what_one_department_shares_is_a_description_and_what_a_whole_brand_shares_is_not(make_dataset: Callable) -> None:
    """The same true sentence on products that the shop sorts into several categories, but into one department."""
    department = [f"department {item // 60}" for item in range(N)]
    brand = [f"brand {item % 50}" for item in range(N)]
    shelf = {5 * step for step in range(12)}  # twelve of the sixty of a department, of all categories
    of_brand = set(range(7, N, 50))  # all twelve of a brand

    def written(item: int, own: str) -> str:
        if item in shelf:
            return "Elastic braces with metal clips."
        return "We have made good things since 1911." if item in of_brand else own

    columns = {"department": np.array(department, dtype=object), "brand": np.array(brand, dtype=object)}
    check = _check(_shop(make_dataset, written, attributes=columns))
    assert set(np.flatnonzero(~check.described)) == of_brand
    assert {finding.code for finding in check.findings} == {"boilerplate_text", "variants_share_text"}


@pytest.mark.parametrize("apart", [False, True])
def test_one_sentence_as_title_and_description_of_many_strangers_is_no_text(make_dataset: Callable, apart: bool) -> None:
    sentence, dataset = "Please ask our staff for details of this product before you order", _shop(make_dataset, lambda _, own: own)
    chosen = np.random.default_rng(4).choice(N, 400, replace=False)
    for column, said in (("titles", sentence), ("descriptions", sentence), ("texts", f"{sentence}\n{sentence}")):
        getattr(dataset.catalog, column)[chosen] = said
    catalog = dataset.catalog if apart else replace(dataset.catalog, descriptions=None)
    assert set(np.flatnonzero(_check(replace(dataset, catalog=catalog)).disguised)) == set(chosen)


def test_short_phrases_that_many_products_have_are_no_template(make_dataset: Callable) -> None:
    """Without the name of the category the same few words are left; they are true of each."""
    dataset = _shop(make_dataset, lambda item, own: f"Kind {item % 7} with an elasticated waist." if item % 40 == 0 else own)
    assert _check(dataset).described.all()


def test_a_real_catalog_is_accused_of_nothing_but_what_is_missing(shared: Path) -> None:
    """Of 105,542 products those that a look at one category alone, or at a few words, accuses; and all without a description."""
    from pyarrow import parquet

    path = shared / "data" / "hm" / "catalog_full.parquet"
    if not path.exists():
        pytest.skip("../shared/data/hm is absent")
    table = parquet.read_table(path).to_pydict()
    likely = ("with an elasticated waist.", "in sweatshirt fabric", "zip fly and button")
    kept = [row for row, text in enumerate(table["detail_desc"]) if text is None or any(phrase in text for phrase in likely)]

    def column(name: str) -> np.ndarray:
        return np.array([table[name][row] for row in kept], dtype=object)

    titles, descriptions = column("prod_name"), column("detail_desc")
    texts = [f"{title}\n{text}" if text else title for title, text in zip(titles, descriptions, strict=True)]
    names = (
        "product_type_name",
        "product_group_name",
        "graphical_appearance_name",
        "colour_group_name",
        "index_name",
        "section_name",
    )
    attributes = {name: column(name) for name in names}
    catalog = Catalog(
        column("article_id").astype(str).astype(object),
        titles=titles,
        texts=np.array(texts, dtype=object),
        descriptions=descriptions,
        attributes=attributes,
        category=column("garment_group_name"),
    )
    none = np.empty((0, 2), dtype=np.int32)
    log = InteractionLog(np.empty(0, dtype=object), none[:, 0], none[:, 1])
    check = _check(Dataset(catalog, log, "", ReadingNotes(), Split("user", "asked", 0, len(kept), none, none, none)))
    assert check.described is not None and check.blank is not None
    assert (~check.described).sum() == check.blank.sum() == 416 < len(kept) / 5
    assert not {"boilerplate_text", "template_text"} & {issue.code for issue in check.issues}
