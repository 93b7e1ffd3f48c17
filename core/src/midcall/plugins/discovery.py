"""Which plugins are installed: read from the metadata of distributions, without importing one of them.

An import runs a stranger's code and may take seconds, so everything that can be known beforehand is: the name, where it comes
from, whether two distributions claim it, and whether it is made for this midcall.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions, version

from midcall.plugins.wording import cause, did_you_mean

_log = logging.getLogger("midcall.plugins")

GROUP = "midcall"
"""The group of entry points that plugins are declared in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlugin:
    """One entry point, unimported.

    `value` is what it points at (`module` or `module:attribute`), `bound` what its distribution asks of midcall's version
    (`<0.2,>=0.1`, empty if it asks nothing). `problem` says in a sentence why it must not be imported, `disabled` who switched
    it off; both are empty for a plugin that may be used.
    """

    name: str
    value: str = ""
    distribution: str = ""
    version: str = ""
    bound: str = ""
    problem: str = ""
    disabled: str = ""

    @property
    def is_module(self) -> bool:
        """Whether it points at a module (then it is a policy), rather than at something inside one."""
        return bool(self.value) and ":" not in self.value


def core_version() -> str:
    """The version of midcall that plugins are checked against; from a bare checkout, the version of its contract."""
    try:
        return version("midcall")
    except PackageNotFoundError:
        # By name: the package itself stands above this layer, and is loaded, being our parent.
        return str(import_module("midcall").API_VERSION)


def discover(
    *,
    only: Collection[str] | None = None,
    disabled: Collection[str] = (),
    builtins: Collection[str] = (),
    core: str | None = None,
) -> tuple[FoundPlugin, ...]:
    """All plugins that are installed, sorted by name; nothing is imported and nothing is raised.

    `only` (MIDCALL_PLUGINS) switches off every other plugin, `disabled` (MIDCALL_DISABLE) those it names; a name there that
    is not installed is listed with its problem, because a misspelt one leaves the wrong plugins on. `builtins` are the names of
    core's own plugins, which are always on. `core` is the version of midcall to check bounds against, the installed one by
    default. A name that two distributions claim appears once for each, both with the problem.
    """
    by_name: dict[str, list[FoundPlugin]] = defaultdict(list)
    for plugin in _installed(core or core_version()):
        by_name[plugin.name].append(plugin)
    found = []
    for name, claims in by_name.items():
        off = _switched_off(name, only, disabled)
        found += [replace(plugin, disabled=off) for plugin in _one_claim_each(name, claims)]
    for variable, names in (("MIDCALL_PLUGINS", only or ()), ("MIDCALL_DISABLE", disabled)):
        for name in sorted(set(names) - by_name.keys() - set(builtins)):
            hint = did_you_mean(name, by_name)
            found.append(
                FoundPlugin(name=name, problem=f"{variable} names {name!r}, which is not installed.{hint}")
            )
    for name in sorted((set(disabled) & set(builtins)) - by_name.keys()):
        fix = "take it out of MIDCALL_DISABLE or `disable`."
        found.append(
            FoundPlugin(name=name, problem=f"{name!r} is core's own and cannot be switched off; {fix}")
        )
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution, plugin.value)))


def _switched_off(name: str, only: Collection[str] | None, disabled: Collection[str]) -> str:
    if name in disabled:
        return f"switched off: MIDCALL_DISABLE names {name!r}"
    if only is not None and name not in only:
        return f"switched off: MIDCALL_PLUGINS does not name {name!r}"
    return ""


def _one_claim_each(name: str, claims: list[FoundPlugin]) -> list[FoundPlugin]:
    """`claims` as they are when there is one; else each with the problem, and none is used: picking one would be a guess."""
    claims = list(dict.fromkeys(claims))
    if len(claims) == 1:
        return claims
    owners = sorted({plugin.distribution for plugin in claims})
    if len(owners) == 1:
        values = " and ".join(sorted(plugin.value for plugin in claims))
        problem = f"{owners[0]} declares the plugin {name!r} twice, as {values}; neither is used."
    else:
        problem = (
            f"The plugin {name!r} is claimed by {' and '.join(owners)}; neither is used. "
            f"Uninstall all but one: pip uninstall {owners[-1]}"
        )
    return [replace(plugin, problem=problem) for plugin in claims]


def _installed(core: str) -> Iterator[FoundPlugin]:
    """The group's entry points; of a distribution that is on the path twice, those of the one Python finds first."""
    for name in sorted(_distributions_with_plugins()):
        # The first on the path, as an import would find it: an editable install may lie over a wheel of the same name.
        found = distribution(name)
        bound, problem = _bound_on_midcall(found, core)
        for point in found.entry_points:
            if point.group == GROUP:
                yield FoundPlugin(
                    name=point.name,
                    value=point.value,
                    distribution=found.metadata["Name"],
                    version=found.version,
                    bound=bound,
                    problem=problem,
                )


def _distributions_with_plugins() -> set[str]:
    """Names of the distributions that declare plugins. `METADATA` is read for these only: there may be hundreds of others."""
    names = set()
    for each in distributions():
        try:
            if any(point.group == GROUP for point in each.entry_points):
                names.add(re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower())
        except Exception:  # noqa: BLE001 - half of a distribution, left by a broken uninstall: others are not to suffer
            _log.warning(
                "a distribution on the path has metadata that cannot be read; plugins it may have are not seen"
            )
    return names


def _bound_on_midcall(owner: Distribution, core: str) -> tuple[str, str]:
    """What the distribution asks of midcall's version, and the problem if this version is not it.

    pip checks this when it installs and not afterwards, and an upgrade of midcall alone leaves old plugins behind: without
    the check they fail in the middle of a call, with an error about an argument.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    name, bounds = owner.metadata["Name"], []
    for line in owner.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            if re.match(r"midcall(?![\w.-])", line, re.IGNORECASE):
                return line, f"What {name} asks of midcall cannot be read ({line!r}): {cause(error)}."
            continue
        if canonicalize_name(requirement.name) != "midcall":
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        bounds.append(str(requirement.specifier))
        if not requirement.specifier.contains(core, prereleases=True):
            problem = (
                f"{name} {owner.version} is made for midcall {requirement.specifier}, "
                f"and this is midcall {core}. Upgrade both: pip install --upgrade midcall {name}"
            )
            return str(requirement.specifier), problem
    return ",".join(bound for bound in bounds if bound), ""
