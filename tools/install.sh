#!/usr/bin/env bash
# Usage: install.sh VENV [EXTRAS]. Creates the environment if need be and installs this project
# in it, editable. PYTHON names the interpreter to use; otherwise the first new enough is taken.
set -euo pipefail

venv=$1
extras=${2:-}
here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/as_root.sh
. "$here/tools/as_root.sh"

new_enough() {
  command -v "$1" >/dev/null 2>&1 &&
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if new_enough "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  echo "The workbench needs Python 3.11 or newer. Found: $(python3 --version 2>/dev/null || echo none)." >&2
  echo "Install it (Debian 12 or newer: apt-get install python3 python3-venv)," >&2
  echo "or name one: make app PYTHON=/path/to/python3.12" >&2
  return 1
}

create_venv() {
  local python=$1 version
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "Installing python$version-venv, which Debian ships apart from Python."
    apt_install "python$version-venv" || apt_install python3-venv || {
      echo "Python has no venv module here, and installing it needs root. Run:" >&2
      echo "  apt-get install python3-venv" >&2
      return 1
    }
  fi
  echo "Creating $venv with $("$python" --version)."
  "$python" -m venv --clear "$venv"
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  create_venv "$python"
elif ! new_enough "$venv/bin/python"; then
  echo "$venv holds $("$venv/bin/python" --version); the workbench needs Python 3.11 or newer." >&2
  echo "Delete $venv and run this again." >&2
  exit 1
fi

echo "Installing the workbench${extras:+ with extras: $extras} (a first time takes a minute or two)."
started=$SECONDS
"$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
  --editable "$here${extras:+[$extras]}" 2> >(grep -v '^WARNING:' >&2) |
  sed -u -n -E \
    -e 's|^ *Downloading ([^ ]*/)?([^-/ ]+-[^- ]+)[^ ]* (\([0-9.]+ MB\)).*|  downloading \2 \3|p' \
    -e 's/^Installing collected packages.*/  unpacking/p'
echo "Installed in $((SECONDS - started)) s."
