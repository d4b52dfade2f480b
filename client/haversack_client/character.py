"""One character: what can be done with it and its inventory, and what can be seen of them."""

from collections.abc import Iterable, Mapping
from typing import Final, Unpack

from haversack_client.bounds import AttributeValue
from haversack_client.caller import decoder_of, encode
from haversack_client.character_reads import CharacterReads
from haversack_client.characters import Character, Session
from haversack_client.commands import (
    Command,
    Consume,
    Destination,
    Drop,
    Equip,
    Execute,
    Grant,
    Lock,
    Move,
    SetActor,
    Sort,
    StateChange,
    Unequip,
    Unlock,
    Use,
)
from haversack_client.conditions import Conditions, terms_of
from haversack_client.inventory import Plan, Reply
from haversack_client.transport import decoded

NO_STATES: Final = StateChange()


class CharacterHandle(CharacterReads):
    """A character by its id. It holds nothing of it: every method asks the service.

    Commands take ``Conditions`` beside their fields, reply with a ``Reply``, and raise ``Refused`` where
    the rules say no, and any other ``HaversackError``. Without a session, one is loaded by itself.
    """

    async def equip(self, item_id: str, slot: str | None = None, **conditions: Unpack[Conditions]) -> Reply:
        """Wear an item; without ``slot``, in the first free slot it may be worn in, else the first."""
        return await self._command("equip", Equip(item_id, slot), conditions)

    async def unequip(
        self, item_id: str, to: Destination | None = None, **conditions: Unpack[Conditions]
    ) -> Reply:
        """Take off what is worn; without ``to`` the rules choose where it goes."""
        return await self._command("unequip", Unequip(item_id, to), conditions)

    async def move(
        self,
        item_id: str,
        to: Destination,
        quantity: int | None = None,
        **conditions: Unpack[Conditions],
    ) -> Reply:
        """Place, merge or swap a stack; a smaller ``quantity`` splits it."""
        return await self._command("move", Move(item_id, to, quantity), conditions)

    async def grant(
        self,
        template_id: str,
        quantity: int = 1,
        *,
        container: str | None = None,
        bound: bool = False,
        partial: bool = False,
        overflow: bool = False,
        item_id: str | None = None,
        **conditions: Unpack[Conditions],
    ) -> Reply:
        """Make items, all or none; see ``Grant``."""
        command = Grant(template_id, quantity, container, bound, partial, overflow, item_id)
        return await self._command("grant", command, conditions)

    async def consume(
        self,
        quantity: int,
        *,
        item_id: str | None = None,
        template_id: str | None = None,
        **conditions: Unpack[Conditions],
    ) -> Reply:
        """Take away ``quantity`` of an item, or of a template wherever it is carried."""
        return await self._command("consume", Consume(quantity, item_id, template_id), conditions)

    async def use(self, item_id: str, **conditions: Unpack[Conditions]) -> Reply:
        """Use an item; ``effect`` of the reply names the template, whose effect is the game's to apply."""
        return await self._command("use", Use(item_id), conditions)

    async def drop(
        self, item_id: str, quantity: int | None = None, **conditions: Unpack[Conditions]
    ) -> Reply:
        """Destroy an item, or ``quantity`` of its stack."""
        return await self._command("drop", Drop(item_id, quantity), conditions)

    async def lock(self, item_id: str, **conditions: Unpack[Conditions]) -> Reply:
        """Keep an item from being consumed, used or dropped."""
        return await self._command("lock", Lock(item_id), conditions)

    async def unlock(self, item_id: str, **conditions: Unpack[Conditions]) -> Reply:
        """Undo a lock."""
        return await self._command("unlock", Unlock(item_id), conditions)

    async def sort(self, container: str, **conditions: Unpack[Conditions]) -> Reply:
        """Merge the stacks of a container and put them in order."""
        return await self._command("sort", Sort(container), conditions)

    async def execute(self, commands: Iterable[Command], **conditions: Unpack[Conditions]) -> Reply:
        """Commands in order, all or nothing; ``"@n"`` is the first item that command n made."""
        return await self._command("execute", Execute(tuple(commands)), conditions)

    async def change(
        self,
        *,
        level: int | None = None,
        class_: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        states: StateChange = NO_STATES,
        **conditions: Unpack[Conditions],
    ) -> Character:
        """Say what the character is now: what is not given stays, attributes are merged."""
        command = SetActor(level, class_, dict(attributes or {}), states)
        return await self._caller.change(
            Character, "PATCH", self._path, encode(command), self.char_id, terms_of(conditions)
        )

    async def preview(self, commands: Iterable[Command], *, if_match: str | None = None) -> Plan:
        """What the commands would come to; nothing is changed.

        ``Refused`` has under ``violations`` all rules that speak against it.
        """
        answer = await self._caller.ask(
            "POST",
            f"{self._inventory}/execute",
            query={"dry_run": "true"},
            body=encode(Execute(tuple(commands))),
            headers={} if if_match is None else {"If-Match": if_match},
        )
        return decoded(decoder_of(Plan), answer.body)

    async def load(self) -> Session:
        """Have a session; nobody has to, but who knows that a player comes spares the first call the wait."""
        return await self._caller.read(Session, f"{self._path}/session", method="POST")

    async def save(self) -> Session:
        """Return when PostgreSQL has all that the session had at the call."""
        return await self._caller.read(Session, f"{self._path}/session/save", method="POST")

    async def evict(self) -> Session:
        """Save the session and end it. ``live`` is true if somebody loaded it again meanwhile."""
        return await self._caller.read(Session, f"{self._path}/session", method="DELETE")

    async def _command(self, op: str, body: Command | Execute, conditions: Conditions) -> Reply:
        return await self._caller.change(
            Reply, "POST", f"{self._inventory}/{op}", encode(body), self.char_id, terms_of(conditions)
        )
