# What the build scripts of the Linux guest and of its initramfs share: progress
# lines, packages, and a cache in which a result is either whole or not there.
# Sourced, not run; the script sets "guest" to the word its lines begin with.
#
# Deliberately absent: any output on stdout, which belongs to the caller.

set -euo pipefail
export LC_ALL=C
umask 022

cache=${XDG_CACHE_HOME:-$HOME/.cache}/hvrun
work=   # the directory a build happens in; set by begin, gone after finish
child=  # the process that watch is waiting for, and
log=    # its output

say() { printf '%s: %s\n' "$guest" "$*" >&2; }
die() { say "$*"; exit 1; }

# A line that the next one may replace, where the reader is a terminal.
progress() { if [ -t 2 ]; then printf '\r\033[K%s: %s' "$guest" "$*" >&2; else say "$*"; fi; }
end_progress() { [ ! -t 2 ] || printf '\r\033[K' >&2; }

abandon() {
    [ -z "$child" ] || { kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; } || :
    rm -rf ${log:+"$log"} ${work:+"$work"}
}
trap abandon EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# watch LABEL [HOW-FAR] -- COMMAND...: run COMMAND with its output in the file $log
# and show that it lives at least every two seconds. HOW-FAR names a function that
# prints how far it has come.
watch() {
    local label=$1 how_far=: began=$SECONDS ticks=0 status=0
    log=$(mktemp)
    shift
    if [ "$1" != -- ]; then how_far=$1; shift; fi
    shift
    say "$label ..."
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    while sleep 0.2; kill -0 "$child" 2>/dev/null; do
        ticks=$((ticks + 1))
        [ $((ticks % 9)) != 0 ] || progress "$label, $("$how_far")$(elapsed "$began")"
    done
    end_progress
    wait "$child" || status=$?
    child=
    [ "$status" = 0 ] || {
        tail -n 20 "$log" >&2
        die "$label failed (status $status); the last lines of its output are above"
    }
    rm "$log"
    log=
}

elapsed() {
    local s=$((SECONDS - $1))
    if [ "$s" -lt 60 ]; then printf '%ds' "$s"; else printf '%dm%02ds' $((s / 60)) $((s % 60)); fi
}

# The version of package $1 that is installed, else the one that would be.
version_of() {
    dpkg-query -W -f='${db:Status-Abbrev} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^ii *//p' | grep . ||
        apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)'
}

# version PACKAGE: like version_of, but asks the archive once before giving up.
version() {
    command -v apt-get >/dev/null || die "this script needs apt-get and dpkg, that is Debian or a relative of it"
    version_of "$1" && return
    [ "$(id -u)" != 0 ] || watch "asking the archive for $1" -- apt-get update
    version_of "$1" || die "the package $1 is not known here; \"apt-get update\" as root may help, and Debian 12 has it"
}

# install PACKAGE...: see to it that they are there.
install() {
    local package missing=() get=(apt-get -o DPkg::Lock::Timeout=600)
    for package; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q ^ii || missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "packages are missing; as root: apt-get install ${missing[*]}"
    apt-get install -s "${missing[@]}" >/dev/null 2>&1 || watch "asking the archive" -- "${get[@]}" update
    watch "installing ${missing[*]}" -- \
        env DEBIAN_FRONTEND=noninteractive "${get[@]}" install -y --no-install-recommends "${missing[@]}"
}

# begin NAME WANTED FILE...: enter the cache. The result is named after what FILEs
# and stdin hash to. If it is there, print the path of WANTED in it and end the
# script; else return with $work, an empty directory that nobody else has.
begin() {
    local name=$1
    wanted=$2
    shift 2
    result=$cache/$name-$(cat - "$@" | sha256sum | cut -c1-16)
    if ready; then exit; fi
    mkdir -p "$cache"
    exec 9>"$cache/$name.lock"
    local began=$SECONDS
    until flock -w 1.8 9; do progress "waiting for another build of the same, $(elapsed $began)"; done
    end_progress
    if ready; then exit; fi
    # Under the lock, what an interrupted build has left can only be rubbish.
    local rubbish=("$cache/$name-"*.partial)
    [ ! -e "${rubbish[0]}" ] || watch "tidying up" -- rm -rf "${rubbish[@]}"
    work=$result.partial
    mkdir "$work"
}

ready() { [ -d "$result" ] && printf '%s\n' "$result/$wanted"; }

# finish FILE...: these files, in $work, are the result.
finish() {
    local file
    mkdir "$work/result"
    for file; do mv "$work/$file" "$work/result/"; done
    mv -T "$work/result" "$result"
    watch "tidying up" -- rm -rf "$work"
    ready
}
