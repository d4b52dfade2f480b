"""Every code a problem may carry, with its HTTP status and its title, in the API's order.

The codes are stable: callers branch on them. Titles are for people and may be reworded.
"""

from typing import NamedTuple


class ProblemKind(NamedTuple):
    """What all problems of one code have in common."""

    status: int
    title: str


PROBLEM_KINDS: dict[str, ProblemKind] = {
    "INVALID_REQUEST": ProblemKind(400, "The request cannot be understood"),
    "UNAUTHENTICATED": ProblemKind(401, "A valid bearer token is needed"),
    "ACCESS_DENIED": ProblemKind(403, "The token does not allow this"),
    "CHARACTER_NOT_FOUND": ProblemKind(404, "There is no such character"),
    "ITEM_NOT_FOUND": ProblemKind(404, "The character has no such item"),
    "UNKNOWN_TEMPLATE": ProblemKind(404, "The catalog has no such template"),
    "UNKNOWN_CONTAINER": ProblemKind(404, "The ruleset has no such container"),
    "UNKNOWN_SLOT": ProblemKind(404, "There is no such slot"),
    "NOT_FOUND": ProblemKind(404, "There is nothing at this path"),
    "METHOD_NOT_ALLOWED": ProblemKind(405, "This path does not take this method"),
    "REQUEST_TIMEOUT": ProblemKind(408, "The request did not come in time"),
    "ITEM_HELD": ProblemKind(409, "The item is held in a trade"),
    "ITEM_LOCKED": ProblemKind(409, "The item is locked"),
    "ALREADY_EXISTS": ProblemKind(409, "The id is taken"),
    "CONFLICT": ProblemKind(409, "Another command came first: repeat this one"),
    "CHARACTER_QUARANTINED": ProblemKind(409, "The character is set aside until an operator has looked"),
    "FROZEN": ProblemKind(409, "The item's template is unknown, so the item stays as it is"),
    "TEMPLATE_IN_USE": ProblemKind(409, "There are items of a template that the catalog would lose"),
    "OFFER_CHANGED": ProblemKind(409, "The offer has changed"),
    "TRADE_CLOSED": ProblemKind(409, "The trade is closed"),
    "TRADE_EXPIRED": ProblemKind(409, "The trade's time is over"),
    "TAG_MISMATCH": ProblemKind(412, "The inventory, or the catalog, has changed since"),
    "BODY_TOO_LARGE": ProblemKind(413, "The body is too large"),
    "UNSUPPORTED_MEDIA_TYPE": ProblemKind(415, "The body must be JSON in UTF-8"),
    "RATE_LIMITED": ProblemKind(429, "Too many requests"),
    "WRONG_SLOT": ProblemKind(422, "The item cannot be worn in this slot"),
    "NOT_WEARABLE": ProblemKind(422, "The item cannot be worn"),
    "LEVEL_TOO_LOW": ProblemKind(422, "The character's level is too low"),
    "CLASS_NOT_ALLOWED": ProblemKind(422, "The character's class may not wear or use the item"),
    "ATTRIBUTE_TOO_LOW": ProblemKind(422, "An attribute of the character is too low"),
    "UNIQUE_EQUIPPED": ProblemKind(422, "Only one of these may be worn"),
    "CARRY_LIMIT": ProblemKind(422, "No more of these may be carried"),
    "LIMIT_GROUP": ProblemKind(422, "No more items of this group may be carried or worn"),
    "CONTAINER_REJECTS_ITEM": ProblemKind(422, "The container does not take such items"),
    "SLOT_OUT_OF_RANGE": ProblemKind(422, "The container does not have that many slots"),
    "SLOT_OCCUPIED": ProblemKind(422, "The slot holds something else"),
    "CANNOT_STACK": ProblemKind(422, "The stacks cannot be merged"),
    "STACK_FULL": ProblemKind(422, "The stack cannot take that many more"),
    "CONTAINER_FULL": ProblemKind(422, "There is no room"),
    "TOO_HEAVY": ProblemKind(422, "The character cannot carry that much"),
    "CAPACITY_IN_USE": ProblemKind(422, "The room that would be lost is in use"),
    "INVALID_QUANTITY": ProblemKind(422, "The quantity does not fit the item"),
    "INSUFFICIENT_ITEMS": ProblemKind(422, "There are not that many"),
    "ITEM_BOUND": ProblemKind(422, "The item is bound to its owner"),
    "NOT_TRADEABLE": ProblemKind(422, "The item cannot be traded"),
    "NOT_DESTROYABLE": ProblemKind(422, "The item cannot be destroyed"),
    "NOT_USABLE": ProblemKind(422, "The item cannot be used"),
    "ACTOR_STATE_FORBIDS": ProblemKind(422, "The character's state forbids it"),
    "IDEMPOTENCY_MISMATCH": ProblemKind(422, "This operation id was used for other commands"),
    "INTERNAL": ProblemKind(500, "Something went wrong on our side"),
    "BACKPRESSURE": ProblemKind(503, "Too much waits to be stored: nothing was done"),
    "UNAVAILABLE": ProblemKind(503, "The service is away for a moment: nothing was done"),
    "OUTCOME_UNKNOWN": ProblemKind(503, "It may have been done: repeat it under the same operation id"),
}
