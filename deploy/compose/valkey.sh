#!/bin/sh
# Valkey with the users that the service needs, and no other. The password reaches no file but one in memory.
set -eu
umask 077
hash=$(printf %s "$VALKEY_PASSWORD" | sha256sum | cut -d ' ' -f 1)
{
    echo "user default off"
    sed "s/^user \([^ ]*\) on /user \1 on #$hash /" "${ACL:-/etc/valkey/users.acl}"
} >"${TMPDIR:-/tmp}/users.acl"
unset VALKEY_PASSWORD
exec valkey-server --aclfile "${TMPDIR:-/tmp}/users.acl" --dir "${DATA:-/data}" --appendonly yes --appendfsync everysec \
    --save "" --maxmemory-policy noeviction "$@"
