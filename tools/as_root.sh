# Sourced. `as_root COMMAND...` runs it as root, or returns 1 where that is not permitted.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    sudo "$@"
  else
    return 1
  fi
}

# `apt_install PACKAGE...` installs Debian packages, or returns non-zero.
apt_install() {
  command -v apt-get >/dev/null || return 1
  local log
  log=$(mktemp)
  as_root apt-get update -qq >"$log" 2>&1 || true # an old package list may do
  if as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
}
