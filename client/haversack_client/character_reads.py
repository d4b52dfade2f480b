"""What can be seen of a character and its inventory."""

from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import quote

from haversack_client.caller import Caller, decoder_of
from haversack_client.catalog import ItemDetail
from haversack_client.characters import Character, LedgerEntry, LedgerPage
from haversack_client.events import Event, follow
from haversack_client.inventory import Capacity, Equipment, Inventory, Item, ItemPage, Stats
from haversack_client.transport import as_query, decoded


class CharacterReads:
    """Reads; they are repeated freely, and load the session where there is none."""

    def __init__(self, caller: Caller, char_id: str) -> None:
        """``char_id`` in its normal spelling; whether there is such a character is not asked here."""
        self.char_id = char_id
        self._caller = caller
        self._path = f"/v1/characters/{char_id}"
        self._inventory = f"{self._path}/inventory"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.char_id})"

    async def read(self) -> Character:
        """The character; ``CharacterNotFound``."""
        return await self._caller.read(Character, self._path)

    async def inventory(self, *, expand: bool = False) -> Inventory:
        """The whole inventory. ``expand``: items have ``data``, what the catalog says of them."""
        return await self._caller.read(Inventory, self._inventory, {"expand": "items"} if expand else None)

    async def inventory_unless(self, tag: str) -> Inventory | None:
        """The whole inventory, or None if it is at ``tag`` still: cheap to ask often."""
        answer = await self._caller.ask("GET", self._inventory, headers={"If-None-Match": f'"{tag}"'})
        return None if answer.status == 304 else decoded(decoder_of(Inventory), answer.body)

    async def equipment(self) -> Equipment:
        """What is worn, slot by slot."""
        return await self._caller.read(Equipment, f"{self._inventory}/equipment")

    async def wallet(self) -> ItemPage:
        """What is in the purses, all of it."""
        return await self._caller.read(ItemPage, f"{self._inventory}/wallet")

    async def capacity(self) -> Capacity:
        """Room in every container, and weight."""
        return await self._caller.read(Capacity, f"{self._inventory}/capacity")

    async def stats(self) -> Stats:
        """The stats of all that is worn, summed up."""
        return await self._caller.read(Stats, f"{self._inventory}/stats")

    async def item(self, item_id: str) -> ItemDetail:
        """One item beside what it would displace; ``NotFound``."""
        return await self._caller.read(ItemDetail, f"{self._inventory}/items/{quote(item_id, safe='')}")

    async def page(
        self,
        container: str,
        *,
        section: str | None = None,
        category: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ItemPage:
        """A page of a container such as ``"bag"``, its items with ``data``.

        ``section``: a kind. ``category``: a tag. ``sort``: ``slot``, ``kind``, ``name``, ``quantity`` or
        ``weight``, with ``-`` in front reversed. ``cursor``: that of the page before.
        """
        query = as_query(section=section, category=category, sort=sort, limit=limit, cursor=cursor)
        return await self._caller.read(ItemPage, f"{self._inventory}/{quote(container, safe='')}", query)

    async def items(
        self,
        container: str,
        *,
        section: str | None = None,
        category: str | None = None,
        sort: str | None = None,
    ) -> AsyncIterator[Item]:
        """All items of a container, page by page."""
        cursor = None
        while True:
            page = await self.page(
                container, section=section, category=category, sort=sort, limit=500, cursor=cursor
            )
            for item in page.items:
                yield item
            if (cursor := page.cursor) is None:
                return

    def events(
        self, last_event_id: str | None = None, *, timeout_s: float | None = None
    ) -> AsyncGenerator[Event, None]:
        """What is done to the inventory from now on, or from the event of an ``id`` on, without a gap.

        Without ``last_event_id`` the first event is a ``Reset`` that says where the inventory is now.
        Lost connections are made anew; where none can be had for ``timeout_s`` (that of the client),
        the last error is raised, and the last event's ``id`` is where to go on. An inventory's ``tag``
        is good for ``last_event_id``, too.
        """
        return follow(self._caller, f"{self._inventory}/events", last_event_id, timeout_s)

    async def journal_page(self, after_seq: int = 0, *, limit: int | None = None) -> LedgerPage:
        """A page of the ledger: what changed the inventory after ``after_seq``, in order."""
        query = as_query(after_seq=after_seq, limit=limit)
        return await self._caller.read(LedgerPage, f"{self._inventory}/journal", query)

    async def journal(self, after_seq: int = 0) -> AsyncIterator[LedgerEntry]:
        """The ledger after ``after_seq``, page by page, to its end."""
        while True:
            page = await self.journal_page(after_seq, limit=500)
            for entry in page.entries:
                yield entry
            if page.cursor is None:
                return
            after_seq = int(page.cursor)
