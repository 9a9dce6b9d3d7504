#!/usr/bin/env python3
"""Door to everything a developer does here: `python3 dev.py test` needs only Python.

The first run makes .venv beside this file from the hashed lock file; later runs find it ready.
This file uses the standard library alone and parses on Python 3.8, to say there what is missing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    Word = str | Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements-dev.lock"
PROJECT = ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
READY = VENV / ".ready"
ON_WINDOWS = os.name == "nt"
TOOLS = ROOT / "tests" / "tools"
TOOLS_READY = TOOLS / "node_modules" / ".ready"
SCRIPTS = VENV / ("Scripts" if ON_WINDOWS else "bin")
PYTHON = SCRIPTS / ("python.exe" if ON_WINDOWS else "python")

# What installers say when they cannot reach an index: then the network is the news, not pip.
_NO_INDEX = re.compile(
    r"name resolution|Name or service not known|nodename nor servname|getaddrinfo|dns error"
    r"|NewConnectionError|Connection refused|Network is unreachable|error sending request"
    r"|ProxyError|timed out|No matching distribution|no versions of|not found in the package",
    re.IGNORECASE,
)
_PROBE = (
    "import sys, importlib.util as u;"
    "sys.exit(not all(map(u.find_spec, ('digest', 'subscribers', 'sqlalchemy', 'pytest'))))"
)
_MIGRATIONS_MATCH_TABLES = """
import pathlib, sys, tempfile
from alembic import command
from digest import migrations
from digest.db import Database
with tempfile.TemporaryDirectory() as folder:
    database = Database("sqlite:///" + str(pathlib.Path(folder, "check.db")))
    database.migrate()
    with database.write() as connection:
        command.check(migrations.config_for(connection))
    database.close()
