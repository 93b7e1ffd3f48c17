"""Core's own implementations of the hooks: plain plugins, asked through the same dispatch as everybody's."""

from midcall.builtin.call_variables import variables_of
from midcall.builtin.content import CoreContent
from midcall.builtin.eligibility import CoreRules
from midcall.builtin.senders import ConfiguredNumbers, NumberRoute, Pool

__all__ = ["ConfiguredNumbers", "CoreContent", "CoreRules", "NumberRoute", "Pool", "variables_of"]
