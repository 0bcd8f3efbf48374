# Helpers of the scripts in Tools. Source it; it runs nothing by itself.
#   source "$(dirname "${BASH_SOURCE[0]}")/lib/shell.sh"

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/swift-pretrained

note() { printf '%s\n' "$*" >&2; }
die() {
  note "$(basename "$0"): $*"
  exit 2
}

# need_packages PACKAGE...: installs the Debian packages that are missing, if this is Debian and we may.
need_packages() {
  command -v dpkg-query > /dev/null || return 0
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  if ((EUID)); then
    command -v sudo > /dev/null || die "needs the packages ${missing[*]}: apt-get install them as root"
    as_root=(sudo)
  fi
  note "installing ${missing[*]}"
  ${as_root[@]+"${as_root[@]}"} apt-get install -qq -y "${missing[@]}" > /dev/null 2>&1 || {
    ${as_root[@]+"${as_root[@]}"} apt-get update -qq >&2 &&
      ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "${missing[@]}" >&2
  } || die "could not install ${missing[*]}"
}

# need_swift: checks that a Swift toolchain is there.
need_swift() {
  command -v swift > /dev/null || die "needs Swift 6.2 or later: install it from https://www.swift.org/install"
}

# build_ckpt: builds the command as its users do, with Swift's runtime in it, and prints its path. Starting it takes half
# as long so. Apart from what the tests build: the flag would have them compile everything anew, and back again.
build_ckpt() {
  local build=(swift build --package-path "$ROOT" --scratch-path "$ROOT/.build/static" -c release
    --static-swift-stdlib --product ckpt)
  "${build[@]}" >&2 || die "ckpt does not build"
  printf '%s/ckpt\n' "$("${build[@]}" --show-bin-path)"
}

# python_between LOW HIGH: prints the first Python 3.x with LOW <= x <= HIGH.
python_between() {
  local python
  for python in python3 python3.11 python3.12 python3.13 /usr/bin/python3; do
    "$python" -c "import sys; sys.exit(not (3, $1) <= sys.version_info[:2] <= (3, $2))" 2> /dev/null && {
      command -v "$python"
      return
    }
  done
  die "needs a Python from 3.$1 to 3.$2"
}

# make_venv NAME REQUIREMENTS [COST]: makes the environment CACHE/NAME, or finds it made from the same pins; prints its
# folder.
make_venv() {
  local folder=$CACHE/$1 pins python
  pins=$(cksum < "$2")
  if [[ ! -x $folder/bin/python || $(cat "$folder/.made-from" 2> /dev/null) != "$pins" ]]; then
    python=$(python_between 11 12) || exit
    note "making the Python environment $folder: ${3:-some gigabytes, some minutes}"
    rm -rf "$folder"
    mkdir -p "$CACHE"
    "$python" -m venv "$folder" >&2 || die "could not make $folder: install python3-venv"
    "$folder/bin/python" -m pip install --quiet --requirement "$2" >&2 || die "could not install $2 into $folder"
    printf '%s\n' "$pins" > "$folder/.made-from"
  fi
  printf '%s\n' "$folder"
}

# processor: the CPU's own name.
processor() {
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1 | grep . || sysctl -n machdep.cpu.brand_string
}