"""


class DevError(Exception):
    """One line for the person who typed the command."""


class StepError(Exception):
    """A step of the set-up failed; its words are what the program printed."""


# The environment


def prepare() -> None:
    """Make .venv fit the lock file and pyproject.toml; do nothing where it already does.

    Raises DevError, and leaves no half-made .venv, where that is not possible.
    """
    place, wanted = _place(), _stamp()
    told = READY.read_text("utf-8").splitlines() if READY.is_file() else []
    in_place = told[:1] == [place] and _works()
    if in_place and told[1:] == [wanted]:
        return
    started = time.monotonic()
    _say("Setting up .venv, once; this can take a minute.")
    try:
        if in_place:
            READY.write_text(place + "\n", "utf-8")
            _fill(_found_uv() or _uv_from_lock())
        else:
            _make_and_fill()
        READY.write_text(f"{place}\n{wanted}\n", "utf-8")
    except OSError as error:
        raise DevError(f".venv: cannot be written: {error}") from error
    _say(f"Ready after {time.monotonic() - started:.0f} s.")


def _place() -> str:
    # A moved checkout or another Python needs a new .venv: its scripts and links hold both.
    return f"{_dotted(sys.version_info[:2])} {ROOT}"


def _stamp() -> str:
    digest = hashlib.sha256()
    for path in (LOCK, PROJECT):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _works() -> bool:
    try:
        return subprocess.call([str(PYTHON), "-I", "-c", _PROBE], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def _make_and_fill() -> None:
    uv = shutil.which("uv")
    try:
        if uv is None:
            _make_by_venv(_base_python())
            _fill(_uv_from_lock())
        elif not _made_by_uv(uv):
            # pip may be set up for an index that uv knows nothing of
            _make_by_venv(_base_python())
            _fill(None)
    except BaseException:
        _remove_venv()
        raise


def _made_by_uv(uv: str) -> bool:
    _remove_venv()
    try:
        _quietly(uv, "venv", "--quiet", "--no-project", "--python", _base_python(), VENV)
        _fill_by_uv(uv)
    except StepError:
        return False
    return True


def _make_by_venv(python: str) -> None:
    _remove_venv()
    try:
        _quietly(python, "-m", "venv", VENV)
    except StepError as error:
        _remove_venv()  # Debian without python3-venv fails half-way and leaves what it made
        raise DevError(
            f"{python}: cannot make a virtual environment ({_first_line(str(error))}): on Debian"
            " and Ubuntu mend it with `sudo apt install python3-venv`, elsewhere install uv"
        ) from error


def _fill(uv: str | None) -> None:
    try:
        if uv is not None:
            try:
                _fill_by_uv(uv)
            except StepError:
                if not _has_pip():
                    raise
            else:
                return
        _pip("--require-hashes", "-r", LOCK)
        _pip("--no-deps", "--no-build-isolation", "-e", ROOT)
    except StepError as error:
        raise _why(str(error)) from error


def _fill_by_uv(uv: str) -> None:
    pip = (uv, "pip", "install", "--quiet", "--python", PYTHON)
    _quietly(*pip, "--require-hashes", "-r", LOCK)
    _quietly(*pip, "--no-deps", "--no-build-isolation", "-e", ROOT)


def _found_uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=str(SCRIPTS))


def _uv_from_lock() -> str | None:
    """Install uv, by its hashes in the lock file, for it fills .venv three times as fast."""
    entry = re.search(r"^uv==(?:.*\\\n)*.*\n", LOCK.read_text("utf-8"), re.MULTILINE)
    if entry is None or not _has_pip():
        return None
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder, "uv.lock")
        only_uv.write_text(entry.group(), "utf-8")
        try:
            _pip("--require-hashes", "-r", only_uv)
        except StepError as error:
            if _NO_INDEX.search(str(error)):
                raise _why(str(error)) from error
            return None
    return shutil.which("uv", path=str(SCRIPTS))


def _pip(*words: Word) -> None:
    _quietly(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-q", *words)


def _has_pip() -> bool:
    try:
        _quietly(PYTHON, "-m", "pip", "--version")
    except StepError:
        return False
    return True


def _why(words: str) -> DevError:
    lines = [line.strip() for line in words.splitlines() if line.strip()] or ["no reason given"]
    if _NO_INDEX.search(words):
        return DevError(
            "no package index within reach: the first set-up needs the network once,"
            f" later runs do not ({lines[-1][:160]})"
        )
    _say(words)
    return DevError(f"the dependencies could not be installed: {lines[-1][:160]}")


def _first_line(words: str) -> str:
    return next((line.strip() for line in words.splitlines() if line.strip()), "no reason given")


def _quietly(*words: Word) -> None:
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command,
            cwd=str(ROOT),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise StepError(f"{command[0]}: {error}") from error
    if done.returncode:
        printed = done.stdout.decode("utf-8", "replace").strip()
        raise StepError(printed or f"{command[0]}: exit code {done.returncode}")


def _environment() -> dict[str, str]:
    """Give the children our variables, the tools of .venv first, and leave to write bytecode."""
    environment = dict(os.environ)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)  # without bytecode every start is two to four times as slow
    path = environment.get("PATH", os.defpath)
    environment.update(PATH=os.pathsep.join((str(SCRIPTS), path)), VIRTUAL_ENV=str(VENV))
    # As variables, not flags: a uv too old to know one of them ignores it.
    environment.setdefault("UV_SYSTEM_CERTS", "1")
    environment.setdefault("UV_COMPILE_BYTECODE", "1")
    return environment


def _base_python() -> str:
    # Called by .venv's own Python we must not build on it: it is what may be replaced.
    return getattr(sys, "_base_executable", None) or sys.executable


def _remove_venv() -> None:
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(str(VENV))


def ensure_python(version: tuple[int, ...], arguments: Sequence[str]) -> None:
    """Go on with a newer Python from the PATH where this one is too old.

    Raises DevError where there is none.
    """
    if version >= OLDEST:
        return
    newer = _newer_python()
    if newer is None:
        raise DevError(
            f"needs Python {_dotted(OLDEST)} or newer, and this is {_dotted(version)}: install a"
            " newer python3, or install uv and type"
            " `uv run --no-project --python 3.13 dev.py` with the same words"
        )
    _become([newer, str(Path(__file__).resolve()), *arguments], dict(os.environ))


def _newer_python() -> str | None:
    too_old = f"import sys; sys.exit(sys.version_info[:2] < {OLDEST!r})"
    names = [f"python3.{minor}" for minor in range(14, OLDEST[1] - 1, -1)]
    for name in [*names, "python3", "python"]:
        found = shutil.which(name)
        try:
            if found and subprocess.call([found, "-c", too_old], stderr=subprocess.DEVNULL) == 0:
                return found
        except OSError:
            continue
    return None


def _dotted(version: Sequence[int]) -> str:
    return ".".join(str(number) for number in version)


# The verbs


def demo(arguments: list[str]) -> int:
    """Open the newsroom in a box: sample stories, readers and a local inbox."""
    _become([SCRIPTS / "digest", "demo", *arguments], _environment())


def serve(arguments: list[str]) -> int:
    """Run the whole product with the digest.toml of this folder."""
    _become([SCRIPTS / "digest", "serve", *arguments], _environment())


def test(arguments: list[str]) -> int:
    """Run the tests; arguments go to pytest, and --cov asks for 95 % of the branches."""
    rest = [word for word in arguments if word != "--cov"]
    options: list[str] = []
    if all(word.startswith("-") for word in rest):
        # The whole suite; a part of it runs sooner in one process. More than there are cores, as
        # many tests wait for processes they started; each has a PostgreSQL of its own, so more
        # than four cost more than they bring. A file stays together: its servers start once. As
        # collected, so that the few long tests begin first and no worker waits for them at the end.
        options += ["-n", str(min(4, (os.cpu_count() or 1) + 2)), "--dist", "loadfile"]
        options += ["--no-loadscope-reorder"]
    if "--cov" in arguments:
        options += ["--cov=digest", "--cov=subscribers", "--cov-branch", "--cov-fail-under=95"]
        options += ["--cov-report=term-missing:skip-covered"]
    os.chdir(str(ROOT))
    _become([PYTHON, "-m", "pytest", *options, *rest], _environment())


def check(arguments: list[str]) -> int:
    """Look at style, types, imports and migrations; one line each."""
    _no_more(arguments)
    steps: dict[str, list[Word]] = {
        "ruff check": [PYTHON, "-m", "ruff", "check", "--quiet"],
        "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "--quiet"],
        "mypy": [PYTHON, "-m", "mypy"],
        "mypy dev.py": [PYTHON, "-m", "mypy", "dev.py", *sorted(ROOT.glob("bench/*.py"))],
        "lint-imports": [SCRIPTS / "lint-imports"],
        "alembic check": [PYTHON, "-c", _MIGRATIONS_MATCH_TABLES],
    }
    failures = sum(_told(name, command) for name, command in steps.items())
    return 1 if failures else 0


def _told(name: str, command: Sequence[Word]) -> bool:
    started = time.monotonic()
    try:
        _quietly(*command)
    except StepError as error:
        words = str(error)
    else:
        words = ""
    verdict = "FAIL" if words else "ok"
    print(f"{verdict:<5} {name:<14} {time.monotonic() - started:5.1f} s", flush=True)
    if words:
        print(words, flush=True)
    return bool(words)


def bench(arguments: list[str]) -> int:
    """Print the figures of bench/: all of them, or those whose names are given."""
    found = {path.stem[len("bench_") :]: path for path in sorted(ROOT.glob("bench/bench_*.py"))}
    unknown = [name for name in arguments if name not in found]
    if unknown or not found:
        there_are = ", ".join(found) or "none yet"
        raise DevError(f"bench: {' '.join(unknown)}: no such bench; there are: {there_are}")
    failed = 0
    for name in arguments or found:
        print(f"== {name}", flush=True)
        failed |= bool(_call([PYTHON, found[name]]))
    return int(failed)


def kill(arguments: list[str]) -> int:
    """Kill senders and newsrooms at random instants, and print what every reader got."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.md")
        more = {"TEST_ROUNDS": "200", "TEST_KILLS": "50", "TEST_KILL_TABLE": str(table)}
        code = _rounds(["-m", "long", "-k", "kill"], more, arguments)
        if table.is_file():
            print(f"\n{table.read_text('utf-8')}", end="", flush=True)
    return code


