"""What a pydantic model says about its keys: which there are, what each holds, which are secret; and text read as such.

Variables and secrets files can only hold text, so a list is written as JSON or with commas; whether text is meant as a
list is decided by the type of the key it is for. A token that happens to look like JSON stays the text it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from midcall.settings.places import Place
from midcall.settings.raw import RawTable

_SECRET_WORDS: Final = re.compile(
    r"token|secret|passw|passphrase|pwd|credential|private|signature|signing|auth|dsn|apikey|(^|[_-])key($|[_-])",
    re.IGNORECASE,
)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys a table of this model may have, each with its field."""
    return {_key(name, field): field for name, field in model.model_fields.items()}


def key_of(model: type[BaseModel], field: str) -> str:
    """The key under which `field` of this model is written."""
    info = model.model_fields.get(field)
    return field if info is None else _key(field, info)


def model_at(model: type[BaseModel], place: Place) -> type[BaseModel] | None:
    """The model of the table at `place` inside this model's own, or None where there is none, or more than one."""
    annotation = type_at(model, place) if place else model
    models = list(_models_in(annotation))
    return models[0] if len(models) == 1 else None


def type_at(model: type[BaseModel], place: Place) -> Any:
    """The type of what is at `place`; `Any` where the model does not say."""
    here: Any = model
    for part in place:
        here = _unwrapped(here)
        inner = None if _is_collection(here) else next(_models_in(here), None)
        if inner is not None:
            field = keys_of(inner).get(str(part))
            here = Any if field is None else field.annotation
        else:
            here = _item_type(here)
    return here


def is_secret(model: type[BaseModel] | None, place: Place) -> bool:
    """Whether what is at `place` must not be shown: its type says so, or its key sounds like it."""
    if any(_SECRET_WORDS.search(part) for part in place if isinstance(part, str)):
        return True
    if model is None:
        return False
    return any(_holds_secret(type_at(model, place[:length])) for length in range(1, len(place) + 1))


def read_text(text: str, annotation: Any) -> Any:
    """`text` from a variable as what its key holds: itself where text will do, else JSON, else entries with commas between.

    What fits none of these is returned as the nearest shape, so that the error that follows speaks of the right thing.
    """
    if annotation is Any or _takes(annotation, text):
        return text
    decoded = _json_container(text)
    if decoded is not None:
        return decoded
    if _is_list(annotation) and not text.lstrip().startswith(("[", "{")):
        return [entry.strip() for entry in text.split(",") if entry.strip()]
    return text


def _key(name: str, field: FieldInfo) -> str:
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    return field.alias or name


def _json_container(text: str) -> Any:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, (list, dict)) else None


def _takes(annotation: Any, value: object) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    except PydanticUserError:  # a type only its own model can read: leave the text to it
        return True
    return True


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _holds_secret(annotation: Any) -> bool:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return issubclass(annotation, (SecretStr, SecretBytes, RawTable))
    return any(_holds_secret(argument) for argument in get_args(annotation))


def _unwrapped(annotation: Any) -> Any:
    """The type inside `Annotated[...]` and `... | None`."""
    while True:
        arguments = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation = arguments[0]
        elif get_origin(annotation) in {Union, UnionType}:
            inner = [argument for argument in arguments if argument is not NoneType]
            if len(inner) != 1:
                return annotation
            annotation = inner[0]
        else:
            return annotation


def _is_list(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type):
        return issubclass(kind, (Sequence, AbstractSet)) and not issubclass(kind, (str, bytes))
    return any(_is_list(argument) for argument in get_args(annotation))


def _is_collection(annotation: Any) -> bool:
    kind = get_origin(annotation)
    return isinstance(kind, type) and issubclass(kind, (Sequence, AbstractSet, Mapping))


def _item_type(annotation: Any) -> Any:
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return arguments[-1] if arguments and _is_collection(annotation) else Any
