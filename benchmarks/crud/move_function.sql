-- A move between slots as one function: the rules' checks, the writes and the reply, in one round trip.
-- It answers null, having changed nothing, wherever a check does not pass or the move is none of
-- these; then the same call is judged again in Python, which knows every refusal by name.

CREATE TABLE move_facts (
    template_id  text COLLATE "C" PRIMARY KEY,
    kind         text NOT NULL,
    tags         text[] NOT NULL,
    stack_limit  bigint NOT NULL,
    weight       bigint NOT NULL,
    carry_weight bigint NOT NULL,
    extra        jsonb NOT NULL
);

CREATE TABLE move_containers (
    name         text COLLATE "C" PRIMARY KEY,
    place        integer NOT NULL,
    capacity     bigint NOT NULL,
    attribute    text NOT NULL,
    per_point    bigint NOT NULL,
    kinds        text[] NOT NULL,
    tags         text[] NOT NULL,
    locked_while text[] NOT NULL,
    open_while   text[] NOT NULL,
    weighs       boolean NOT NULL
);

CREATE FUNCTION move_accepts(c move_containers, f move_facts) RETURNS boolean IMMUTABLE LANGUAGE sql
RETURN (cardinality(c.kinds) = 0 OR f.kind = ANY (c.kinds)) AND (cardinality(c.tags) = 0 OR f.tags && c.tags);

CREATE FUNCTION move_is_open(c move_containers, states text[]) RETURNS boolean IMMUTABLE LANGUAGE sql
RETURN NOT c.locked_while && states AND (cardinality(c.open_while) = 0 OR c.open_while && states);

CREATE FUNCTION move_total(c move_containers, actor jsonb, extra bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
RETURN least(
    greatest(0, c.capacity + c.per_point * coalesce((actor -> 'attributes' ->> c.attribute)::bigint, 0)) + extra,
    {capacity_max}
);

CREATE FUNCTION move_shown(i items, container text, slot text) RETURNS jsonb IMMUTABLE LANGUAGE sql
RETURN jsonb_build_object(
    'item_id', replace(i.item_id::text, '-', ''), 'template_id', i.template_id, 'quantity', i.quantity,
    'place', jsonb_build_object('container', container, 'slot', slot::bigint),
    'bound', i.bound, 'locked', i.locked, 'held', i.held
);

CREATE FUNCTION move_item(
    which uuid, wanted uuid, target_name text, target_slot text, by text, request_id text, commands jsonb
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    head characters;
    item items; facts move_facts; origin move_containers;
    other items; others move_facts; target move_containers;
    states text[];
    carried bigint; may_carry bigint; moved bigint := 0;
    origin_used bigint; target_used bigint; origin_extra bigint; target_extra bigint;
    changes jsonb; rooms jsonb; next_seq bigint;
BEGIN
    SELECT * INTO head FROM characters WHERE char_id = which FOR NO KEY UPDATE;
    SELECT * INTO item FROM items WHERE item_id = wanted AND owner = which;
    SELECT * INTO target FROM move_containers WHERE name = target_name;
    SELECT * INTO origin FROM move_containers WHERE name = item.container;
    IF head.char_id IS NULL OR item.item_id IS NULL OR target.name IS NULL OR origin.name IS NULL
       OR item.held OR (item.container = target_name AND item.slot = target_slot) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO facts FROM move_facts WHERE template_id = item.template_id;
    SELECT * INTO other FROM items WHERE owner = which AND container = target_name AND slot = target_slot;
    states := ARRAY(SELECT jsonb_array_elements_text(head.actor -> 'states'));
    IF facts.template_id IS NULL OR states && {forbidding}::text[]
       OR NOT move_is_open(origin, states) OR NOT move_is_open(target, states)
       OR NOT move_accepts(target, facts) OR item.quantity > facts.stack_limit THEN
        RETURN NULL;
    END IF;

    SELECT coalesce(sum(f.weight * i.quantity) FILTER (WHERE i.container = ANY ({weighing}::text[])), 0),
           coalesce(sum(f.carry_weight) FILTER (WHERE i.container = {equipment}), 0),
           count(*) FILTER (WHERE i.container = origin.name),
           count(*) FILTER (WHERE i.container = target.name),
           coalesce(sum((f.extra ->> origin.name)::bigint) FILTER (WHERE i.container = {equipment}), 0),
           coalesce(sum((f.extra ->> target.name)::bigint) FILTER (WHERE i.container = {equipment}), 0)
      INTO carried, may_carry, origin_used, target_used, origin_extra, target_extra
      FROM items AS i JOIN move_facts AS f USING (template_id)
     WHERE i.owner = which;
    may_carry := least(
        greatest(0, {carry_base} + {carry_per_point} * coalesce((head.actor -> 'attributes' ->> {carry_attribute})::bigint, 0))
        + may_carry, {carried_max}
    );
    IF target_slot::bigint >= move_total(target, head.actor, target_extra) THEN
        RETURN NULL;
    END IF;
    IF other.item_id IS NOT NULL THEN
        SELECT * INTO others FROM move_facts WHERE template_id = other.template_id;
        IF other.held OR others.template_id IS NULL
           OR (other.template_id = item.template_id AND facts.stack_limit > 1)
           OR NOT move_accepts(origin, others) OR other.quantity > others.stack_limit
           OR item.slot::bigint >= move_total(origin, head.actor, origin_extra) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF origin.weighs <> target.weighs THEN
        moved := facts.weight * item.quantity - coalesce(others.weight * other.quantity, 0);
        carried := carried + CASE WHEN target.weighs THEN moved ELSE -moved END;
        IF (CASE WHEN target.weighs THEN moved ELSE -moved END) > 0 AND carried > may_carry THEN
            RETURN NULL;
        END IF;
    END IF;

    changes := jsonb_build_array(move_shown(item, target.name, target_slot));
    IF other.item_id IS NULL THEN
        UPDATE items SET container = target.name, slot = target_slot WHERE item_id = item.item_id;
        IF origin.name <> target.name THEN
            origin_used := origin_used - 1;
            target_used := target_used + 1;
        END IF;
    ELSE
        UPDATE items AS i
           SET container = CASE WHEN i.item_id = item.item_id THEN target.name ELSE origin.name END,
               slot = CASE WHEN i.item_id = item.item_id THEN target_slot ELSE item.slot END
         WHERE i.item_id IN (item.item_id, other.item_id);
        changes := changes || move_shown(other, origin.name, item.slot);
    END IF;
    changes := jsonb_build_object('changed', changes, 'removed', '[]'::jsonb);
    next_seq := head.seq + 1;
    INSERT INTO journal (char_id, seq, at, by, request_id, op_id, commands, changes)
    VALUES (which, next_seq, now(), by, request_id, '', commands, changes);
    UPDATE characters SET seq = next_seq WHERE char_id = which;

    rooms := jsonb_build_object(
        origin.name, jsonb_build_object('used', origin_used, 'total', move_total(origin, head.actor, origin_extra)),
        target.name, jsonb_build_object('used', target_used, 'total', move_total(target, head.actor, target_extra))
    );
    RETURN jsonb_build_object(
        'seq', next_seq, 'durable_seq', next_seq, 'tag', head.incarnation || '.' || next_seq,
        'replayed', false, 'changes', changes,
        'capacity', jsonb_build_object(
            'containers', rooms, 'weight', jsonb_build_object('carried', carried, 'limit', may_carry)
        )
    );
END
$$;
