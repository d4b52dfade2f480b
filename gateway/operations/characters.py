"""Characters and their sessions."""

from typing import Final

from engine.commands import SetActorRequest
from gateway.handlers.characters import CharacterList, CreateCharacterRequest
from gateway.handlers.export import CharacterExport
from gateway.http.operation import Operation, Parameter, Scope
from gateway.http.spellings import (
    CharacterName,
    CharId,
)
from gateway.operations.parts import CHARACTER, LIMIT, cursor
from persistence.records import Character, SessionState

CHARACTERS: Final = (
    Operation(
        name="find_characters",
        method="GET",
        path="/v1/characters",
        scope=Scope.READ,
        summary="Characters by id, or by the beginning of their names",
        description="Actor and `durable_seq` are PostgreSQL's here, and may be one flush behind.",
        reply=CharacterList,
        query=(
            Parameter(
                name="name", type=CharacterName, summary="What the name begins with, whatever the case"
            ),
            LIMIT,
            cursor(CharId),
        ),
    ),
    Operation(
        name="create_character",
        method="POST",
        path="/v1/characters",
        scope=Scope.GRANT,
        summary="Make a character",
        description="Under an id of the caller's own, or a new one. Two characters may have one name.",
        body=CreateCharacterRequest,
        reply=Character,
        status=201,
        headers=("Location",),
        problems=("ALREADY_EXISTS", "OUTCOME_UNKNOWN"),
    ),
    Operation(
        name="read_character",
        method="GET",
        path=CHARACTER,
        scope=Scope.READ,
        summary="One character",
        reply=Character,
    ),
    Operation(
        name="change_character",
        method="PATCH",
        path=CHARACTER,
        scope=Scope.GRANT,
        summary="Change what the character is: level, class, attributes, states",
        description="The command `set_actor`: what is absent stays, attributes merge, states are added "
        "and then removed.",
        body=SetActorRequest,
        reply=Character,
        conditions=True,
        problems=("CHARACTER_QUARANTINED", "CONFLICT"),
    ),
    Operation(
        name="erase_character",
        method="DELETE",
        path=CHARACTER,
        scope=Scope.OPERATE,
        summary="Erase the character for good",
        description="Its items, its session and its name go; its ledger stays under a key that leads to "
        "nobody. 204 also for one that was erased before, so a call that was cut off is repeated. The id "
        "is never given again.",
        status=204,
        problems=("OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
    ),
    Operation(
        name="export_character",
        method="GET",
        path=f"{CHARACTER}/export",
        scope=Scope.OPERATE,
        summary="All that is kept of the character",
        description="The session is saved first. The document is sent while it is made; one that was cut "
        "off lacks `complete`.",
        reply=CharacterExport,
        headers=("Content-Disposition",),
        problems=("OUTCOME_UNKNOWN",),
    ),
    Operation(
        name="load_session",
        method="POST",
        path=f"{CHARACTER}/session",
        scope=Scope.PLAY,
        summary="Make the session live",
        description="201 when it took a load, 200 when it was live already. Nobody has to: every call "
        "of the inventory loads it if need be.",
        reply=SessionState,
        status=201,
        also=(200,),
        problems=("CHARACTER_QUARANTINED", "OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
    ),
    Operation(
        name="evict_session",
        method="DELETE",
        path=f"{CHARACTER}/session",
        scope=Scope.PLAY,
        summary="Save the session and end it",
        reply=SessionState,
        problems=("CHARACTER_QUARANTINED", "OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
    ),
    Operation(
        name="save_session",
        method="POST",
        path=f"{CHARACTER}/session/save",
        scope=Scope.PLAY,
        summary="Answer when PostgreSQL has all that the session had",
        reply=SessionState,
        problems=("CHARACTER_QUARANTINED", "OUTCOME_UNKNOWN", "BODY_TOO_LARGE"),
    ),
)
