#!/bin/sh
# Install PostgreSQL where none is found; the tests that need it say so where that fails.
for place in /usr/lib/postgresql/*/bin $(echo "$PATH" | tr : ' '); do
  [ -x "$place/initdb" ] && exit 0
done
echo "No PostgreSQL found: installing it for the tests of the gradebook."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # The tests start servers of their own: Debian's package need not make one that runs for ever.
  conf=/etc/postgresql-common/createcluster.conf
  [ -e "$conf" ] || { mkdir -p "${conf%/*}" && echo "create_main_cluster = false" >"$conf"; }
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
    --no-install-recommends postgresql
else
  echo "That takes root, on Debian: apt-get install postgresql" >&2
  false
fi || echo "PostgreSQL could not be installed: the tests that need it will say so." >&2
