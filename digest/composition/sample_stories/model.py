"""Pure. What a sample letter needs to be told in one language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """One story in words; `language` is its own when it is told in another one."""

    headline: str
    standfirst: str = ""
    alt: str = ""
    """What its picture shows."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class SampleWords:
    """The made-up newspaper in one language: its names and one week of its stories."""

    language: str
    site: str
    postal_address: str
    daily: str
    weekly: str
    single: str
    headlines: str
    town: str
    sport: str
    culture: str
    note: str
    """A greeting, what the day is about, and on the last line who says so."""
    sponsor: str
    credit: str
    breakwater: Told
    ferry: Told
    schools: Told
    keeper: Told
    bakers: Told
    bench: Told
    rowers: Told
    choir: Told
    foreign: Told
    """In another language, written the other way."""
    brief: tuple[Told, ...]
    """Four of them in every letter that has an In brief."""
    retold: tuple[Told, ...]
    """Two more tellings of the breakwater's story."""
    archive: tuple[Told, ...]
    """Three older ones: two of the breakwater, one of the lighthouse keeper."""
    missed: tuple[Told, ...]
    """Three that only the weekly has."""
