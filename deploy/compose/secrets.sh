#!/bin/sh
# Makes .env beside compose.yaml: a password for each who needs one. One that is there stays as it is.
set -eu
cd "$(dirname "$0")/../.."
if [ -e .env ]; then
    echo ".env is there already"
    exit 0
fi
umask 077
random() {
    # Of letters and digits alone, since most of them become part of a URL.
    LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 32
}
for name in VALKEY_PASSWORD POSTGRES_PASSWORD POSTGRES_GATEWAY_PASSWORD POSTGRES_MIGRATOR_PASSWORD \
    HAVERSACK_TOKEN GRAFANA_PASSWORD; do
    printf '%s=%s\n' "$name" "$(random)"
done >.env.new
mv .env.new .env
echo "made .env"
