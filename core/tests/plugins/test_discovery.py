"""What can be known of a plugin without importing it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from midcall.plugins import FoundPlugin, discover

Install = Callable[..., Path]


def found(name: str, **options: object) -> list[FoundPlugin]:
    """What discovery says of `name`; whatever else this environment has installed is no part of the test."""
    return [plugin for plugin in discover(**options) if plugin.name == name]  # type: ignore[arg-type] # options of discover


def test_a_plugin_is_found_with_its_origin_and_is_not_imported(install: Install) -> None:
    """Name, value, distribution, version and bound come from metadata; the module is not so much as read."""
    install(
        "midcall-acme",
        {"acme": "acme_unread:Acme"},
        version="1.4",
        requires=("midcall>=0.1,<0.2", "httpx>=0.27"),
        modules={"acme_unread": "raise RuntimeError('imported')"},
    )
    assert found("acme") == [
        FoundPlugin(
            name="acme",
            value="acme_unread:Acme",
            distribution="midcall-acme",
            version="1.4",
            bound="<0.2,>=0.1",
        )
    ]
    assert "acme_unread" not in sys.modules


def test_plugins_are_sorted_by_name(install: Install) -> None:
    """The order of the path is not the order of plugins."""
    install("midcall-zz", {"b-two": "zz_b", "d-four": "zz_d"})
    install("midcall-aa", {"c-three": "aa_c", "a-one": "aa_a"})
    names = [plugin.name for plugin in discover()]
    assert names == sorted(names)
    assert {"a-one", "b-two", "c-three", "d-four"} <= set(names)


def test_two_distributions_with_one_name_are_both_refused(install: Install) -> None:
    """Neither is used, and both are named: picking one would be a guess."""
    install("midcall-acme", {"acme": "acme_first"})
    install("acme-sms", {"acme": "acme_second"})
    claims = found("acme")
    assert [plugin.distribution for plugin in claims] == ["acme-sms", "midcall-acme"]
    for plugin in claims:
        assert "acme-sms and midcall-acme" in plugin.problem
        assert "neither is used" in plugin.problem


def test_one_distribution_on_the_path_twice_is_one(install: Install) -> None:
    """An editable install over a wheel is not a collision; the one that Python finds first counts."""
    install("midcall-acme", {"acme": "acme_old"}, version="1.0", place="later")
    install("Midcall_Acme", {"acme": "acme_new"}, version="1.1", place="first")
    (plugin,) = found("acme")
    assert (plugin.version, plugin.value, plugin.problem) == ("1.1", "acme_new", "")


def test_an_entry_point_of_a_shadowed_version_is_not_seen(install: Install) -> None:
    """What the distribution on top no longer declares is gone, although its older copy still does."""
    install("midcall-acme", {"acme": "acme_mod", "acme-extra": "acme_extra"}, version="1.0", place="later")
    install("midcall-acme", {"acme": "acme_mod"}, version="1.1", place="first")
    assert found("acme-extra") == []


def test_a_name_declared_twice_by_one_distribution_is_refused(install: Install) -> None:
    """Two values for one name are a mistake that is shown, not resolved."""
    site = install("midcall-acme", {})
    info = site / "midcall_acme-1.0.dist-info" / "entry_points.txt"
    info.write_text("[midcall]\nacme = acme_a\nacme = acme_b\n")
    assert {plugin.problem for plugin in found("acme")} == {
        "midcall-acme declares the plugin 'acme' twice, as acme_a and acme_b; neither is used."
    }


@pytest.mark.parametrize(
    ("requirement", "core", "fits"),
    [
        ("midcall>=0.1,<0.2", "0.1.7", True),
        ("midcall>=0.1,<0.2", "0.2.0", False),
        ("midcall[server]~=0.1.2", "0.1.1", False),
        ("midcall (>=0.1)", "0.3", True),
        ("MidCall==0.1.*", "0.1.9", True),
        ("midcall>=0.2; extra == 'newest'", "0.1", True),
        ("midcall>=0.2; python_version >= '3.0'", "0.1", False),
        ("midcall>=0.1", "0.2.0.dev3", True),
        ("midcall", "0.1", True),
        ("midcall-simulator>=9", "0.1", True),
    ],
)
def test_the_bound_on_midcall_is_checked_before_import(
    install: Install, requirement: str, core: str, fits: bool
) -> None:
    """Requires-Dist means what pip means by it: extras, markers, pre-releases and the spelling of names included."""
    install("midcall-acme", {"acme": "acme_mod"}, requires=(requirement,))
    (plugin,) = found("acme", core=core)
    assert (plugin.problem == "") is fits


def test_a_wrong_bound_says_which_versions_and_what_to_do(install: Install) -> None:
    """The sentence has both versions and the command."""
    install("midcall-acme", {"acme": "acme_mod"}, version="2.0", requires=("midcall>=0.9",))
    (plugin,) = found("acme", core="0.1")
    assert plugin.problem == (
        "midcall-acme 2.0 is made for midcall >=0.9, and this is midcall 0.1. "
        "Upgrade both: pip install --upgrade midcall midcall-acme"
    )


def test_an_unreadable_bound_is_a_problem(install: Install) -> None:
    """What cannot be checked is not imported."""
    install("midcall-acme", {"acme": "acme_mod"}, requires=("midcall >= what",))
    (plugin,) = found("acme")
    assert "cannot be read" in plugin.problem


def test_only_and_disabled_switch_off(install: Install) -> None:
    """MIDCALL_PLUGINS leaves only its own on, MIDCALL_DISABLE takes its own off, and each says that it was it."""
    install("midcall-acme", {"acme": "acme_mod", "bcme": "bcme_mod"})
    assert found("acme", only=["acme"])[0].disabled == ""
    assert found("bcme", only=["acme"])[0].disabled == "switched off: MIDCALL_PLUGINS does not name 'bcme'"
    assert found("bcme", disabled=["bcme"])[0].disabled == "switched off: MIDCALL_DISABLE names 'bcme'"
    assert found("acme", only=["acme"], disabled=["acme"])[0].disabled


def test_a_misspelt_name_to_switch_is_a_problem_with_the_near_miss(install: Install) -> None:
    """`MIDCALL_DISABLE=quiet-huors` leaves quiet-hours on, so it is not passed over."""
    install("midcall-acme", {"quiet-hours": "acme_mod"})
    (missed,) = found("quiet-huors", disabled=["quiet-huors"])
    assert missed.problem == (
        "MIDCALL_DISABLE names 'quiet-huors', which is not installed. Did you mean 'quiet-hours'?"
    )
    (missed,) = found("quiet", only=["quiet"])
    assert missed.problem.startswith("MIDCALL_PLUGINS names 'quiet', which is not installed.")


def test_cores_own_plugins_cannot_be_switched_off() -> None:
    """`MIDCALL_DISABLE=rules` is told so, and not that core's own rules were not installed; to select them is no mistake."""
    (rules,) = found("rules", disabled=["rules"], builtins=["rules", "content"])
    assert rules.problem == (
        "'rules' is core's own and cannot be switched off; take it out of MIDCALL_DISABLE or `disable`."
    )
    assert found("rules", only=["rules"], builtins=["rules", "content"]) == []


