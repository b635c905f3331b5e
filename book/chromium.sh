#!/bin/sh
# Install Chromium where none is found; the tests that need it say so where that fails.
bin=$1
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
"$bin/python" -c '
import pathlib
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    raise SystemExit(not pathlib.Path(p.chromium.executable_path).exists())' && exit 0
echo "No Chromium found: installing one for the tests in a browser."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -qq -y chromium
else
  "$bin/playwright" install chromium
fi || echo "Chromium could not be installed: the tests that need it will say so." >&2
