"""The newsletter and digest mailer: stories in, one good letter out, each reader once."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("digest-mailer")
except PackageNotFoundError:  # a checkout that nobody installed
    __version__ = "0.0.0"
