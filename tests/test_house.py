from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from digest.cli import COMMANDS
from digest.config import Settings

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock")
SCRIPTS = Path(sys.executable).parent

NOT_OURS = {"__pycache__", "var", "dist", "build", "htmlcov", "node_modules"}
OURS_THOUGH_HIDDEN = {".ci", ".github"}
HEAVY = ("fastapi", "sqlalchemy", "pydantic", "lxml", "rich", "mjml", "premailer")


def _our_files() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in NOT_OURS and (not name.startswith(".") or name in OURS_THOUGH_HIDDEN)
        ]
        yield from (Path(folder, name) for name in files if name != ".git")


def _our_texts() -> Iterator[tuple[str, str]]:
    for path in _our_files():
        content = path.read_bytes()
        if b"\0" not in content:
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8", "replace")


def _output(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The wheel, away from the checkout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("digest_mailer-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds this wheel and, of the checkout, nothing."""
    folder = tmp_path_factory.mktemp("installed")
    _output(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = Path(
        _output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # Only the libraries are lent: a folder named in a .pth file is searched, but the .pth files
    # in it are not read, so the editable install of the checkout stays out.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return python


def _in_the_wheel(python: Path, program: str, folder: Path) -> str:
    guard = (
        "import sys, pathlib, digest, subscribers\n"
        "for package in (digest, subscribers):\n"
        "    assert pathlib.Path(package.__file__).is_relative_to(sys.prefix), package\n"
        f"assert {str(ROOT)!r} not in sys.path\n"
    )
    return _output(python, "-I", "-c", guard + program, cwd=folder)


def test_the_wheel_holds_the_packages_the_templates_and_the_migrations_and_no_more(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    carried = [path for base in ("templates", "alembic") for path in (ROOT / base).rglob("*")]
    missing = [
        path
        for path in carried
        if path.is_file()
        and "__pycache__" not in path.parts
        and f"digest/_data/{path.relative_to(ROOT).as_posix()}" not in names
    ]
    assert missing == []
    assert "digest/_data/alembic/versions/0001_the_first_tables.py" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "digest",
        "subscribers",
        "digest_mailer",
    }
    ours = re.compile(r"(^|/)(tests/|test_|conftest)")
    assert not [name for name in names if ours.search(name)]


def test_the_wheel_alone_migrates_an_empty_database(installed: Path, tmp_path: Path) -> None:
    program = (
        "from digest.db import Database\n"
        "database = Database('sqlite:///new.db')\n"
        "print(database.migrate()[0])\n"
        "database.close()\n"
    )
    assert _in_the_wheel(installed, program, tmp_path) == "0001\n"
    assert (tmp_path / "new.db").is_file()


def test_the_wheel_alone_finds_the_mail_templates(installed: Path, tmp_path: Path) -> None:
    program = (
        "from digest.resources import data_folder\n"
        "folder = data_folder('templates')\n"
        "assert folder.is_relative_to(sys.prefix), folder\n"
        "for path in sorted(folder.glob('mail/*/body.mjml')): print(path.parent.name)\n"
    )
    here = sorted(path.parent.name for path in (ROOT / "templates").glob("mail/*/body.mjml"))
    assert here
    assert _in_the_wheel(installed, program, tmp_path).split() == here


def test_the_command_of_the_wheel_starts(installed: Path, tmp_path: Path) -> None:
    program = (
        "from importlib.metadata import entry_points\n"
        "(command,) = entry_points(group='console_scripts', name='digest')\n"
        "sys.argv = ['digest', '--help']\n"
        "command.load()()\n"
    )
    assert "Usage:" in _in_the_wheel(installed, program, tmp_path)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from digest.cli import main\n"
        "sys.argv = ['digest', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print('heavy:', *sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    assert _output(sys.executable, "-c", program).splitlines()[-1] == "heavy:"


# The rules of the house


def test_nobody_imports_a_room_above_his_own() -> None:
    assert "0 broken" in _output(SCRIPTS / "lint-imports")


def _layers() -> set[str]:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (house,) = [one for one in contracts if one["type"] == "layers"]
    return {name.strip(" ()") for layer in house["layers"] for name in re.split(r"[|:]", layer)}


def test_every_room_has_its_floor_in_the_import_contract() -> None:
    rooms = {
        f"digest.{path.stem}"
        for path in (ROOT / "digest").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    without_a_floor = {"digest.__init__", "digest.__main__", "digest.migrations"}
    assert rooms - _layers() - without_a_floor == set()


def test_the_lock_files_name_no_index_and_hold_every_dependency() -> None:
    groups = PROJECT["dependency-groups"]
    wanted = {
        "requirements.lock": PROJECT["project"]["dependencies"],
        "requirements-dev.lock": PROJECT["project"]["dependencies"] + groups["dev"],
    }
    for lock in LOCKS:
        text = (ROOT / lock).read_text("utf-8")
        assert not re.findall(r"https?://|^\s*--(?!hash=)\S+", text, re.MULTILINE)
        locked = set(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==", text, re.MULTILINE))
        names = {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in wanted[lock]}
        assert names - locked == set()


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    private = re.compile(r"(?<![\w.])/(?:work|root|Users|home/[a-z]\w*)/[\w.]")
    found = {name: found.group() for name, text in _our_texts() if (found := private.search(text))}
    assert found == {}


def test_no_file_quotes_the_captured_pages(seeds: Path) -> None:
    pages = [path.read_text("utf-8", "replace") for path in seeds.rglob("*") if path.is_file()]
    sentences = {line.strip() for page in pages for line in page.splitlines()}
    long_ones = {line for line in sentences if len(line) > 60}
    assert long_ones
    quoted = [name for name, text in _our_texts() if any(line in text for line in long_ones)]
    assert quoted == []


def test_every_rule_of_ruff_that_is_switched_off_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.isort]")]
    switched_off = [line for line in ruff.splitlines() if re.search(r'"[A-Z]+\d*"', line)]
    assert switched_off
    bare = [line for line in switched_off if "select" not in line and " # " not in line]
    assert [line for line in bare if line != '"alembic/**" = ["INP001"]'] == []


def test_a_silenced_finding_names_its_rule_and_its_reason() -> None:
    bare = re.compile(r"#\s*noqa(?!: [A-Z]+\d+(?:, ?[A-Z]+\d+)* - \S)")
    pattern_of_this_test = "tests/test_house.py"
    found = [
        f"{name}:{number}"
        for name, text in _our_texts()
        if name.endswith(".py") and name != pattern_of_this_test
        for number, line in enumerate(text.splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_a_settings_variable_is_no_place_for_the_tests_own_switches() -> None:
    """The product refuses DIGEST_ names it does not know, so the tests' switches have none."""
    found = [name for name, text in _our_texts() if "DIGEST" + "_TEST_" in text]
    assert found == []


def test_migrations_never_become_a_package_that_hides_the_library() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


# What a newcomer reads


def _readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_the_two_commands_of_the_readme_stand_alone_on_their_lines() -> None:
    commands = [line for line in _readme().splitlines() if line.startswith("python3 dev.py ")]
    assert commands[:2] == ["python3 dev.py demo", "python3 dev.py test"]


@pytest.mark.parametrize(
    "page",
    sorted(
        path.relative_to(ROOT).as_posix()
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    ),
)
def test_every_link_to_a_file_leads_to_one(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if "://" not in target and "mailto:" not in target]
    missing = [target for target in local if not (ROOT / page).parent.joinpath(target).exists()]
    assert missing == []


def _settings_in(kind: object) -> set[str]:
    """Collect the names of all settings, through models, lists, tables and options."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        below = (_settings_in(field.annotation) for field in fields.values())
        return {field.alias or name for name, field in fields.items()}.union(*below)
    return set().union(*(_settings_in(part) for part in get_args(kind)))


def test_the_reference_names_every_setting() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    documented = {
        word for words in re.findall(r"`\[?([\w.]+)\]?`", page) for word in words.split(".")
    }
    documented |= set(re.findall(r"^## \[(\w+)", page, re.MULTILINE))
    assert _settings_in(Settings) - documented == set()


def test_the_reference_names_every_command() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    documented = {word.split()[0] for word in re.findall(r"`([a-z][^`]*)`", page)}
    assert set(COMMANDS) - documented == set()
