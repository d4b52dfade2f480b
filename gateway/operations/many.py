"""Commands for many characters at once."""

from typing import Final

from gateway.http.addressed import BulkRequest
from gateway.http.operation import Operation, Scope
from gateway.http.reply_shapes import BulkReply

MANY: Final = (
    Operation(
        name="execute_many",
        method="POST",
        path="/v1/execute",
        scope=Scope.PLAY,
        summary="Commands for many characters",
        description="Each request is all or nothing by itself, and answered as the single call would "
        "be. Those of one character are carried out in order.",
        body=BulkRequest,
        reply=BulkReply,
    ),
    Operation(
        name="stream",
        method="GET",
        path="/v1/stream",
        scope=Scope.PLAY,
        summary="A WebSocket for commands of many characters",
        description="Subprotocols: `haversack.json` in text frames, `haversack.msgpack` in binary ones. "
        "In: a `StreamRequest`, or an array of 1 to 1,000. Out: `StreamAnswer`, one or an array.",
        status=101,
    ),
)
