"""Credentials that are kept elsewhere: a setting names a block instead of holding a secret.

`secret-block:<name>` in any secret setting stands for what a keeper of secrets has under that name.
Who can read it says so with `read_by`; without anybody the setting is an error, never a password.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, SecretStr

from connectors.core.errors import FixConfig

PREFIX: Final = "secret-block:"
Read = Callable[[str], str]
Model = TypeVar("Model", bound=BaseModel)
_readers: list[Read] = []


def read_by(read: Read) -> None:
    """From now on, `read` gives the secret of a name; it raises a `ParleyError` where it can't."""
    _readers[:] = [read]


def resolved(settings: Model) -> Model:
    """The same settings with every named secret in its place; read anew at each call.

    Raises:
        FixConfig: nobody here reads secrets, or there is none of that name.
        RetryLater: the keeper of secrets does not answer.
    """
    return _resolved(settings, "PARLEY")


def _resolved(model: Model, where: str) -> Model:
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        put = _value(value, f"{where}{'__' if where != 'PARLEY' else '_'}{name.upper()}")
        if put is not value:
            found[name] = put
    return model.model_copy(update=found) if found else model


def _value(value: Any, where: str) -> Any:  # noqa: ANN401 - whatever settings hold
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if not text.startswith(PREFIX):
            return value
        return SecretStr(_read(text.removeprefix(PREFIX), where))
    if isinstance(value, BaseModel):
        return _resolved(value, where)
    if isinstance(value, Mapping):
        put = {key: _value(each, f"{where}__{str(key).upper()}") for key, each in value.items()}
        return put if any(put[key] is not each for key, each in value.items()) else value
    return value


def _read(name: str, where: str) -> str:
    if not _readers:
        what = "the setting names a secret's block, which only a flow or a command reads"
        raise FixConfig(what, where, "Use Parley's flows or commands, or set the secret itself.")
    secret = _readers[0](name)
    if not secret:
        what = f"the block '{name}' holds nothing"
        raise FixConfig(what, where, "Put the secret into it, or set the secret itself.")
    return secret
