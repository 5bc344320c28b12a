# Packages of the distribution (tools/packages.txt), and setting up as a whole.

# package_is_there PACKAGE KIND NAME: installed by the distribution, or the component is there from elsewhere.
package_is_there() {
  if dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; then return 0; fi
  case "$2" in
    command) command -v "$3" >/dev/null 2>&1 ;;
    python) python3 -c "import $3" 2>/dev/null ;;
    header) header_is_there "$3" ;;
    *) stop "tools/packages.txt: '$2' is not a way to see a package." "Use command, header or python." ;;
  esac
}

header_is_there() {
  local folder prefixes=${CMAKE_PREFIX_PATH:-} compiler_path=${CPATH:-}
  for folder in /usr/include /usr/include/hdf5/serial /usr/local/include ${compiler_path//:/ }; do
    if [ -e "$folder/$1" ]; then return 0; fi
  done
  for folder in ${prefixes//[:;]/ }; do
    if [ -e "$folder/include/$1" ]; then return 0; fi
  done
  return 1
}

# missing_packages GROUP...: the packages of these groups that are not there, one a line.
missing_packages() {
  local group package kind name purpose
  while read -r group package kind name purpose; do
    if [[ " $* " == *" $group "* ]] && ! package_is_there "$package" "$kind" "$name"; then echo "$package"; fi
  done < <(grep -v '^#' tools/packages.txt)
}

describe_packages() {
  local group package kind name purpose
  while read -r group package kind name purpose; do
    if grep -qx "$package" <<<"$1"; then printf '%-10s %-20s %s (%s)\n' "missing" "$package" "$purpose" "$group"; fi
  done < <(grep -v '^#' tools/packages.txt)
}

install_advice() {
  if command -v apt-get >/dev/null 2>&1; then
    printf 'Install it with:  apt-get install %s\n' "$*"
  else
    printf 'Install what these Debian packages hold, by the means of your system:  %s\n' "$*"
  fi
}

# as_root COMMAND...: as it is for root, with sudo for others.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@" </dev/null; else sudo "$@" </dev/null; fi
}

can_be_root() { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1; }

apt_knows() { apt-cache show "$1" >/dev/null 2>&1; }

update_package_lists() {
  if command -v apt-get >/dev/null 2>&1 && can_be_root; then as_root apt-get update -q || true; fi
}

# install_packages GROUP...: nothing runs when nothing of these groups is missing; optional packages come along otherwise.
install_packages() {
  local missing
  if [ -z "$(missing_packages "$@")" ]; then return; fi
  missing=$(missing_packages "$@" optional | paste -sd' ')
  if ! command -v apt-get >/dev/null 2>&1; then
    stop "some components are missing, and there is no apt-get to install them." "$(install_advice "$missing")"
  fi
  if ! can_be_root; then
    stop "some packages are missing, and installing them needs root or sudo." "$(install_advice "$missing")"
  fi
  say "Installing $missing"
  # shellcheck disable=SC2086  # a list of words
  if ! { as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; }; then
    stop "apt-get could not install what is missing (its message stands above)." "$(install_advice "$missing")"
  fi
}

# set_up GROUP...: what these groups of packages.txt need, and LibTorch.
set_up() {
  install_packages "$@"
  local gpu=()
  if [ "$(default_preset)" = gpu ]; then gpu=(--gpu); fi
  tools/fetch_libtorch "${gpu[@]}" >/dev/null
}
