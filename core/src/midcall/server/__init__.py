"""The HTTP server (`pip install "midcall[server]"`): plain ASGI for tool calls and webhooks, Starlette for the API."""

from midcall.server.application import create_app
from midcall.server.serving import check_open, serve

__all__ = ["check_open", "create_app", "serve"]
