#!/bin/sh
# Makes .env beside compose.yaml: a password for each who needs one. Those that are there stay as they are.
set -eu
cd "$(dirname "$0")/../.."
umask 077
random() {
    # Of letters and digits alone, since most of them become part of a URL.
    LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 32
}
rm -f .env.new
if [ -e .env ]; then
    cp .env .env.new
fi
for name in VALKEY_PASSWORD VALKEY_OPERATOR_PASSWORD VALKEY_OUTBOX_PASSWORD VALKEY_ADMIN_PASSWORD \
    POSTGRES_PASSWORD POSTGRES_GATEWAY_PASSWORD POSTGRES_MIGRATOR_PASSWORD HAVERSACK_TOKEN GRAFANA_PASSWORD; do
    if ! grep -q "^$name=" .env.new 2>/dev/null; then
        printf '%s=%s\n' "$name" "$(random)" >>.env.new
        echo "made $name"
    fi
done
mv .env.new .env
