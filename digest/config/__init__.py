"""Door to digest.toml and the DIGEST_ variables: read, checked, every error at once."""

from digest.config.model import (
    NewsletterSettings,
    SectionSettings,
    Settings,
    SiteSettings,
    SmtpSettings,
    SourceSettings,
)
from digest.config.reading import load

__all__ = [
    "NewsletterSettings",
    "SectionSettings",
    "Settings",
    "SiteSettings",
    "SmtpSettings",
    "SourceSettings",
    "load",
]
