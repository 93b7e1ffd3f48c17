"""The settings themselves: `midcall.toml`, key for key.

`Settings` is what `load_settings` answers. It can also be built directly, from arguments alone: it never reads a file or a
variable by itself, because only the loader can say where a value came from when it is wrong. What stands under
`[platforms.*]`, `[accounts.*]` and `[plugins.*]` is kept as `RawTable`, for the plugin's own class to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    SerializerFunctionWrapHandler,
    WrapSerializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from midcall.contract.tool import Tool
from midcall.numbers import mask
from midcall.settings import values
from midcall.settings.checks import cross_checks
from midcall.settings.places import slug
from midcall.settings.raw import RawTable


def _written(mapping: Mapping[str, Any], write: SerializerFunctionWrapHandler) -> Any:
    return write(dict(mapping))


K = TypeVar("K", bound=str)
V = TypeVar("V")

Frozen = Annotated[Mapping[K, V], AfterValidator(MappingProxyType), WrapSerializer(_written)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Instance = Annotated[str, AfterValidator(values.instance_name)]
E164 = Annotated[str, AfterValidator(values.e164)]
Whole = Annotated[int, BeforeValidator(values.not_a_boolean)]

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


def _empty() -> Mapping[str, Any]:
    return _EMPTY


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(_Table):
    """`[server]`: where Midcall is, and where its ledger is."""

    public_url: Annotated[str, AfterValidator(values.public_url)] | None = Field(
        default=None,
        description="Address under which carriers and platforms reach Midcall. Signatures depend on it.",
    )
    token: SecretStr | None = Field(default=None, min_length=1, description="Bearer token of the API.")
    ledger: Annotated[str, AfterValidator(values.ledger)] = Field(
        default="sqlite:///midcall.db",
        description=(
            "The ledger's SQLite file: `sqlite:///FILE`, relative to the settings file; `sqlite://` is gone when Midcall stops."
        ),
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: Whole = Field(
        default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes any that is free."
    )
    max_body: Whole = Field(
        default=1_048_576, ge=1_024, le=67_108_864, description="Largest request body that is read, in bytes."
    )


class NumberSettings(_Table):
    """`[numbers."+12025550100"]`: who owns a number, and what to try after it."""

    account: Name | None = Field(
        default=None,
        description="The account that owns the number. Unset: as for a number that is not listed.",
    )
    fallback: tuple[str, ...] = Field(
        default=(),
        description="Senders to try after it, in order: numbers, or `pool:NAME` for the numbers of a pool.",
    )

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Phone numbers are masked."""
        return [
            ("account", self.account),
            ("fallback", tuple(x if x.startswith("pool:") else mask(x) for x in self.fallback)),
        ]


