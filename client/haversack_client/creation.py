"""Making a character, which has no key by which a repeat is known: its id does that."""

from haversack_client.caller import Caller, decoder_of, encode
from haversack_client.characters import Character
from haversack_client.commands import CreateCharacter, NewActor
from haversack_client.errors import AlreadyExists, HaversackError
from haversack_client.repeating import until_answered
from haversack_client.transport import decoded


class Creation:
    """One call of ``create_character``."""

    def __init__(self, caller: Caller, char_id: str, name: str, actor: NewActor, *, is_new_id: bool) -> None:
        """``is_new_id``: the id was made for this call, so whoever has it was made by it."""
        self._caller = caller
        self._wanted = CreateCharacter(char_id, name, actor)
        self._is_new_id = is_new_id
        self._in_doubt = False

    async def run(self, timeout_s: float | None) -> Character:
        """The character."""
        timing = self._caller.timing
        return await until_answered(self._attempt, timing, timing.ends(timeout_s), changes=True)

    async def _attempt(self, left_s: float) -> Character:
        timeout_s = min(left_s, self._caller.timing.attempt_timeout_s)
        try:
            answer = await self._caller.transport.exchange(
                "POST", "/v1/characters", body=encode(self._wanted), timeout_s=timeout_s
            )
            return decoded(decoder_of(Character), answer.body)
        except AlreadyExists:
            if not self._in_doubt:
                raise
            found = await self._caller.read(
                Character, f"/v1/characters/{self._wanted.char_id}", timeout_s=left_s
            )
            if self._is_new_id or self._is_as_wanted(found):
                return found
            raise
        except HaversackError as error:
            self._in_doubt = self._in_doubt or error.may_have_been_done
            raise

    def _is_as_wanted(self, found: Character) -> bool:
        wanted = self._wanted
        return (
            found.name == wanted.name
            and found.actor.level == wanted.actor.level
            and found.actor.class_ == wanted.actor.class_
            and found.actor.attributes == wanted.actor.attributes
            and set(found.actor.states) == set(wanted.actor.states)
        )
