#!/bin/sh
# pfw, a personal firewall: https://deno.com's runtime and the program, in one file. The first run
# unpacks it into a private directory named by its hash, every run starts it from there.
set -eu
# Filled in by the build: the payload's SHA-256, its first byte in this file counted from 1, and
# the names and sizes of the files in it.
hash=@HASH@
offset=@OFFSET@
files='@FILES@'

fail() {
  printf 'pfw: cannot unpack %s: %s; %s\n' "$self" "$1" "${2:-set PFW_UNPACK_DIR to a directory of your own}" >&2
  exit 1
}

# `ls` alone tells type, mode, owner and size everywhere. The environment is emptied because
# variables such as BLOCK_SIZE change what it prints.
list() { env -i LC_ALL=C "PATH=$PATH" ls -n "$@"; }

# Whether nobody but root and this user can put another directory in the place of $1: each one on
# the way is owned by one of the two, and writable by others only with the sticky bit (as /tmp).
# A group that has its owner's number is that user's own.
is_ours() {
  way=$1
  set --
  while [ -n "$way" ]; do
    set -- "$@" "$way"
    way=${way%/*}
  done
  list -d / "$@" | {
    left=$(($# + 1))
    while read -r mode _ owner group _; do
      left=$((left - 1))
      case $owner in 0 | "$user") ;; *) exit 1 ;; esac
      case $mode in
        d????????[tT]*) ;;
        d???????w*) exit 1 ;;
        d????w*) [ "$owner" = "$group" ] || exit 1 ;;
        d*) ;;
        *) exit 1 ;;
      esac
    done
    # Nothing is trusted that was not seen: a failed `ls`, a name of two lines.
    [ "$left" = 0 ]
  }
}

# Whether $1 is a directory that this user alone can enter and that holds every file, whole.
is_complete() {
  [ -d "$1" ] && [ ! -L "$1" ] || return 1
  list -d "$1" | {
    read -r mode _ owner _
    case $mode in drwx------*) ;; *) exit 1 ;; esac
    [ "$owner" = "$user" ]
  } || return 1
  found=$(list "$1" | while read -r mode _ owner _ size _ _ _ name; do
    case $mode in -*) [ "$owner" = "$user" ] && printf '%s:%s ' "$name" "$size" ;; esac
  done)
  [ "$found" = "$files" ]
}

# Unpacks beside the place and lets the unpacked program move itself there in one step, under a
# lock: of several first runs at once one moves, the others find it in place.
unpack() {
  fresh=$(mktemp -d "$base/.fresh-XXXXXX" 2>/dev/null) || fail "cannot write to $base"
  trap 'rm -rf "$fresh"' EXIT
  trap 'exit 1' HUP INT TERM
  {
    # gzip knows a damaged or cut file by its checksum; a pipe only tells the last one's failure.
    tail -c "+$offset" "$self" | gzip -dc 2>/dev/null && : >"$fresh/.whole"
  } | tar -xf - -C "$fresh" 2>/dev/null || fail "no room in $base, or this file is damaged"
  [ -e "$fresh/.whole" ] || fail "this file is damaged" "copy it again"
  rm "$fresh/.whole"
  # shellcheck disable=SC2086 # flags are words
  DENO_DIR=$fresh/.cache "$fresh/pfw" run $flags "$fresh/place.js" "$fresh" "$base/$hash" \
    </dev/null >&2 || fail "it does not run from $base"
}

# Prints the directory that the program is in.
prepare() {
  PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin
  umask 077
  user=$(id -u)
  if [ -n "${PFW_UNPACK_DIR:-}" ]; then
    base=$PFW_UNPACK_DIR
  elif [ "$user" = 0 ]; then
    base=/var/cache/personal-firewall
  elif [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then
    base=${XDG_CACHE_HOME:-$HOME/.cache}/personal-firewall
  else
    fail "neither HOME nor XDG_CACHE_HOME is set"
  fi
  mkdir -p -- "$base" 2>/dev/null || fail "cannot make the directory $base"
  base=$(CDPATH='' cd -P -- "$base" && pwd -P) || fail "cannot enter the directory"
  is_ours "$base" || fail "other users can write to $base or a directory above it"
  is_complete "$base/$hash" || unpack
  is_complete "$base/$hash" || fail "what was unpacked into $base is not whole"
  printf '%s\n' "$base/$hash"
}

self=$0
flags='--quiet --allow-all @RUNTIME_FLAGS@ --no-prompt --no-config --no-lock --no-npm --no-remote'
directory=$(prepare) || exit 1
case $self in
  /*) PFW_EXECUTABLE=$self ;;
  *) PFW_EXECUTABLE=$PWD/$self ;;
esac
PFW_SELF_EXTRACTED=1
DENO_DIR=$directory/.cache
DENO_NO_UPDATE_CHECK=1
export PFW_EXECUTABLE PFW_SELF_EXTRACTED DENO_DIR DENO_NO_UPDATE_CHECK
# shellcheck disable=SC2086 # flags are words
exec "$directory/pfw" run $flags "$directory/main.js" "$@"
