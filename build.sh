#!/usr/bin/env bash
# Builds, tests or benchmarks pfw on a machine that has only git, curl and Node's npm. This file
# finds or installs Deno; everything after that is TypeScript, in build/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly oldest_deno=2.6.0
# What is installed where no Deno is present. npm checks each package against its registry; the
# hash pins the program itself where it is known.
readonly pinned_deno=2.9.6
readonly pinned_sha256_x64=bceb5b6a6239b0b010418406d8c77a508f67cf4337d94288f1c19fe71304aab0

# The machine's own certificates, so that a company's proxy works for Deno as it does for curl.
export DENO_TLS_CA_STORE=system DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1

say() { printf 'build: %s\n' "$*"; }

die() {
  printf 'build: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'TEXT'
usage: ./build.sh [--compiled | --self-extracting] [--output FILE]   one executable, ./pfw
       ./build.sh test                                               the whole test suite
       ./build.sh bench                                              the benchmarks

Installs what is missing first: Deno ($DENO, one on PATH, or from npm into a cache), and as root
libpcap, iptables and ipset. Without --compiled or --self-extracting it compiles where Deno's
runtime for that can be had ($DENORT_BIN, its cache, or a download) and packs Deno itself with
the program otherwise.
TEXT
}

# The version that a Deno reports; nothing where it does not run.
deno_version() { "$1" --version 2>/dev/null | sed -n 's/^deno \([0-9.]*\).*/\1/p'; }

# Whether that Deno runs and is new enough.
suits() {
  local version
  version=$(deno_version "$1")
  [[ -n $version && $(printf '%s\n' "$oldest_deno" "$version" | sort -V | head -n 1) == "$oldest_deno" ]]
}

install_deno() {
  local machine arch cache deno
  machine=$(uname -sm)
  case $machine in
    "Linux x86_64") arch=x64 ;;
    "Linux aarch64") arch=arm64 ;;
    *) die "there is no Deno for $machine on npm; install Deno $oldest_deno or newer and set \$DENO" ;;
  esac
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/personal-firewall-build/deno-$pinned_deno
  deno=$cache/node_modules/@deno/linux-$arch-glibc/deno
  if ! suits "$deno"; then
    command -v npm >/dev/null || die "neither Deno nor npm is here; install one of the two"
    say "installing Deno $pinned_deno from npm into $cache" >&2
    (umask 077 && mkdir -p "$cache")
    npm install --prefix "$cache" --ignore-scripts --no-save --no-audit --no-fund --loglevel=error \
      "@deno/linux-$arch-glibc@$pinned_deno" >&2 || die "npm could not install Deno (see above)"
  fi
  if [[ $arch == x64 ]]; then
    sha256sum --check --status <<<"$pinned_sha256_x64  $deno" ||
      die "$deno is not the Deno $pinned_deno that this build trusts; remove $cache and try again"
  fi
  suits "$deno" || die "Deno from npm does not run here (it needs glibc); install Deno and set \$DENO"
  printf '%s\n' "$deno"
}

find_deno() {
  if [[ -n ${DENO:-} ]]; then
    suits "$DENO" || die "\$DENO is $DENO, which is not a Deno of $oldest_deno or newer"
    printf '%s\n' "$DENO"
  elif command -v deno >/dev/null && suits "$(command -v deno)"; then
    command -v deno
  else
    install_deno
  fi
}

case ${1:-} in
  -h | --help | help)
    usage
    exit 0
    ;;
esac
DENO=$(find_deno)
export DENO
say "Deno $(deno_version "$DENO") at $DENO"
exec "$DENO" run --quiet --allow-all --frozen build/main.ts "$@" </dev/null
