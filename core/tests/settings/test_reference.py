"""The table of settings in the documentation is made from the model."""

from __future__ import annotations

from midcall.settings import load_settings, settings_reference


def test_every_setting_has_a_row_and_a_meaning() -> None:
    """Nothing can be set that the reference does not explain."""
    rows = {row.key or row.variable: row for row in settings_reference()}
    assert len(rows) == len(settings_reference())
    for row in rows.values():
        assert row.meaning.endswith("."), row
        assert row.type, row
        assert row.default, row
    sections = {key.partition(".")[0] for key in rows if not key.startswith("MIDCALL_")}
    assert sections == set(type(load_settings(environ={})).model_fields)
    assert {"MIDCALL_CONFIG", "MIDCALL_SECRETS_DIR", "MIDCALL_PLUGINS"} <= set(rows)


def test_rows_say_what_is_so() -> None:
    """Types, defaults and variables are those that work."""
    rows = {row.key: row for row in settings_reference()}
    assert (rows["server.port"].type, rows["server.port"].default) == ("whole number", "8080")
    assert rows["server.token"].type == "secret text"
    assert rows["pools.NAME.content"].type == "`any` or `template`"
    assert rows["pools.NAME.numbers"].default == "required"
    assert rows["accounts.NAME.carrier"].variable == "MIDCALL_ACCOUNTS__NAME__CARRIER"
    values = {"whole number": "7777", "list of text": "a,b", "text": None}
    for key in (
        "server.port",
        "server.max_body",
        "hooks.deadline_ms",
        "order",
        "required_plugins",
    ):
        loaded = load_settings(environ={rows[key].variable: values[rows[key].type] or ""})
        section, _, name = key.partition(".")
        value = getattr(getattr(loaded, section), name) if name else getattr(loaded, section)
        assert value in {7777, ("a", "b")}
    assert rows["disable"].variable == "MIDCALL_DISABLE"
    assert load_settings(environ={"MIDCALL_DISABLE": "a,b"}).disabled_plugins == {"a", "b"}
