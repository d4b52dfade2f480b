"""Bad bodies, a line a case: the right problem, never a 500, and nothing gets further."""

import pytest

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, HERB_ID, StandIn

I = f'"item_id":"{HERB_ID}"'  # noqa: E741
TO = '"to":{"container":"bag"}'
NAN_INT = "9" * 400
DEEP = 100_000

# endpoint | body | path that the problem names
BODIES: list[tuple[str, str | bytes, str]] = [
    ("move", "", "$"),
    ("move", " ", "$"),
    ("move", "null", "$"),
    ("move", "[]", "$"),
    ("move", "7", "$"),
    ("move", '"move"', "$"),
    ("move", "{", "$"),
    ("move", "{}", "item_id"),
    ("move", f"{{{I}}}", "to"),
    ("move", f"{{{I},{TO}}} x", "$"),
    ("move", f"{{{I},{TO},}}", "$"),
    ("move", f"{{{I},{TO}}}".encode("utf-16"), "$"),
    ("move", b"\xef\xbb\xbf" + f"{{{I},{TO}}}".encode(), "$"),
    ("move", f'{{{I},{TO},"foo":1}}', "foo"),
    ("move", f'{{{I},{TO},"dry_run":true}}', "dry_run"),
    ("move", f'{{{I},{TO},"{"x" * 5000}":1}}', "x" * 300 + "…"),
    ("move", f'{{{I},"to":{{"container":"bag","foo":1}}}}', "to.foo"),
    ("move", f'{{"op":"drop",{I}}}', "op"),
    ("move", f'{{"op":null,{I}}}', "op"),
    ("move", f'{{"item_id":null,{TO}}}', "item_id"),
    ("move", f'{{"item_id":"",{TO}}}', "item_id"),
    ("move", f'{{"item_id":"{HERB_ID[:-1]}",{TO}}}', "item_id"),
    ("move", f'{{"item_id":"{HERB_ID}\\n",{TO}}}', "item_id"),
    ("move", f'{{"item_id":"{HERB_ID[:-1]}\\u0000",{TO}}}', "item_id"),
    ("move", f'{{"item_id":"{"٣" * 32}",{TO}}}', "item_id"),
    ("move", f'{{"item_id":"@0",{TO}}}', "item_id"),
    ("move", f'{{"item_id":["{HERB_ID}"],{TO}}}', "item_id"),
    ("move", f'{{{I},"to":null}}', "to"),
    ("move", f'{{{I},"to":"bag"}}', "to"),
    ("move", f'{{{I},"to":{{"slot":1}}}}', "to.container"),
    ("move", f'{{{I},"to":{{"container":"Bag"}}}}', "to.container"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":-1}}}}', "to.slot"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":10001}}}}', "to.slot"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":{NAN_INT}}}}}', "to.slot"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":1.0}}}}', "to.slot"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":1e400}}}}', "to.slot"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":true}}}}', "to.slot"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":"Ä"}}}}', "to.slot"),
    ("move", f'{{{I},{TO},"quantity":0}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":-0}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":"1"}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":1.5}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":1000000000001}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":{NAN_INT}}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":1{"0" * 5000}}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":NaN}}', "$"),
    ("move", f'{{{I},{TO},"quantity":Infinity}}', "$"),
    ("move", f'{{{I},{TO},"quantity":-Infinity}}', "$"),
    ("move", f'{{{I},{TO},"quantity":0x10}}', "quantity"),
    ("move", f'{{{I},{TO},"quantity":01}}', "$"),
    ("move", f'{{{I},"to":{{"container":"\\ud800"}}}}', "$"),
    ("move", f"{{{I},{TO}".encode() + b',"\xff":1}', "$"),
    ("move", b'{"item_id":"\xff",' + TO.encode() + b"}", "$"),
    ("move", b'{"item_id":"\x00",' + TO.encode() + b"}", "$"),
    ("move", "[" * DEEP, "$"),
    ("move", '{"a":' * (DEEP // 2), "a"),
    ("move", f'{{{I},"to":' + "[" * DEEP, "to"),
    ("move", f'{{{I},"to":{{"container":"bag","slot":' + "[" * DEEP, "to.slot"),
    ("equip", f'{{{I},"slot":5}}', "slot"),
    ("equip", f'{{{I},"slot":"main hand"}}', "slot"),
    ("unequip", f'{{{I},"to":{{}}}}', "to.container"),
    ("grant", '{"template_id":"sword"}', "quantity"),
    ("grant", '{"template_id":"Sword","quantity":1}', "template_id"),
    ("grant", '{"template_id":"sword","quantity":1,"bound":1}', "bound"),
    ("consume", '{"quantity":1}', "$"),
    ("consume", f'{{"quantity":1,{I},"template_id":"coin"}}', "$"),
    ("drop", "{}", "item_id"),
    ("execute", "{}", "commands"),
    ("execute", '{"commands":null}', "commands"),
    ("execute", '{"commands":[]}', "commands"),
    ("execute", '{"commands":{}}', "commands"),
    ("execute", '{"commands":[null]}', "commands[0]"),
    ("execute", '{"commands":[{}]}', "commands[0].op"),
    ("execute", '{"commands":[{"op":"fly"}]}', "commands[0].op"),
    ("execute", f'{{"commands":[{{"op":"drop",{I}}},{{"op":"drop",{I},"a":1}}]}}', "commands[1].a"),
    ("execute", f'{{"commands":[{{"op":"drop",{I},"quantity":{{}}}}]}}', "commands[0].quantity"),
    ("execute", f'{{"commands":[{{"op":"drop",{I}}}],"atomic":false}}', "atomic"),
    ("execute", '{"commands":[{"op":"drop","item_id":"@100"}]}', "commands[0].item_id"),
    ("execute", '{"commands":' + "[" * DEEP, "commands[0]"),
]


@pytest.mark.parametrize(("name", "body", "path"), BODIES, ids=range(len(BODIES)))
async def test_a_bad_body(client: Client, standin: StandIn, name: str, body: str | bytes, path: str) -> None:
    response = await client.post(
        f"{BASE}/inventory/{name}", data=body, headers={"Content-Type": "application/json"}
    )
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": path}, document["detail"]
    assert document["op_index"] == (int(path[9]) if path.startswith("commands[") else None)
    assert standin.executed == [] and standin.loaded == []
