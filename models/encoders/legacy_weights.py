"""Reads the arrays of an old-style torch weight file without ever unpickling it.

Such a file (torch before 1.6) is five pickles in a row - magic number, version, system, state dict, list of storage keys - and
then, per key in that order, an int64 element count and the raw little-endian numbers. ``pickletools.genops`` only *parses* a
pickle: it imports nothing and calls nothing. A small stack machine follows the few opcodes that such a file needs, knows two
names by their spelling (``OrderedDict`` becomes a dict, ``_rebuild_tensor_v2`` becomes a view on raw numbers), and refuses all
else. The file's SHA-256 is checked first.

Source: the layout is that of PyTorch's ``_legacy_save``; our reader supports float32 and int64 tensors on the CPU only.
"""

from __future__ import annotations

import hashlib
import io
import pickletools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["WeightFileError", "read_legacy_weights"]

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES: dict[object, np.dtype] = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
_REBUILD, _DICT = "torch._utils _rebuild_tensor_v2", "collections OrderedDict"
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"}
_MARK = object()


class WeightFileError(ValueError):
    """The weight file is not the one we know, or holds something that we refuse to interpret."""


class _Name(str):
    """A global's spelling; never resolved to an object."""


class _Storage(NamedTuple):
    dtype: np.dtype
    key: str
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_legacy_weights(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """All tensors of a legacy torch file as numpy arrays by name.

    Parameters
    ----------
    path : the file
    sha256 : hex digest that the file must have

    Raises
    ------
    WeightFileError
        Another digest, an opcode or name outside the short list, or numbers that do not fit.
    """
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise WeightFileError("the weight file has another checksum than the one this version was made for")
    stream = io.BytesIO(raw)
    magic, version, _, state, keys = (_follow(stream) for _ in range(5))
    if magic != _MAGIC or version != _VERSION:
        raise WeightFileError("not a legacy torch weight file")
    storages = {tensor.storage.key: tensor.storage for tensor in state.values()}
    if sorted(keys) != sorted(storages):
        raise WeightFileError("the list of storages does not match the tensors")
    numbers = {}
    for key in keys:
        storage, count = storages[key], int.from_bytes(stream.read(8), "little")
        if count != storage.size:
            raise WeightFileError("a storage has another size than announced")
        if len(body := stream.read(count * storage.dtype.itemsize)) != count * storage.dtype.itemsize:
            raise WeightFileError("the file ends too early")
        numbers[key] = np.frombuffer(body, dtype=storage.dtype)
    return {name: _view(numbers[tensor.storage.key], tensor) for name, tensor in state.items()}


def _follow(stream: io.BytesIO) -> Any:
    """What one pickle describes, in plain values and ``_Tensor`` notes."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def pop_to_mark() -> list[Any]:
        at = max(index for index, value in enumerate(stack) if value is _MARK)
        values = stack[at + 1 :]
        del stack[at:]
        return values

    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case "PROTO":
                pass
            case "MARK":
                stack.append(_MARK)
            case name if name in _LITERALS:
                stack.append(argument)
            case name if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case "GLOBAL":
                if argument not in (_REBUILD, _DICT, *_DTYPES):
                    raise WeightFileError(f"the weight file names {argument!r}, which is not allowed")
                stack.append(_Name(argument))
            case "BINPUT" | "LONG_BINPUT" if argument is not None:
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET" if argument is not None:
                stack.append(memo[argument])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(pop_to_mark()))
            case "TUPLE1" | "TUPLE2":
                size = int(opcode.name[-1])
                stack[-size:] = [tuple(stack[-size:])]
            case "APPENDS":
                values = pop_to_mark()
                stack[-1].extend(values)
            case "SETITEM":
                key, value = stack[-2:]
                del stack[-2:]
                stack[-1][key] = value
            case "SETITEMS":
                values = pop_to_mark()
                stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                arguments = stack.pop()
                stack[-1] = _reduce(stack[-1], arguments)
            case "BUILD":  # the state dict's attribute `_metadata`: layer versions, of no use here
                if not isinstance(stack.pop(), dict):
                    raise WeightFileError("the weight file sets something else than a dict's attributes")
            case "STOP":
                return stack.pop()
            case other:
                raise WeightFileError(f"the weight file uses the opcode {other}, which is not allowed")
    raise WeightFileError("a part of the weight file has no end")


def _view(numbers: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """The tensor's elements out of its storage; ``_reduce`` made sure that none lies outside."""
    strides = tuple(stride * numbers.itemsize for stride in tensor.strides)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides))


def _storage(note: Any) -> _Storage:
    kind, dtype, key, device, size, view = note
    if kind != "storage" or device != "cpu" or view is not None or dtype not in _DTYPES:
        raise WeightFileError("the weight file holds a storage of an unknown kind")
    return _Storage(_DTYPES[dtype], key, size)


def _reduce(name: Any, arguments: tuple[Any, ...]) -> Any:
    if name == _DICT and arguments == ():
        return {}
    if name != _REBUILD or not isinstance(arguments[0], _Storage):
        raise WeightFileError("the weight file builds something else than a tensor")
    storage, offset, shape, strides = arguments[:4]
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides)) < 0 or last >= storage.size:
        raise WeightFileError("the weight file holds a tensor that reaches outside its storage")
    return _Tensor(storage, offset, shape, strides)
