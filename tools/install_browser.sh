#!/usr/bin/env bash
# Usage: install_browser.sh yes|no. Makes sure that the browser tests find a Chromium.
set -euo pipefail

[ "${1:-yes}" = no ] && { echo "Without the browser tests (BROWSER=no)."; exit 0; }
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done

here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/as_root.sh
. "$here/tools/as_root.sh"

echo "Installing Chromium for the browser tests."
apt_install chromium fonts-liberation || {
  echo "Chromium is missing, and it could not be installed (that needs Debian's apt, and root" >&2
  echo "or sudo). Ask for it:  apt-get install chromium" >&2
  echo "or leave those tests out:  make test BROWSER=no" >&2
  exit 1
}
