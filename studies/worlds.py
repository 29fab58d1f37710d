"""In which worlds are defects planted? Tables, articles, made text, and passages of people and of models."""

from __future__ import annotations

from studies.human_and_model import PAIRS
from studies.planted_tables import TABLES
from studies.planted_texts import ARTICLES, MADE

WORLDS = (TABLES, ARTICLES, MADE, *PAIRS)
