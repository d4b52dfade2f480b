#!/bin/sh
# Valkey with the users that the service needs, an administrator, and no other. Passwords reach no file but as
# hashes, and that one is in memory.
set -eu
umask 077
: "${VALKEY_PASSWORD:?}" "${VALKEY_OPERATOR_PASSWORD:?}" "${VALKEY_OUTBOX_PASSWORD:?}" "${VALKEY_ADMIN_PASSWORD:?}"
hash() {
    printf %s "$1" | sha256sum | cut -d ' ' -f 1
}
{
    # The first line of the file switches the default user off.
    sed -e "s/^user haversack on /&#$(hash "$VALKEY_PASSWORD") /" \
        -e "s/^user haversack-operator on /&#$(hash "$VALKEY_OPERATOR_PASSWORD") /" \
        -e "s/^user haversack-outbox on /&#$(hash "$VALKEY_OUTBOX_PASSWORD") /" "${ACL:-/etc/valkey/users.acl}"
    echo "user admin on #$(hash "$VALKEY_ADMIN_PASSWORD") ~* &* +@all"
} >"${TMPDIR:-/tmp}/users.acl"
unset VALKEY_PASSWORD VALKEY_OPERATOR_PASSWORD VALKEY_OUTBOX_PASSWORD VALKEY_ADMIN_PASSWORD
exec valkey-server --aclfile "${TMPDIR:-/tmp}/users.acl" --dir "${DATA:-/data}" --appendonly yes --appendfsync everysec \
    --save "" --maxmemory "${VALKEY_MAXMEMORY:-512mb}" --maxmemory-policy noeviction "$@"
