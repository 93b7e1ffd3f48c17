"""Rules about the checkout as a whole, checked instead of remembered."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [ROOT / "core", *sorted(folder.parent for folder in ROOT.glob("*/*/src"))]
LONGEST_FILE = 500

# Numbers nobody can be reached at, by the authority that keeps them free.
FICTIONAL = [
    re.compile(r"\+1\d{3}55501\d\d"),  # NANPA: 555-0100 to 555-0199 in every area code
    re.compile(r"\+44(?:7700900|2079460)\d{3}"),  # Ofcom: mobile and London numbers for drama
]
# Any other number, each with the reason it may stand in the sources.
DOCUMENTED = {
    "+12137771234": "the example in Retell's documentation of its system variables",
    "+266696687": "not a number: 'anonymous' spelled on the keypad, as some networks send it",
    "+15005550000": "Twilio's test credentials: unreachable sender range, documented as magic",
    "+15005550001": "Twilio's test credentials: invalid number",
    "+15005550002": "Twilio's test credentials: cannot be routed",
    "+15005550003": "Twilio's test credentials: no international permission",
    "+15005550004": "Twilio's test credentials: opted out",
    "+15005550006": "Twilio's test credentials: valid sender",
    "+15005550007": "Twilio's test credentials: sender not owned",
    "+15005550008": "Twilio's test credentials: sender's queue is full",
    "+15005550009": "Twilio's test credentials: cannot receive SMS",
}

E164 = re.compile(r"(?<![\w+])\+[1-9]\d{7,14}(?![\d{])")
SPACED = re.compile(r"(?<![\w+])\+[1-9]\d{0,2}(?:[ .\-]\(?\d{2,4}\)?){2,4}(?!\d)")
NATIONAL = re.compile(r"(?<![\w.\-+])\(?[2-9]\d{2}\)?[ .\-][2-9]\d{2}[ .\-]\d{4}(?![\w\-])")


def _project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def _source_files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((folder / "src").rglob("*.py"))]


def _kept_files() -> list[Path]:
    """What git keeps or is about to; in an unpacked archive, everything that is not hidden or built."""
    if (ROOT / ".git").exists() and (git := shutil.which("git")):
        listed = subprocess.run(
            [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not {"build", "dist", "__pycache__"}.intersection(path.relative_to(ROOT).parts)
            and not any(part.startswith(".") and part != ".ci" for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in paths if path.is_file()]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _phone_numbers(text: str) -> Iterator[str]:
    """Every phone number in the text, as E.164; ten digits written the American way count as +1."""
    for match in E164.findall(text) + SPACED.findall(text):
        yield re.sub(r"[^\d+]", "", match)
    for match in NATIONAL.findall(text):
        yield "+1" + re.sub(r"\D", "", match)


def _may_stand(number: str) -> bool:
    return number in DOCUMENTED or any(range_.fullmatch(number) for range_ in FICTIONAL)


def test_the_checkout_is_seen() -> None:
    """The rules below look at real files: an empty list would pass everything."""
    assert len(FOLDERS) >= 3
    assert len(_source_files()) >= 10
    assert ROOT / "pyproject.toml" in _kept_files()


def test_no_source_file_is_long() -> None:
    """One file, one subject: nothing under src has more than 500 lines."""
    lengths = {str(path.relative_to(ROOT)): len(_text(path).splitlines()) for path in _source_files()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_distribution_is_made_the_same_way(folder: Path) -> None:
    """Each has typing information, the licence, one version, a README, hatchling and Python 3.11 or newer."""
    parts = _project(folder)
    project = parts["project"]
    packages = sorted(path for path in (folder / "src").iterdir() if (path / "__init__.py").exists())
    assert packages, "src/ holds no package"
    assert [package for package in packages if not (package / "py.typed").exists()] == []
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
    assert project["version"] == _project(ROOT / "core")["project"]["version"]
    assert project["requires-python"] == ">=3.11"
    assert project["readme"]
    assert parts["build-system"]["build-backend"] == "hatchling.build"


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_plugin_says_which_core_it_fits(folder: Path) -> None:
    """The plugin loader reads the bound on core before it imports a plugin, so every plugin has one."""
    project = _project(folder)["project"]
    if "midcall" in project.get("entry-points", {}):
        assert "midcall>=0.1,<0.2" in project["dependencies"]


def test_no_path_of_one_machine() -> None:
    """Nothing that is kept names a folder of the machine it was written on."""
    machine = re.compile(r"(?<![\w.~-])/(?:work|root|home/\w+|tmp/w)(?:/|\b(?=[\s\"'`)]))")
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in _kept_files()
        for number, line in enumerate(_text(path).splitlines(), 1)
        if path != Path(__file__).resolve() and machine.search(line)
    }
    assert found == set()


def test_only_fictional_phone_numbers() -> None:
    """A number in the sources or the docs can never ring at somebody's home."""
    pages = [path for path in _kept_files() if path.suffix == ".md" or path.is_relative_to(ROOT / "docs")]
    found = {
        f"{path.relative_to(ROOT)}: {number}"
        for path in {*_source_files(), *pages}
        for number in _phone_numbers(_text(path))
        if not _may_stand(number)
    }
    assert found == set()


@pytest.mark.parametrize(
    "text", ["+12025550142", "+1 (202) 555-0142", "202-555-0142", "(202) 555-0142", "tel:+12025550142"]
)
def test_a_fictional_number_is_recognised(text: str) -> None:
    """However it is written, a number is found, and a fictional one may stand."""
    numbers = set(_phone_numbers(text))
    assert numbers == {"+12025550142"}
    assert all(_may_stand(number) for number in numbers)


@pytest.mark.parametrize("text", ["+12025550242", "+1 202 555 0242", "202.555.0242", "+4915112345678"])
def test_a_number_somebody_may_have_is_found(text: str) -> None:
    """However it is written, a number outside the fictional ranges is reported."""
    assert [number for number in _phone_numbers(text) if not _may_stand(number)]


@pytest.mark.parametrize("text", ["2026-11-23", "1+12025550242", "AC12025550242", "+870", "127.0.0.1:9001"])
def test_what_is_no_phone_number_is_left_alone(text: str) -> None:
    """Dates, identifiers, prefixes and addresses are not taken for numbers."""
    assert list(_phone_numbers(text)) == []
