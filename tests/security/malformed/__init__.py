"""Malformed files, generated: families of cases, each with what may come of it. Seeded; nothing is written before a test runs."""

from tests.security.malformed.archives import ARCHIVES
from tests.security.malformed.case import Case
from tests.security.malformed.json_files import JSON
from tests.security.malformed.parquet import PARQUET
from tests.security.malformed.places import PLACES
from tests.security.malformed.text import TEXT
from tests.security.malformed.vectors import VECTORS
from tests.security.malformed.workbooks import WORKBOOKS

__all__ = ["CASES", "Case"]

CASES: tuple[Case, ...] = (*TEXT, *JSON, *PARQUET, *WORKBOOKS, *ARCHIVES, *VECTORS, *PLACES)
"""Every case of every family."""
