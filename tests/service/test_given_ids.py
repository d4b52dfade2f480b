"""Ids that callers give to what they grant: whose they are when nothing comes of it."""

from uuid import uuid4

from tests.parity.world import ACTOR, CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do


async def test_what_found_no_room_is_for_others_to_have(each_site: Site) -> None:
    """It lies on the ground, as it were, and whoever comes by may pick it up."""
    item_id = uuid4().hex
    given = {"op": "grant", "template_id": "potion", "quantity": 2, "item_id": item_id}
    async with each_site.gateway() as gateway:
        other = (await gateway.create_character(None, "Ben", ACTOR)).char_id
        for char_id in (CHAR_ID, other):
            await gateway.load_session(char_id)
        offered = await do(gateway, given | {"container": "quick", "partial": True}, op_id="offer")
        assert (offered["seq"], offered["changes"]["changed"]) == (1, [])
        again = await do(gateway, given | {"container": "quick", "partial": True}, op_id="offer")
        assert again["replayed"]
        taken = await do(gateway, given, char_id=other)
        assert [item["item_id"] for item in taken["changes"]["changed"]] == [item_id]
        assert (await do(gateway, given)).code == "ALREADY_EXISTS"
    await each_site.audit()
