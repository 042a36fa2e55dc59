"""A warehouse of Databricks for its SQL connector: the Thrift service of the connector, on SQLite.

A statement is under way until the third look at it, and is really run then; one with the word ``forever`` goes on
until it is cancelled.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from tests.support.databricks import TOKEN

PATH: Final = "/sql/1.0/warehouses/abc"
LOOKS: Final = 3
_OK: Final = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
_PROTOCOL: Final = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7


@dataclass
class _Statement:
    sql: str
    looks: int = 0
    state: int = ttypes.TOperationState.RUNNING_STATE
    error: str = ""
    names: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class Warehouse:
    """Serves until its context ends."""

    def __init__(self) -> None:
        self._data = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._statements: dict[bytes, _Statement] = {}
        #: Texts of statements that were cancelled.
        self.cancelled: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(TCLIService.Processor(self), self._lock))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def connection(self) -> dict[str, Any]:
        """The fields of an Airflow connection to it."""
        extra = {
            "http_path": PATH,
            "_connection_uri": f"http://127.0.0.1:{self._server.server_port}{PATH}",
            "enable_telemetry": False,
        }
        return {"conn_type": "databricks", "host": "127.0.0.1", "password": TOKEN, "extra": extra}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # --- the calls of the service, by their names there ---------------------------------------------------------

    def OpenSession(self, request: Any) -> Any:
        handle = ttypes.TSessionHandle(sessionId=_new_id(), serverProtocolVersion=_PROTOCOL)
        return ttypes.TOpenSessionResp(
            status=_OK, serverProtocolVersion=_PROTOCOL, sessionHandle=handle, canUseMultipleCatalogs=True
        )

    def CloseSession(self, request: Any) -> Any:
        return ttypes.TCloseSessionResp(status=_OK)

    def ExecuteStatement(self, request: Any) -> Any:
        made = _new_id()
        self._statements[made.guid] = _Statement(request.statement)
        handle = ttypes.TOperationHandle(
            operationId=made, operationType=ttypes.TOperationType.EXECUTE_STATEMENT, hasResultSet=True
        )
        return ttypes.TExecuteStatementResp(status=_OK, operationHandle=handle)

    def GetOperationStatus(self, request: Any) -> Any:
        found = self._statements[request.operationHandle.operationId.guid]
        found.looks += 1
        if found.state == ttypes.TOperationState.RUNNING_STATE and found.looks >= LOOKS:
            self._run(found)
        return ttypes.TGetOperationStatusResp(
            status=_OK, operationState=found.state, displayMessage=found.error, errorMessage=found.error
        )

    def GetResultSetMetadata(self, request: Any) -> Any:
        found = self._statements[request.operationHandle.operationId.guid]
        columns = [
            ttypes.TColumnDesc(columnName=name, position=place, typeDesc=_type(found.rows, place - 1))
            for place, name in enumerate(found.names, 1)
        ]
        return ttypes.TGetResultSetMetadataResp(
            status=_OK,
            schema=ttypes.TTableSchema(columns=columns),
            resultFormat=ttypes.TSparkRowSetType.COLUMN_BASED_SET,
            lz4Compressed=False,
        )

    def FetchResults(self, request: Any) -> Any:
        found = self._statements[request.operationHandle.operationId.guid]
        metadata = self.GetResultSetMetadata(request)
        rows, found.rows = found.rows, []
        columns = [_column([row[place] for row in rows]) for place in range(len(found.names))]
        results = ttypes.TRowSet(startRowOffset=0, rows=[], columns=columns)
        return ttypes.TFetchResultsResp(status=_OK, hasMoreRows=False, results=results, resultSetMetadata=metadata)

    def CancelOperation(self, request: Any) -> Any:
        found = self._statements[request.operationHandle.operationId.guid]
        found.state = ttypes.TOperationState.CANCELED_STATE
        self.cancelled.append(found.sql)
        return ttypes.TCancelOperationResp(status=_OK)

    def CloseOperation(self, request: Any) -> Any:
        return ttypes.TCloseOperationResp(status=_OK)

    def _run(self, statement: _Statement) -> None:
        if "forever" in statement.sql:
            return
        try:
            cursor = self._data.execute(statement.sql)
            statement.names = [one[0] for one in cursor.description or ()]
            statement.rows = cursor.fetchall()
            statement.state = ttypes.TOperationState.FINISHED_STATE
        except sqlite3.Error as error:
            statement.error = str(error)
            statement.state = ttypes.TOperationState.ERROR_STATE


def _new_id() -> Any:
    return ttypes.THandleIdentifier(guid=uuid.uuid4().bytes, secret=uuid.uuid4().bytes)


def _type(rows: list[tuple[Any, ...]], place: int) -> Any:
    are_numbers = all(isinstance(row[place], int) for row in rows) and rows
    kind = ttypes.TTypeId.BIGINT_TYPE if are_numbers else ttypes.TTypeId.STRING_TYPE
    return ttypes.TTypeDesc(types=[ttypes.TTypeEntry(primitiveEntry=ttypes.TPrimitiveTypeEntry(type=kind))])


def _column(values: list[Any]) -> Any:
    nulls = bytes(
        sum((values[first + bit] is None) << bit for bit in range(min(8, len(values) - first)))
        for first in range(0, len(values), 8)
    )
    if values and all(isinstance(value, int) for value in values):
        return ttypes.TColumn(i64Val=ttypes.TI64Column(values=values, nulls=nulls))
    texts = ["" if value is None else str(value) for value in values]
    return ttypes.TColumn(stringVal=ttypes.TStringColumn(values=texts, nulls=nulls))


def _handler(processor: Any, lock: threading.Lock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._send(403, b"")
                return
            answer = TMemoryBuffer()
            with lock:
                processor.process(TBinaryProtocol(TMemoryBuffer(body)), TBinaryProtocol(answer))
            self._send(200, answer.getvalue())

        def do_GET(self) -> None:
            self._send(404, b"")

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-thrift")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
