"""Every threshold, limit and preset, each with its value and its reason; and where Tenbin may write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

__all__ = ["PRESETS", "THRESHOLDS", "Preset", "Threshold", "cache_folder", "cores", "home", "reader_memory_bytes", "threshold"]


@dataclass(frozen=True)
class Threshold:
    """A limit that a rule compares with, and why it stands where it stands."""

    value: float
    reason: str


THRESHOLDS: dict[str, Threshold] = {
    # ---- reading
    "category_max_values": Threshold(
        200, "with more distinct values than this, a column describes single items, not kinds of items"
    ),
    "category_max_share": Threshold(0.5, "a column whose values are mostly distinct is a name or a code, not a category"),
    "table_max_columns": Threshold(2000, "no product table is wider; what is wider are vectors, or a file without line ends"),
    "json_max_inner": Threshold(50, "an inner record with more different names than this lists properties, it has no columns"),
    "unpacked_max_bytes": Threshold(8e9, "a log of a hundred million rows; larger ones come as Parquet, which is read in place"),
    "unpacked_max_ratio": Threshold(200, "real logs pack to a tenth or a twentieth of their size, traps to a thousandth"),
    "reader_memory_mb": Threshold(
        4096, "a log of ten million rows as CSV fits, and a computer with 8 GB lives on; TENBIN_READER_MEMORY_MB changes it"
    ),
    "reader_seconds": Threshold(8, "for any file, however small: what is not read by then is a trap, on a busy computer too"),
    "reader_seconds_per_mb": Threshold(2, "four times what a CSV of two hundred columns takes on two busy cores"),
    "reader_seconds_packed": Threshold(
        5, "times as long per megabyte for what is packed: tables shrink to a tenth, and unpack fast"
    ),
    "reader_seconds_folder": Threshold(900, "a folder has no size; a million pictures on a slow network drive take minutes"),
    "question_margin": Threshold(0.05, "a usual name and a less usual one lie further apart; within it, the order is an accident"),
    "product_least_shared": Threshold(0.05, "of the items; where fewer share a code with another, it is one more code of the item"),
    "repeated_least_share": Threshold(0.1, "of the rows; fewer that name a product again are slips, and are set aside one by one"),
    "repeated_differing": Threshold(0.1, "of the repeated rows; a product's own attribute is hardly ever edited that often"),
    "event_weight_purchase": Threshold(1.0, "somebody paid for it: this is what an interaction means"),
    "event_weight_rating": Threshold(1.0, "who rates a product has had it; whether it was liked is what the rating says"),
    "event_weight_cart": Threshold(0.5, "roughly every second to third cart is bought in the end: two carts say one purchase"),
    "event_weight_favourite": Threshold(0.5, "a wish without the money: as strong as a cart, and as often left at that"),
    "event_weight_view": Threshold(0.2, "a look is mostly curiosity; coming back five times is not"),
    "event_weight_shown": Threshold(0.0, "the shop's doing, not the customer's"),
    "event_weight_unrelated": Threshold(0.0, "a search or a login says nothing about one product"),
    "event_weight_undone": Threshold(0.0, "taken out, cancelled or returned: the opposite of a wish"),
    "rating_liked": Threshold(4.0, "of 5; in most shops three stars already mean disappointment"),
    "rating_odd_share": Threshold(0.005, "of the ratings; fewer above the scale of all others are slips of the keyboard"),
    "sample_rows": Threshold(1e6, "rows; a share of them is known to a tenth of a point, and a profile of more would cost hours"),
    "sample_items": Threshold(
        50_000, "items; comparing each with every other grows with the square; intervals would hardly narrow"
    ),
    "sample_text_bytes": Threshold(3e8, "about five million rows as text; a longer file is converted by the engine, not held"),
    # ---- profile
    "copy_min_items": Threshold(5, "the same picture or text on this many items is a placeholder or a template, not a coincidence"),
    "standalone_permutations": Threshold(5, "enough shuffles to see the floor's spread; all of them cost one ranking more"),
    "standalone_users": Threshold(5000, "a recall of 0.1 is then known to about half a point; more users would cost, not tell"),
    "standalone_scores": Threshold(
        2e8, "customers times products; half a minute per modality, and 2,000 customers in a shop of 100,000 products"
    ),
    "item_knn_work": Threshold(5e8, "multiplications, about ten seconds; few shops need more for the sampled customers"),
    "standalone_square": Threshold(12000, "items; the table of all similarities then takes 576 MB"),
    "kinship_agreement": Threshold(0.5, "half-way between any two items of the shop and items that all agree"),
    "kinship_part": Threshold(0.5, "what most of a brand or category shares is said of the brand or category, not of a product"),
    "kinship_namesakes": Threshold(
        0.5, "of equal texts in one category: colours share a title, products under one sentence do not"
    ),
    "kinship_titles": Threshold(0.3, "variants' titles differ in colour or number, and still share this much beyond chance"),
    "kinship_lift": Threshold(3.0, "strangers are bought together about as often as their sales say; variants several times more"),
    "mean_vector_distance": Threshold(
        0.02, "of the typical distance to the mean; no real item of four or more dimensions is that average"
    ),
    "kinship_family": Threshold(
        40, "items whose ids begin alike; few products have more colours and sizes, and running numbers come in hundreds"
    ),
    "kinship_min_pairs": Threshold(10, "fewer joint purchases than this are a coincidence"),
    "short_text_width": Threshold(20, "three or four words, or ten Japanese characters: less than a product's name"),
    "usually_described": Threshold(0.5, "where most products have a description, one that lacks it is worth a warning"),
    "described_share": Threshold(
        0.05,
        "one product in twenty: such a column is in use, and a bare name beside it a gap; below, it may be left over from a trial",
    ),
    "described_items": Threshold(20, "described products; with fewer, the column is hardly used"),
    "tiny_picture_side": Threshold(64, "pixels; the encoder sees 224, so such a picture is blown up more than three times"),
    "dark_brightness": Threshold(30, "of 255; the darkest of 3,422 real fashion photos has 30"),
    "flat_contrast": Threshold(1.5, "of 255; the flattest of 3,422 real fashion photos, white on white, has 2.1"),
    "blurred_detail": Threshold(
        0.01, "variance of the Laplacian over that of grey; 3,422 sharp photos have 0.034 or more, blurred by two pixels 0.003"
    ),
    "overexposed_shade": Threshold(
        240, "of 255; if only 5 % of a picture is darker, its shadows are burnt out; the whitest of 3,422 photos has 232"
    ),
    "poor_entropy": Threshold(1.0, "bits of 8, as of two shades of grey; the plainest of 3,422 real photos has 2.2"),
    "odd_aspect": Threshold(3.0, "times as long as wide, and twice as far from square as the shop's usual picture"),
    "odd_size": Threshold(5.0, "times the side of the shop's usual picture, or a fifth of it: a thumbnail or a raw file"),
    "grey_chroma": Threshold(1.0, "of 255; no colour at all; photos of black and white things have 2 or more"),
    "rare_kind": Threshold(0.05, "where fewer pictures than one in twenty are stored so, it is an oddity; above, it is the custom"),
    "price_outlier": Threshold(6.0, "robust deviations of the log price within its category; a slip of the decimal point shows"),
    "norm_ratio_extreme": Threshold(30.0, "encoders that we know stay within a factor of ten of each other"),
    "row_norm_extreme": Threshold(30.0, "one encoder's vectors stay within a factor of three or four of their usual length"),
    # ---- profile: quality
    "issue_common": Threshold(0.05, "one product in twenty: a customer meets the fault on most pages of the shop"),
    "issue_grave": Threshold(0.01, "of values that are lost for good, one in a hundred already points to a broken export"),
    "signal_items": Threshold(6000, "items; all their pairs then take a second per modality, and intervals are already narrow"),
    "signal_min_items": Threshold(100, "items; with fewer, ten neighbours are a tenth of the shop"),
    "factor_min_rows": Threshold(5, "buyers; with fewer, what purchases say of an item is mostly chance"),
    "hub_share": Threshold(0.15, "of all places among the ten nearest held by 1 % of items; on real shops 2 to 4 %"),
    "redundant_r2": Threshold(0.8, "when four fifths of one can be computed from the other, it has little of its own left to say"),
    "variants_share": Threshold(0.05, "one item in twenty; with fewer, variants cannot move a recall that is read to the point"),
    "absence_min_items": Threshold(10, "items with, and items without; with fewer there is no pattern to see"),
    "absence_group_items": Threshold(20, "items; a smaller group that lacks something is an anecdote"),
    "absence_difference": Threshold(0.05, "less than one item in twenty more is not worth a campaign"),
    "absence_error": Threshold(0.01, "chance of accusing any group at all when values are missing at random"),
    "launch_min_days": Threshold(60, "in a shorter log, an item's first sale says how popular it is, not how new"),
    "price_unsold_items": Threshold(20, "items without a sale and without a price; fewer may be forgotten price tags"),
    "same_picture_bits": Threshold(6, "of 64; a picture saved anew or resized moves up to four, another product twenty or more"),
    "same_picture_levels": Threshold(1.5, "of 255 per colour and place; a picture saved anew stays within it, another colour not"),
    "same_text_likeness": Threshold(0.8, "Jaccard of five-letter groups: about one word in twenty differs"),
    "long_text": Threshold(2000, "characters; the encoder reads the first 1,000, so most of a longer text is not read by it"),
    "wording_width": Threshold(60, "ten words, or thirty Japanese characters: two texts that share fewer may do so by chance"),
    "language_letters": Threshold(25, "with fewer letters, names of products decide what the language seems to be"),
    "language_known": Threshold(0.5, "more likely than all other languages together"),
    "language_sure": Threshold(0.8, "of 3,432 English texts with foreign fashion words none passes for another language at it"),
    "language_custom": Threshold(0.1, "a language on every tenth product is a second language of the shop, not a slip"),
    "near_constant": Threshold(0.001, "of the numbers' size; what differs less is rounding, not information"),
    # ---- splitting
    "time_split_min_days": Threshold(28, "shorter logs leave less than a weekly cycle on each side of the cut-off"),
    # ---- probe
    "validation_users": Threshold(
        2000, "their mean recall is known to about half a point, enough to pick an epoch; more would cost"
    ),
    "extension": Threshold(2.0, "times the preset's epochs: what still rises then is slow rather than short of time"),
    "still_rising": Threshold(0.01, "of the best validation recall, within the patience: half of the smallest effect that matters"),
    "learning_rate_margin": Threshold(
        0.1,
        "on validation, relative; one seed's recall moves by 1 to 3 %. A third of the rate finds 4 to 6 % more on H&M, in two to "
        "four times the epochs, and a method that takes twice as many is then cut off",
    ),
    "slow_training": Threshold(
        10,  # the words that speak of it say a tenth and ten times
        "times the epochs, by as small a part of the learning rate: on H&M plain VBPR then finds a tenth more",
    ),
    "heat_epochs": Threshold(6, "passes after which methods have parted; the best then are trained to the end"),
    "finals": Threshold(2, "methods trained to the end; more would cost as much as trying everything"),
    "fast_rate": Threshold(4.0, "times; a branch that is only slow learns in a quarter of the epochs, and Adam still holds (C9)"),
    "firm_l2": Threshold(4.0, "times; enough to hold back learning by heart, little where there is none"),
    "worth_filling": Threshold(0.05, "of the products; filling fewer moves no recall by as much as matters"),
    "counterfactual_players": Threshold(4, "modalities; all their sets with and without history are 32 rankings of one model"),
    "exposure_users": Threshold(
        1000, "customers; 20,000 places, so an item's share of them is known well enough to compare groups"
    ),
    # ---- runs
    "checkpoint_share": Threshold(0.025, "of training time; with the odd one that is slower, all checkpoints stay under 3 %"),
    "checkpoint_seconds": Threshold(1.0, "of training that a kill may take away anyway; files more often would only wear the disk"),
    # ---- statistics
    "bootstrap_resamples": Threshold(2000, "percentile ends of a 95 % interval are then stable to about 3 % of its width"),
    "bootstrap_max_users": Threshold(20_000, "the resampling table then takes 160 MB; means over more users are normal anyway"),
    "first_look": Threshold(3, "seeds; of fewer, their spread says next to nothing"),
    "look_level": Threshold(
        0.999, "looks before the end ask so much more that all together hardly add to the errors of the last (Haybittle, Peto)"
    ),
    "level": Threshold(0.95, "the custom of the field, and what every interval in a report is read as"),
    "segment_users": Threshold(30, "customers; with fewer, a segment's interval cannot be trusted and is wider than any finding"),
    "segment_categories": Threshold(12, "the most bought; about as many rows as a person compares"),
    "exposure_matches": Threshold(3, "complete products bought as often; fewer say little about what is usual"),
    "exposure_items": Threshold(10, "incomplete products with a match; fewer are anecdotes"),
    "paired_correlation": Threshold(
        0.88, "of two models' recall per customer, for planning only: balancing on H&M and four drawn shops"
    ),
    # ---- verdict
    "slow_ratio": Threshold(
        1.5,
        "times the epochs it takes alone; the slowest of 96 development branches takes 1.2, of 436 others none surely 1.5",
    ),
    "overfitting_ratio": Threshold(
        4.0,
        "what was learnt by heart over what was learnt to hold; sound development worlds reach 3.2, sound others surely no 4",
    ),
    "unlearnt": Threshold(
        0.1, "of the branch's best validation recall; of 96 branches in development worlds the largest is 0.04, of 436 others 0.06"
    ),
    "incomplete_interactions": Threshold(
        0.95, "if nearly all purchases are of products that have it, a repair reaches almost nobody"
    ),
    "standalone_negligible": Threshold(
        0.25, "of the strongest modality's gain or of popularity's recall: next to it, this is no signal"
    ),
    "overlap": Threshold(
        0.05, "of vectors, foretold by another's: full copies reach 0.1 to 0.6, the rest is noise; half mixed-up rows 0.02 at most"
    ),
    "copy": Threshold(0.9, "of vectors, foretold by another's: H&M's photos by its texts 0.2 to 0.3, texts in their place 0.98"),
    "nothing_own": Threshold(
        0.125, "of what products foretell of purchases, by one modality alone: 0.15 to 0.5 if sound, to 0.1 if it repeats another"
    ),
    "min_test_users_any": Threshold(50, "below this the intervals themselves cannot be trusted"),
    "min_test_users": Threshold(300, "with fewer, one user in a hundred moves the mean recall by more than the smallest effect"),
    "smallest_effect": Threshold(0.02, "relative change of Recall@20 below which no shop would act; one seed moves it by 1 to 3 %"),
    "incomplete_coverage": Threshold(0.8, "below this, one item in five cannot be judged by the modality"),
    "disguised_share": Threshold(0.1, "one item in ten with a stand-in value is more than accidents explain"),
}


def threshold(name: str) -> float:
    """The value of a named threshold."""
    return THRESHOLDS[name].value


def reader_memory_bytes() -> int:
    """How much memory the process that reads files may take: ``TENBIN_READER_MEMORY_MB``, or the threshold of that name."""
    asked = os.environ.get("TENBIN_READER_MEMORY_MB", "")
    return (int(asked) if asked.isdecimal() else int(threshold("reader_memory_mb"))) * 1_000_000


@dataclass(frozen=True)
class Preset:
    """How much a probe may spend: models, methods, seeds per arm, epochs, and whether all sets of modalities are retrained.

    ``rates`` are the multiples of each model's usual learning rate that are tried before anything else; none for the usual one.
    ``further_seeds`` are those that the first model is trained with beyond ``seeds``.

    ``patience``: over how many epochs a curve has to be flat where thousands of customers validate; where fewer do, chance moves it
    more, and these are up to ``longest_patience`` (see ``probe.arms`` and ``models.convergence``). In shops of 600 customers 5 lost
    a twentieth of recall; 10, 16 and 24 find the same.
    """

    backbones: tuple[str, ...]
    balancers: tuple[str, ...]
    seeds: int
    max_epochs: int
    patience: int
    longest_patience: int
    max_lattice: int  # retrain every set of modalities up to this many modalities; above it, single and all-but-one sets only
    rates: tuple[float, ...] = (1 / 3, 1.0, 3.0)  # Recall changes little within a factor of two of the best rate
    settles: bool = True  # train the settling tests too, and ask what wrong values cost
    further_seeds: int = 0


PRESETS: dict[str, Preset] = {
    "quick": Preset(
        ("vbpr",), ("ckd",), seeds=5, max_epochs=60, patience=8, longest_patience=10, max_lattice=3, rates=(), settles=False
    ),
    "standard": Preset(
        ("vbpr", "lightgcn_content", "freedom"),
        ("ckd", "ogm_ge", "mmpareto"),
        seeds=5,
        max_epochs=120,
        patience=8,
        longest_patience=16,
        max_lattice=4,
        further_seeds=5,  # in sparse shops three quarters and more of a comparison's variance are the trainings' own chance
    ),
    "thorough": Preset(
        ("vbpr", "lightgcn_content", "mmgcn", "grcn", "lattice", "freedom", "bm3", "mgcn", "lightgcn"),
        (
            *("ckd", "ckd_paper", "umt", "ogm_ge", "agm", "cggm", "pmr", "mmpareto", "gradient_blending"),
            *("modality_dropout", "mslr", "arl", "auto"),
        ),
        seeds=10,
        max_epochs=200,
        patience=12,
        longest_patience=24,
        max_lattice=5,
    ),
}


def cores() -> int:
    """How many cores this process may use: a container or a task set may leave fewer than the computer has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def home() -> Path:
    """Tenbin's own folder: ``TENBIN_HOME`` or the user's cache folder. Nothing is written elsewhere unless asked."""
    return Path(os.environ.get("TENBIN_HOME") or platformdirs.user_cache_dir("tenbin", appauthor=False))


def cache_folder() -> Path:
    """Where encodings are kept, by content hash."""
    return home() / "cache"
