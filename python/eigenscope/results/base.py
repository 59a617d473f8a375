"""What every result can do: print itself, become a dictionary, be saved and loaded without pickle."""

from __future__ import annotations

import dataclasses
import html
import json
import os
from collections.abc import Mapping
from importlib import import_module
from typing import IO, Any, TypeVar

import numpy as np

from ..errors import InvalidInputError, UnsupportedTypeError

FORMAT_VERSION = 1
"""Version of the ``.npz`` layout; a reader refuses files newer than itself."""

_METADATA_KEY = "metadata"

LATE_MODULES = ("neural", "random_matrix", "report", "null_spectra", "sketch")
"""Whose types of results are known once they are first used."""

ResultType = TypeVar("ResultType", bound="Result")

_registry: dict[str, type[Result]] = {}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Base of all results: a frozen dataclass of arrays, numbers, strings and other results."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _registry[cls.__name__] = cls

    def summary(self) -> str:
        """Return three lines that say what this is, its main numbers, and how good they are."""
        return f"{type(self).__name__}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_equal(getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self))

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary; nested results become dictionaries too."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one ``.npz`` file, arrays as they are and the rest as JSON, without pickle.

        Parameters
        ----------
        path : str or path-like
            Where to write; used exactly as given.
        """
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        metadata = {"format": FORMAT_VERSION, "content": _encode(self, "", arrays)}
        with open(path, "wb") as file:
            np.savez(file, **{_METADATA_KEY: np.array(json.dumps(metadata))}, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls: type[ResultType], path: str | os.PathLike[str]) -> ResultType:
        """Read a result written by `save`.

        Parameters
        ----------
        path : str or path-like
            A file written by `save`.

        Raises
        ------
        InvalidInputError
            When the file holds something else, is damaged, or was written by a newer version.
        """
        name = os.fspath(path)
        with open(path, "rb") as file:
            try:
                result = _read(file, name)
            except (InvalidInputError, MemoryError):
                raise
            except Exception as error:
                # The parsers of zip, NumPy and JSON raise whatever junk leads them to, from KeyError to zlib.error.
                raise InvalidInputError(
                    f"{name} was not written by the save() of a result, or is damaged: write it again"
                ) from error
        if not isinstance(result, cls):
            raise InvalidInputError(f"{name} holds a {type(result).__name__}, not a {cls.__name__}")
        return result


def _read(file: IO[bytes], name: str) -> Any:
    """Return what `Result.save` wrote to a file."""
    with np.load(file, allow_pickle=False) as archive:
        if _METADATA_KEY not in archive:
            raise InvalidInputError(f"{name} was not written by eigenscope: it has no metadata")
        metadata = json.loads(str(archive[_METADATA_KEY]))
        if metadata["format"] > FORMAT_VERSION:
            raise InvalidInputError(
                f"{name} has format {metadata['format']}, this version reads up to {FORMAT_VERSION}: update eigenscope"
            )
        return _decode(metadata["content"], archive)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return (
            isinstance(left, np.ndarray)
            and isinstance(right, np.ndarray)
            and left.dtype == right.dtype
            and np.array_equal(left, right, equal_nan=left.dtype.kind in "fc")
        )
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (left != left and right != right)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(_equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return bool(left == right)


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _encode(value: Any, key: str, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """Turn a value into JSON, putting arrays aside under a name that JSON refers to."""
    if isinstance(value, Result):
        fields = {
            field.name: _encode(getattr(value, field.name), f"{key}.{field.name}".lstrip("."), arrays)
            for field in dataclasses.fields(value)
        }
        return {"result": type(value).__name__, "fields": fields}
    if isinstance(value, np.ndarray):
        arrays[key] = value
        return {"array": key}
    if isinstance(value, np.generic):
        return _encode(value.item(), key, arrays)
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, f"{key}.{i}", arrays) for i, item in enumerate(value)]}
    if isinstance(value, list):
        return {"list": [_encode(item, f"{key}.{i}", arrays) for i, item in enumerate(value)]}
    if isinstance(value, Mapping):
        return {"mapping": {str(name): _encode(item, f"{key}.{name}", arrays) for name, item in value.items()}}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UnsupportedTypeError(f"{key} is a {type(value).__name__}, which cannot be saved")


def _decode(value: Any, archive: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    if not isinstance(value, dict):
        return value
    if "result" in value:
        fields = {name: _decode(item, archive) for name, item in value["fields"].items()}
        if value["result"] not in _registry:
            for module in LATE_MODULES:
                import_module(f"eigenscope.{module}")
        if value["result"] not in _registry:
            raise InvalidInputError(f"unknown result type {value['result']!r}: update eigenscope")
        return _registry[value["result"]](**fields)
    if "array" in value:
        return archive[value["array"]]
    if "tuple" in value:
        return tuple(_decode(item, archive) for item in value["tuple"])
    if "list" in value:
        return [_decode(item, archive) for item in value["list"]]
    return {name: _decode(item, archive) for name, item in value["mapping"].items()}
