"""Arrays and tables of numpy, pandas, polars and pyarrow as values.

Stored is ``["array", kind, header, data]``, the data in base64: arrays as their bytes, tables as an Arrow stream.
None of the libraries is imported but where a value of it is at hand, or is read.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple, cast

from bide.model.errors import NotSerializable, ValueRefused


class ArrayForm(NamedTuple):
    """What is stored of an array or a table."""

    kind: str
    header: list[Any]
    data: str


def array_form_of(value: Any) -> ArrayForm | None:
    """What to store of a value of one of these libraries; None if it is of none.

    Raises :class:`NotSerializable` for what can't be stored, or where a library is missing.
    """
    cls = cast("type[Any]", type(value))
    library = cls.__module__.partition(".")[0]
    for kind, (home, names, write, _) in _KINDS.items():
        if library == home and (cls.__name__ in names or (kind == "numpy.scalar" and _is_scalar(value))):
            header, data = write(value)
            return ArrayForm(kind, header, base64.b64encode(data).decode())
    return None


def rebuild_array(kind: str, header: list[Any], data: str) -> Any:
    """The array or table again. Raises :class:`ValueRefused` where its library is missing."""
    if kind not in _KINDS:
        raise ValueRefused(f"a value was stored as {kind!r}, which this version of Bide does not know")
    try:
        return _KINDS[kind][3](header, base64.b64decode(data))
    except ImportError as error:
        raise ValueRefused(
            f"a {kind} can't be read here: {error}. Install {_KINDS[kind][0]} for this task"
        ) from None


def _is_scalar(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "tobytes") and getattr(value, "shape", None) == ()


def _write_array(value: Any) -> tuple[list[Any], bytes]:
    if value.dtype.hasobject:
        raise NotSerializable("its dtype has Python objects: use a dtype of numbers or texts, or value.tolist()")
    return [_dtype(value), list(value.shape)], value.tobytes()


def _write_scalar(value: Any) -> tuple[list[Any], bytes]:
    if value.dtype.hasobject:
        raise NotSerializable("its dtype has Python objects")
    return [_dtype(value)], value.tobytes()


def _dtype(value: Any) -> Any:
    # A list of fields for structured arrays, else a text such as "<f8".
    return value.dtype.descr if value.dtype.names else value.dtype.str


def _read_dtype(numpy: Any, header: Any) -> Any:
    if isinstance(header, str):
        return numpy.dtype(header)
    fields = cast("list[list[Any]]", header)
    return numpy.dtype([tuple(tuple(part) if isinstance(part, list) else part for part in one) for one in fields])  # pyright: ignore[reportUnknownArgumentType]


def _read_array(header: list[Any], data: bytes) -> Any:
    numpy = import_module("numpy")
    # A copy, since what is made of bytes can't be changed.
    return numpy.frombuffer(data, dtype=_read_dtype(numpy, header[0])).reshape(header[1]).copy()


def _read_scalar(header: list[Any], data: bytes) -> Any:
    numpy = import_module("numpy")
    return numpy.frombuffer(data, dtype=_read_dtype(numpy, header[0]))[0]


def _arrow() -> Any:
    return import_module("pyarrow")


def _write_table(value: Any) -> tuple[list[Any], bytes]:
    arrow = _arrow()
    sink = arrow.BufferOutputStream()
    with import_module("pyarrow.ipc").new_stream(sink, value.schema) as writer:
        writer.write(value)
    return [], sink.getvalue().to_pybytes()


def _read_table(header: list[Any], data: bytes) -> Any:
    with import_module("pyarrow.ipc").open_stream(data) as reader:
        return reader.read_all()


def _write_pandas(value: Any) -> tuple[list[Any], bytes]:
    frame = value if hasattr(value, "columns") else value.to_frame("0" if value.name is None else value.name)
    try:
        arrow = _arrow()
    except ImportError:
        raise NotSerializable("to store tables of pandas, install the package pyarrow") from None
    try:
        table = arrow.Table.from_pandas(frame)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, arrow.ArrowNotImplementedError) as error:
        raise NotSerializable(f"it has what Arrow can't hold: {error}") from None
    return [value.name if frame is not value else None], _write_table(table)[1]


def _read_frame(header: list[Any], data: bytes) -> Any:
    return _read_table(header, data).to_pandas()


def _read_series(header: list[Any], data: bytes) -> Any:
    frame = _read_frame(header, data)
    return frame.iloc[:, 0].rename(header[0])


def _write_polars(value: Any) -> tuple[list[Any], bytes]:
    frame = value if hasattr(value, "columns") else value.to_frame()
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return [], buffer.getvalue()


def _read_polars(header: list[Any], data: bytes) -> Any:
    return import_module("polars").read_ipc_stream(io.BytesIO(data))


def _read_polars_series(header: list[Any], data: bytes) -> Any:
    return _read_polars(header, data).to_series()


_Write = Callable[[Any], tuple[list[Any], bytes]]
_Read = Callable[[list[Any], bytes], Any]
#: By kind: the library, the names of its classes, how they are written and read.
_KINDS: Final[dict[str, tuple[str, tuple[str, ...], _Write, _Read]]] = {
    "numpy.ndarray": ("numpy", ("ndarray",), _write_array, _read_array),
    "numpy.scalar": ("numpy", (), _write_scalar, _read_scalar),
    "pandas.DataFrame": ("pandas", ("DataFrame",), _write_pandas, _read_frame),
    "pandas.Series": ("pandas", ("Series",), _write_pandas, _read_series),
    "polars.DataFrame": ("polars", ("DataFrame",), _write_polars, _read_polars),
    "polars.Series": ("polars", ("Series",), _write_polars, _read_polars_series),
    "pyarrow.Table": ("pyarrow", ("Table",), _write_table, _read_table),
}