class Pool(_Table):
    """`[pools.frontdesk]`: numbers shared by agents, with rules of their own."""

    numbers: tuple[E164, ...] = Field(min_length=1, description="The pool's numbers, each in E.164.")
    content: Literal["any", "template"] = Field(
        default="any", description="What its numbers may send: anything, or texts made from a template only."
    )

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Phone numbers are masked."""
        return [("numbers", tuple(mask(number) for number in self.numbers)), ("content", self.content)]


class Hooks(_Table):
    """`[hooks]`: how long plugins may take while the caller waits."""

    deadline_ms: Whole = Field(
        default=500, ge=1, le=30_000, description="Longest one hook may take inside a turn, in milliseconds."
    )
    content_deadline_ms: Whole = Field(
        default=500,
        ge=1,
        le=30_000,
        description="Longest the hooks that write and change the text may take, in milliseconds.",
    )


class Settings(BaseSettings):
    """All settings, checked and unchangeable. Its `repr` names what is configured and shows no value."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    required_plugins: tuple[Name, ...] = Field(
        default=(), description="Plugins without which Midcall does not start."
    )
    order: tuple[Name, ...] = Field(
        default=(), description="Plugins to ask first, in this order; all others follow, sorted by name."
    )
    disable: tuple[Name, ...] = Field(
        default=(), description="Plugins that are installed and not to be loaded. The variable adds to them."
    )
    server: Server = Field(default_factory=Server, description="Where Midcall is, and where its ledger is.")
    platforms: Frozen[Instance, RawTable] = Field(
        default_factory=_empty,
        description="Instances of voice platforms, by name. `platform` says of which; unset, the one of that name.",
    )
    accounts: Frozen[Instance, RawTable] = Field(
        default_factory=_empty,
        description="Accounts of carriers, by name. `carrier` says of which; unset, the one of that name.",
    )
    numbers: Frozen[E164, NumberSettings] = Field(
        default_factory=_empty, description="Our own numbers that need saying something about, by E.164."
    )
    pools: Frozen[Instance, Pool] = Field(
        default_factory=_empty, description="Numbers shared by agents, by the pool's name."
    )
    tools: Frozen[str, Tool] = Field(
        default_factory=_empty,
        description="`send_sms` tools, by name: Retell's JSON as a table, or the path of a file that holds it.",
    )
    plugins: Frozen[Name, RawTable] = Field(
        default_factory=_empty, description="Settings of policies, by plugin."
    )
    templates: Frozen[Name, str] = Field(
        default_factory=_empty, description="Texts by name, for tools that send a template."
    )
    hooks: Hooks = Field(
        default_factory=Hooks, description="How long plugins may take while the caller waits."
    )

    _source: Path | None = PrivateAttr(default=None)
    _base_dir: Path | None = PrivateAttr(default=None)
    _only: frozenset[str] | None = PrivateAttr(default=None)
    _disabled: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only. `load_settings` reads the rest, because it remembers where each value came from."""
        return (init_settings,)

    @classmethod
    def loaded(
        cls,
        given: Mapping[str, Any],
        *,
        source: Path | None = None,
        base_dir: Path | None = None,
        only: frozenset[str] | None = None,
        disabled: frozenset[str] = frozenset(),
    ) -> Self:
        """Settings from `given`, with what is known of where they were read and what the variables add."""
        settings = cls(**given)
        settings._source, settings._base_dir = source, base_dir
        settings._only, settings._disabled = only, disabled
        return settings

    @property
    def source(self) -> Path | None:
        """The file they were read from, if there was one."""
        return self._source

    @property
    def base_dir(self) -> Path:
        """The folder that paths in the settings are relative to: the file's, else the working folder."""
        return self._base_dir or Path.cwd()

    @property
    def ledger_url(self) -> str:
        """The ledger's address, a relative SQLite file resolved against `base_dir`."""
        return values.resolved_ledger(self.server.ledger, self.base_dir)

    @property
    def only_plugins(self) -> frozenset[str] | None:
        """The only plugins to load (`MIDCALL_PLUGINS`), or None for all."""
        return self._only

    @property
    def disabled_plugins(self) -> frozenset[str]:
        """Plugins not to load: `disable` and `MIDCALL_DISABLE` together."""
        return self._disabled | frozenset(self.disable)

    def carrier_of(self, account: str) -> str:
        """The carrier's name of `[accounts.ACCOUNT]`: its `carrier`, else the account's own name. KeyError: no such account."""
        return str(self.accounts[account].get("carrier", account))

    def platform_of(self, instance: str) -> str:
        """The platform's name of `[platforms.INSTANCE]`: its `platform`, else the instance's own. KeyError: no such one."""
        return str(self.platforms[instance].get("platform", instance))

    @field_validator("tools", mode="before")
    @classmethod
    def _named_by_key(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {
            key: {"name": key, **tool} if isinstance(tool, Mapping) else tool for key, tool in given.items()
        }

    @field_validator("tools", mode="after")
    @classmethod
    def _by_their_own_names(cls, given: Mapping[str, Tool]) -> Mapping[str, Tool]:
        """A tool from a file has a name of its own, and that is the one agents call it by."""
        named = {tool.name: tool for tool in given.values()}
        if len(named) < len(given):
            raise PydanticCustomError("cross_check", "Two tools have one name: give each its own")
        return MappingProxyType(named)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for problem in cross_checks({name: getattr(self, name) for name in type(self).model_fields}):
            raise PydanticCustomError("cross_check", "{words}", {"words": problem.words})
        return self

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Names of what is configured; numbers are counted."""
        return [
            ("source", str(self._source) if self._source else None),
            ("server", self.server),
            *(
                (name, list(getattr(self, name)))
                for name in ("platforms", "accounts", "pools", "tools", "plugins")
            ),
            ("numbers", len(self.numbers)),
            ("templates", list(self.templates)),
        ]

    def __str__(self) -> str:
        return repr(self)

    def plugin_table(self, plugin: str) -> RawTable:
        """`[plugins.PLUGIN]`, empty when it is not there. A table made by variables alone has `_` where the name has `-`."""
        if plugin in self.plugins:
            return self.plugins[plugin]
        alike = (table for name, table in self.plugins.items() if slug(name) == slug(plugin))
        return next(alike, RawTable({}))
