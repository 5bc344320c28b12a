# Messages of ./bootstrap.

say() { printf '%s\n' "==> $*"; }

# stop MESSAGE NEXT_ACTION: bad usage or a machine that lacks something (exit code 2, as Baleen's own).
stop() {
  printf '%s\n' "bootstrap: $1" "  $2" >&2
  exit 2
}