def fuzz(arguments: list[str]) -> int:
    """Run the property tests with thousands of examples each."""
    profile = ["-p", "tests.plugins.fuzz", "--hypothesis-profile", "fuzz"]
    return _rounds(["-m", "hypothesis", *profile], {"TEST_EXAMPLES": "5000"}, arguments)


def soak(arguments: list[str]) -> int:
    """Live many readers' lives, read a million lines, and try the API with hundreds of examples."""
    longer = {"TEST_SOAK": "1", "TEST_EXAMPLES": "300"}
    return _rounds(["-m", "long", "-k", "lives or million or api"], longer, arguments)


def year(arguments: list[str]) -> int:
    """Live through a simulated year of 160 newsletters, and print what became of each slot."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.txt")
        more = {"TEST_YEAR_DAYS": "367", "TEST_YEAR_ZONES": "40", "TEST_YEAR_TABLE": str(table)}
        code = _rounds(["-m", "long", "-k", "simulated_year"], more, arguments)
        if table.is_file():
            print(f"\n{table.read_text('utf-8')}", end="", flush=True)
    return code


def letters(arguments: list[str]) -> int:
    """Check every letter and page by all their tools: axe, Nu, caniemail, SpamAssassin, neomutt.

    With --tools it installs those that come from npm, and checks nothing.
    """
    _letter_tools()
    if arguments == ["--tools"]:
        return 0
    files = [str(path) for path in sorted(ROOT.glob("tests/acceptance/test_letter_*.py"))]
    files.append("tests/acceptance/test_public_axe.py")
    files.append("tests/integration/test_hostile_letters.py")
    side_by_side = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
    return _rounds([*side_by_side, *files], {"TEST_LETTERS": "all"}, arguments)


def caniemail(arguments: list[str]) -> int:
    """Bring the data about mail programs up to date: from npm, or from a data.json that is named.

    The product needs neither: it carries the data, made small, in digest/checks/data.
    """
    maker: list[Word] = [PYTHON, "-m", "digest.checks.caniemail_vendored"]
    if arguments:
        return _call([*maker, *arguments])
    npm = shutil.which("npm")
    if npm is None:
        raise DevError("caniemail: npm is not on this machine; name the data.json of caniemail.com")
    with tempfile.TemporaryDirectory() as folder:
        try:
            _quietly(
                npm, "pack", "caniemail@latest", "--ignore-scripts", "--pack-destination", folder
            )
        except StepError as error:
            raise DevError(f"caniemail: npm could not fetch it: {str(error)[-160:]}") from error
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/data/caniemail.json")
            data = Path(folder, "data.json")
            data.write_bytes(member.read() if member else b"{}")
        return _call([*maker, data])


def messages(arguments: list[str]) -> int:
    """Bring the catalogs up to date with code and templates; say what is to be translated."""
    return _call([PYTHON, "-m", "tests.catalog_words", *arguments])


def _letter_tools() -> None:
    missing = [name for name in ("npm", "node", "java") if shutil.which(name) is None]
    if missing:
        _say(f"Not on this machine: {', '.join(missing)}; Nu and caniemail are left out.")
        return
    wanted = hashlib.sha256((TOOLS / "package-lock.json").read_bytes()).hexdigest()
    if TOOLS_READY.is_file() and TOOLS_READY.read_text("utf-8") == wanted:
        return
    if TOOLS_READY.is_file():
        TOOLS_READY.unlink()
    npm = shutil.which("npm") or "npm"
    try:
        quiet = ("--no-audit", "--no-fund")
        # Without scripts: one of them would fetch a whole Java from elsewhere.
        _quietly(npm, "ci", "--prefix", TOOLS, "--ignore-scripts", "--engine-strict", *quiet)
    except StepError as error:
        last = [line.strip() for line in str(error).splitlines() if line.strip()][-1]
        raise DevError(f"letters: npm could not install tests/tools: {last[:160]}") from error
    TOOLS_READY.write_text(wanted, "utf-8")


def _rounds(selection: list[str], more: dict[str, str], arguments: list[str]) -> int:
    environment = _environment()
    for name, value in more.items():
        environment.setdefault(name, value)
    return _call([PYTHON, "-m", "pytest", *selection, *arguments], environment)


def screenshots(arguments: list[str]) -> int:
    """Take the pictures in docs/images anew: of the running demo, and of every letter."""
    return _call([PYTHON, "-m", "docs.screenshots", *arguments])


def lock(arguments: list[str]) -> int:
    """Compile both lock files from pyproject.toml; --upgrade takes the newest of everything."""
    uv = _found_uv()
    if uv is None:
        raise DevError("lock: needs uv: install it, for one with `pipx install uv`")
    # Universal and without addresses: one file serves every Python, machine and package index.
    compile_words = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    compile_words += ["--no-emit-index-url", "--no-header", "--python-version", "3.11"]
    for target, group in (("requirements.lock", []), (LOCK.name, ["--group", "dev"])):
        words = [*compile_words, PROJECT.name, *group, "-o", target, *arguments]
        if _call(words):
            return 1
    return 0


def setup(arguments: list[str]) -> int:
    """Make .venv and nothing else."""
    _no_more(arguments)
    return 0


class Verb(NamedTuple):
    """A verb of this script; `needs_venv` is false for what makes the lock file itself."""

    run: Callable[[list[str]], int]
    needs_venv: bool = True


VERBS = {
    "demo": Verb(demo),
    "test": Verb(test),
    "check": Verb(check),
    "serve": Verb(serve),
    "bench": Verb(bench),
    "kill": Verb(kill),
    "fuzz": Verb(fuzz),
    "soak": Verb(soak),
    "year": Verb(year),
    "letters": Verb(letters),
    "caniemail": Verb(caniemail),
    "messages": Verb(messages),
    "screenshots": Verb(screenshots),
    "lock": Verb(lock, needs_venv=False),
    "setup": Verb(setup),
}


def usage() -> str:
    """Say how this script is called: one line for each verb, from its docstring."""
    lines = ["Usage: python3 dev.py VERB [ARGUMENT...]", ""]
    for name, verb in VERBS.items():
        help_line = (verb.run.__doc__ or "").splitlines()[0]
        lines.append(f"  {name:<12} {help_line}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Prepare .venv and run one verb; give its exit code (2: used wrongly)."""
    if arguments[:1] in (["-h"], ["--help"], ["help"]):
        print(usage())
        return 0
    verb = VERBS.get(arguments[0]) if arguments else None
    if verb is None:
        if arguments:
            _say(f"dev.py: {arguments[0]}: no such verb.")
        _say(usage())
        return 2
    try:
        ensure_python(sys.version_info[:2], arguments)
        if verb.needs_venv:
            prepare()
        return verb.run(arguments[1:])
    except DevError as error:
        _say(f"dev.py: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _no_more(arguments: Sequence[str]) -> None:
    if arguments:
        raise DevError(f"{' '.join(arguments)}: this verb takes no arguments")


def _call(words: Sequence[Word], environment: dict[str, str] | None = None) -> int:
    command = [str(word) for word in words]
    return subprocess.call(command, cwd=str(ROOT), env=environment or _environment())


def _become(words: Sequence[Word], environment: dict[str, str]) -> NoReturn:
    command = [str(word) for word in words]
    sys.stdout.flush()
    if ON_WINDOWS:  # there exec returns to the shell at once
        raise SystemExit(subprocess.call(command, env=environment))
    # The program takes our place, so that signals reach it.
    os.execve(command[0], command, environment)  # noqa: S606 - no shell is wanted


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
