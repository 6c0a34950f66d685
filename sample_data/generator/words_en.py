"""Titles and descriptions of the English shop, Wren & Willow: every sentence a shopkeeper could have written.

A description says what the thing is, how it is made, what moment of life it suits and whom it pleases. It never says what only
the picture shows: pattern, trim, outline and finish.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sample_data.generator.phrases import Phrasebook

__all__ = ["PHRASEBOOK", "describe", "plain_title"]

_COLOURS = {
    "ivory": "Ivory",
    "sand": "Sand",
    "terracotta": "Terracotta",
    "mustard": "Mustard",
    "sage": "Sage",
    "forest": "Forest Green",
    "sky": "Sky Blue",
    "navy": "Navy",
    "blush": "Blush Pink",
    "charcoal": "Charcoal",
}
_CATEGORIES = {
    "mug": "Mugs",
    "teapot": "Teapots",
    "plate": "Plates",
    "vase": "Vases",
    "lamp": "Lamps",
    "chair": "Chairs & Stools",
    "cushion": "Cushions",
    "clock": "Clocks",
    "tote": "Tote Bags",
    "backpack": "Backpacks",
    "umbrella": "Umbrellas",
    "shirt": "Tops",
    "sneaker": "Shoes",
    "cap": "Hats",
    "socks": "Socks",
    "notebook": "Notebooks",
}
_BRANDS = (
    "Fieldhouse",
    "Marlow & Daughter",
    "Oriel",
    "Pebble Lane",
    "Tamsin Grey",
    "Northgate Supply",
    "Juniper Row",
    "Hollis",
    "Low Tide Co.",
    "Bramble Works",
    "Ada's Workshop",
    "Kestrel",
)
_NOUNS = {
    "mug": ("Mug", "Coffee Mug", "Breakfast Cup"),
    "teapot": ("Teapot", "Family Teapot", "Pot for Tea"),
    "plate": ("Plate", "Dinner Plate", "Serving Plate"),
    "vase": ("Vase", "Flower Vase", "Bud Vase"),
    "lamp": ("Lamp", "Reading Lamp", "Living Room Light"),
    "chair": ("Chair", "Kitchen Seat", "Side Seat"),
    "cushion": ("Cushion", "Sofa Cushion", "Throw Pillow"),
    "clock": ("Wall Clock", "Kitchen Clock", "Clock"),
    "tote": ("Tote", "Shopper Bag", "Tote Bag"),
    "backpack": ("Backpack", "Rucksack", "Day Pack"),
    "umbrella": ("Umbrella", "Walking Umbrella", "Rain Umbrella"),
    "shirt": ("Top", "Jersey Top", "Everyday Top"),
    "sneaker": ("Sneakers", "Canvas Shoes", "Trainers"),
    "cap": ("Hat", "Everyday Hat", "Weekend Hat"),
    "socks": ("Socks", "Pair of Socks", "House Socks"),
    "notebook": ("Notebook", "Journal", "Writing Book"),
}
_CLAY = ("Recycled Clay", "Hand-Thrown", "Lead-Free Clay", "Oven-Proof Stoneware", "Heritage Porcelain", "Studio Porcelain")
_CLOTH = ("Recycled Cotton", "Hand-Stitched", "Organic Cotton", "Heavy Canvas", "Heritage Wool", "Studio Linen")
_FRAME = ("Reclaimed Wood", "Hand-Carved", "Beeswaxed Oak", "Solid Ash", "Heritage Beech", "Studio Birch")
_RAIN = ("Recycled Nylon", "Hand-Assembled", "Organic Waxed-Cotton", "Storm-Proof", "Heritage Bamboo", "Studio")
_PAPER = ("Recycled Paper", "Hand-Bound", "Cotton-Rag Paper", "Waterproof", "Heritage Cloth-Bound", "Studio Edition")
_MATERIALS = (
    dict.fromkeys(("mug", "teapot", "plate", "vase"), _CLAY)
    | dict.fromkeys(("cushion", "tote", "backpack", "shirt", "cap", "socks", "sneaker"), _CLOTH)
    | dict.fromkeys(("lamp", "chair", "clock"), _FRAME)
    | {"umbrella": _RAIN, "notebook": _PAPER}
)
_OPENERS = {
    "mug": (
        "Holds a proper 350 ml and fits under most coffee machines.",
        "A mug with a handle wide enough for three fingers.",
        "Thin at the lip, solid at the base: the cup you reach for first.",
        "Big enough for cocoa with marshmallows, small enough for the dishwasher rack.",
    ),
    "teapot": (
        "Pours without a drip and keeps four cups hot.",
        "The built-in strainer catches every leaf, so loose tea is no trouble.",
        "A teapot with a lid that stays put, even on the last pour.",
        "Just under a litre, with a spout we tested more often than we care to admit.",
    ),
    "plate": (
        "Twenty-four centimetres across, with a rim that keeps sauce where it belongs.",
        "Stacks neatly, chips rarely, and makes Tuesday pasta look considered.",
        "A plate for supper, and for the cake afterwards.",
        "Happy in the oven, the microwave and the middle of the table.",
    ),
    "vase": (
        "Narrow enough for a single stem, steady enough for a branch.",
        "Watertight, weighted at the base and pretty when empty too.",
        "A vase that flatters supermarket tulips.",
        "Stands about a hand and a half tall and keeps its balance on a windowsill.",
    ),
    "lamp": (
        "Gives a warm, even light and takes an ordinary E14 bulb.",
        "Comes with two metres of fabric cable and a switch you can find in the dark.",
        "Soft enough for evenings, bright enough for small print.",
        "A lamp that makes the corner it stands in the best seat of the house.",
    ),
    "chair": (
        "Seat height 45 cm, carries 120 kg, leaves no marks on floorboards.",
        "Arrives in two parts and goes together with one key in five minutes.",
        "A seat that is comfortable through a long supper.",
        "Light enough to lift with one hand and far stronger than it looks.",
    ),
    "cushion": (
        "Comes with its filling; the cover zips off.",
        "Plump, generous and kind to a tired back.",
        "A cushion that turns a hard bench into somewhere to sit.",
        "Filled to the corners and sewn with a hidden zip.",
    ),
    "clock": (
        "A silent movement: no ticking, even at three in the morning.",
        "Runs on a single AA battery, which is in the box.",
        "Easy to read from across the room and hung on one nail.",
        "Keeps time to a few seconds a month and asks for nothing.",
    ),
    "tote": (
        "Swallows a laptop, a lunch and a bunch of leeks.",
        "Long handles sit on the shoulder; an inside pocket keeps the keys.",
        "Folds flat, carries fifteen kilos and stands up by itself.",
        "A bag that goes to market and comes home full.",
    ),
    "backpack": (
        "Eighteen litres, a padded sleeve and two side pockets for bottles.",
        "Straps that sit well on narrow shoulders and broad ones.",
        "Opens wide, so you can see what is at the bottom.",
        "A pack with a place for everything and a zip that does not jam.",
    ),
    "umbrella": (
        "Opens with one hand and stands up to a gust at the corner.",
        "Ribs of fibreglass bend rather than break.",
        "Covers one person and a shopping bag, or two people who get on.",
        "Dries in minutes and does not drip in the hall.",
    ),
    "shirt": (
        "Cut straight, with a little room, and long enough to stay tucked in.",
        "Keeps its shape at the neck, wash after wash.",
        "A top that goes under a jacket as well as over a swimsuit.",
        "Soft from the first day, with flat seams that do not rub.",
    ),
    "sneaker": (
        "A natural rubber sole and an insole you can take out and wash.",
        "True to size; if you are between two, take the smaller.",
        "Broken in by the end of the first walk.",
        "Light on the foot, with a heel that does not slip.",
    ),
    "cap": (
        "One size, with a band inside that adjusts.",
        "Sits snugly, folds into a pocket and springs back.",
        "Lined at the forehead so that it does not itch.",
        "A hat that stays on when the wind gets up.",
    ),
    "socks": (
        "A reinforced heel and a cuff that stays up without pinching.",
        "Knitted without a toe seam, sizes 36 to 45.",
        "Warm, breathable and hard to lose in the wash.",
        "Two of a kind, and they stay two.",
    ),
    "notebook": (
        "Opens flat at any page and takes a fountain pen without bleeding.",
        "One hundred and ninety-two pages, numbered, with a pocket at the back.",
        "Paper with a little tooth that makes handwriting better.",
        "Fits a coat pocket and survives it.",
    ),
}
_OCCASIONS = {
    "cabin": (
        "Made with weekends at the cabin in mind: woodsmoke, wet dogs, no signal.",
        "It belongs wherever there is a fire to sit around after a long hike.",
        "Pack it for the campsite; it looks right among lanterns and pine needles.",
        "For people who own a good axe and a better thermos.",
        "The outdoors is its natural home, and mud does it no harm.",
        "Takes you from the trailhead to the log fire.",
    ),
    "desk": (
        "A quiet companion for long working hours at the desk.",
        "Designed for the home office, where the next video call is never far off.",
        "It brings a little calm to a day of meetings and deadlines.",
        "Keeps the workspace tidy in spirit, if not in fact.",
        "Made for people who concentrate: writers, coders, anyone with an inbox.",
        "Looks smart at work and does not shout about it.",
    ),
    "tea": (
        "For slow mornings, when the kettle has boiled and nobody needs you yet.",
        "Goes with afternoon tea, a scone and the second half of a novel.",
        "It is made for lingering over breakfast on a Sunday.",
        "Our favourite for a quiet cup and ten minutes of doing nothing.",
        "Brings the mood of a good tea room to your own kitchen.",
        "A small ritual for people who take their tea seriously.",
    ),
    "hosting": (
        "Comes into its own when the house is full and the music is on.",
        "Made for dinner parties, birthdays and guests who stay too late.",
        "It is the piece that friends ask about when they come for drinks.",
        "Ready for a crowd: festive, sociable and not precious.",
        "For those who set an extra place at the table as a matter of course.",
        "Adds a sense of celebration to an ordinary Friday with friends.",
    ),
    "family": (
        "Tested by our own children, and it is still in one piece.",
        "For busy family houses where nothing stays in its place for long.",
        "It forgives sticky fingers, bedtime battles and the school run.",
        "Parents like that it is sturdy; toddlers simply like it.",
        "Cheerful company for little ones and easy on those who tidy up after them.",
        "Made for playrooms, picnics with cousins and rainy half-terms.",
    ),
    "seaside": (
        "Carries a breath of sea air, wherever you take it.",
        "Made for beach days, salt on the skin and sand in everything.",
        "The thing to bring on a holiday by the coast.",
        "It began as a sketch on a harbour wall, among boats and gulls.",
        "Packs light for a trip and unpacks with a view of the water.",
        "For summer travel, ferry crossings and late swims.",
    ),
    "small_home": (
        "Takes up next to no room, which matters in a small flat.",
        "Designed for studio apartments and narrow hallways.",
        "A space saver: neat when in use, out of sight when not.",
        "For city living, where every shelf has to earn its keep.",
        "It tucks away beautifully in a one-room home.",
        "Compact by design, made for first flats and tiny balconies.",
    ),
    "garden": (
        "Made for gardeners, and for the bench where they sit down at last.",
        "It likes herbs, tomato plants and the smell of wet earth.",
        "At its best among flower beds, with bees about.",
        "For greenhouse mornings and evenings spent watering.",
        "A present from the potting shed to the rest of your life.",
        "Anyone with seedlings on the windowsill will understand it.",
    ),
}
_MAKINGS = {
    "recycled": (
        "Everything in it had a life before: the material is fully recycled.",
        "Made from post-consumer waste, and back into the loop when you are done.",
        "We start from what others throw away, which saves water and carbon.",
        "Recycled inside and out, with packaging that composts.",
    ),
    "handmade": (
        "Each one is made by hand by a single craftswoman, so no two are alike.",
        "You can see the maker's touch; small irregularities are part of it.",
        "Handmade in batches of forty in a workshop we visit every spring.",
        "An artisan spends most of a day on every piece and signs it.",
    ),
    "organic": (
        "Only natural, certified organic materials, with no harsh chemicals anywhere.",
        "Free of plastics and synthetic dyes: kind to skin, soil and rivers.",
        "Grown without pesticides, finished with plant oils.",
        "Natural through and through, and independently certified.",
    ),
    "durable": (
        "Built to industrial standards and guaranteed for ten years.",
        "Practically indestructible: drop it, scrub it, forget it in the rain.",
        "We put it through the tests meant for canteen and workshop gear.",
        "Overbuilt on purpose, with spare parts for every bit that wears.",
    ),
    "heritage": (
        "The design has hardly changed since 1924, and neither has the mill.",
        "Made the traditional way by a family firm, now in its fourth generation.",
        "A classic from the archive, brought back with the original tools.",
        "Your grandmother may well have owned the same one.",
    ),
    "studio": (
        "A limited edition by a young design studio, numbered and soon gone.",
        "The result of a collaboration with an award-winning designer.",
        "Modern, spare and a little daring: a designer piece at a friendly price.",
        "From this season's guest designer; we will not make it again.",
    ),
}
_AUDIENCES = {
    "housewarming": (
        "A housewarming present that gets used.",
        "Newlyweds put it on their list more than anything else.",
        "Give it to friends who have just moved in together.",
    ),
    "student": (
        "Students love it, and so do their budgets.",
        "A good thing to take along to a first term at university.",
        "Pick it for the graduate in your family.",
    ),
    "elders": (
        "Grandparents tell us it is a pleasure to handle.",
        "Light and easy for older hands, and a kind gift for a retirement.",
        "Thoughtful for a parent who says they need nothing.",
    ),
    "colleague": (
        "The safe and charming answer to an office gift exchange.",
        "A farewell present for a colleague, wrapped on request.",
        "For the teacher, the boss or the neighbour who watered the plants.",
    ),
    "oneself": (
        "Buy it for yourself; you have earned it.",
        "Not every treat has to be for somebody else.",
        "A modest luxury for one.",
    ),
}
_COLOUR_LINES = (
    "The colour is {colour}, and it goes with more than you would think.",
    "Shown here in {colour}.",
    "In {colour}, one of our house colours.",
    "We chose a calm {colour} for this one.",
)
_SMALL_PRINT = (
    "Wipe with a soft damp cloth.",
    "Ships within two days.",
    "Gift wrapping available at checkout.",
    "Thirty days to change your mind.",
    "",
    "",
    "",
)
_COMING_SOON = "Product description coming soon. Please contact us if you have any questions."

PHRASEBOOK = Phrasebook(
    colours=_COLOURS,
    categories=_CATEGORIES,
    brands=_BRANDS,
    openers=_OPENERS,
    sentences={"occasion": _OCCASIONS, "making": _MAKINGS, "audience": _AUDIENCES},
    colour_lines=_COLOUR_LINES,
    small_print=_SMALL_PRINT,
    boilerplate=_COMING_SOON,
    other="Other",
    gap=" ",
)


def describe(item: Mapping[str, str], making: int, rng: np.random.Generator) -> tuple[str, str]:
    """The title and the description of one item, from the names of its factor values."""
    kind, colour = item["kind"], _COLOURS[item["colour"]]
    noun = _NOUNS[kind][rng.integers(len(_NOUNS[kind]))]
    title = f"{_MATERIALS[kind][making]} {noun}"
    named = rng.random() < 0.6
    if named:
        title += f" in {colour}" if rng.random() < 0.5 else f", {colour}"
    return title, PHRASEBOOK.compose(item, None if named else colour.lower(), rng)


def plain_title(kind: str, number: int) -> str:
    """The bare name of an item nobody has written about: what it is and a model number."""
    return f"{_NOUNS[kind][0]} {kind[:2].upper()}-{number:04d}"