def test_a_broken_distribution_does_not_hide_the_others(install: Install) -> None:
    """Half a dist-info folder, as a broken uninstall leaves it, costs nobody else their plugins."""
    site = install("midcall-acme", {"acme": "acme_mod"})
    (site / "gone-1.0.dist-info").mkdir()
    (site / "gone-1.0.dist-info" / "entry_points.txt").write_text("[midcall]\ngone = gone_mod\n")
    (site / "junk-1.0.dist-info").mkdir()
    (site / "junk-1.0.dist-info" / "entry_points.txt").write_bytes(b"[midcall]\n\xff\xfe = x\n")
    assert len(found("acme")) == 1


def test_listing_loads_no_plugin_no_sdk_and_no_framework(install: Install) -> None:
    """`import midcall` and discovery in a fresh interpreter: no plugin, carrier SDK, web framework, database or pydantic."""
    site = install(
        "midcall-acme",
        {"acme": "acme_listed:Acme", "quiet": "acme_quiet"},
        modules={"acme_listed": "", "acme_quiet": ""},
    )
    core = Path(str(sys.modules["midcall"].__file__)).parent.parent
    code = """
        import sys
        sys.path[:0] = [SITE, CORE]
        import midcall
        from midcall.plugins import discover
        names = {plugin.name for plugin in discover()}
        assert {"acme", "quiet"} <= names, names
        unwanted = {
            "acme_listed", "acme_quiet", "midcall_twilio", "midcall_retell", "twilio", "starlette", "sqlalchemy",
            "pydantic", "pluggy", "aiohttp",
        }
        assert not unwanted & set(sys.modules), unwanted & set(sys.modules)
    """.replace("SITE", repr(str(site))).replace("CORE", repr(str(core)))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
