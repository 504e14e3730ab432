# Sourced by tools/quickstart and tools/test: installs what Weft builds with, and builds it.
# Prints what it does; does nothing that is already done.

say() { printf '\n== %s\n' "$*"; }

# Debian packages, by name: compiler and build tools, LLVM 19, test framework, libraries.
weft_packages=(g++ cmake ninja-build llvm-19-dev doctest-dev zlib1g-dev libzstd-dev libzip-dev
               nlohmann-json3-dev libcli11-dev libxxhash-dev libmpfr-dev graphviz
               valgrind)

install_packages() {
  local missing=()
  for package in "${weft_packages[@]}" "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "Installing Debian packages: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: sudo is needed to install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

# configure [cmake options]
configure() {
  mkdir -p build
  cmake --preset release "$@" >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
}

# configure_and_build [cmake options] -- [targets]
configure_and_build() {
  local options=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
  [ $# -gt 0 ] && shift
  say "Configuring (build/, Release)"
  configure "${options[@]}"
  say "Building with $(nproc) jobs"
  NINJA_STATUS='[%f/%t %es] ' cmake --build build -- "$@"
}
