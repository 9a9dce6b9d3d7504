"""Pure. What the settings of a source add to each of its stories."""

from __future__ import annotations

from dataclasses import replace

from digest.sources.finishing import finish
from digest.sources.model import FoundStory, SourceSpec

HIGHEST_PRIORITY = 1_000
"""Of a story with its source's own; the lowest is as far below nothing."""


def finished_story(story: FoundStory, spec: SourceSpec) -> FoundStory:
    """Bring a story into the form it is kept in, with what its source's settings say."""
    language = story.language or spec.language
    priority = max(-HIGHEST_PRIORITY, min(story.priority + spec.priority, HIGHEST_PRIORITY))
    return replace(finish(story, language=language), language=language, priority=priority)
