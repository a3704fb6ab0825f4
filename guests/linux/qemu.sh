# What the scripts share that boot a Linux guest on QEMU, interpreted by TCG, so
# that no hypervisor is needed. Sourced after helpers.sh; the script sets "kernel",
# "initrd", "memory" (MiB) and "release" (a regular expression for the kernel's).
#
# Deliberately absent: hvrun, KVM, and whatever depends on them (kvm-clock, ...).

work=$(mktemp -d)
console=$work/console
failures=0

check() { # check WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then printf 'ok - %s: %s\n' "$name" "$what"; return; fi
    printf 'not ok - %s: %s\n' "$name" "$what"
    failures=$((failures + 1))
}
shows() { grep -qE "$1" "$console"; }
hides() { ! grep -nE "$1" "$console"; }
ended() { [ "$status" = "$1" ] || { echo "# status $status instead of $1"; false; }; }

# No two neighbouring lines are a second apart: nobody waited for absent hardware.
flows() {
    awk -F '[][]' '$2 ~ /^ *[0-9.]+$/ { if ($2 - last > 1) { print "# " $2 - last " s before: " $0; bad = 1 } last = $2 }
                   END { exit bad }' "$console"
}

# boot NAME MACHINE [QEMU-OPTION...]: input from stdin; leaves $status and $console.
# A guest that wrote V to the exit port ends QEMU with 2V+1, a reset with 0.
boot() {
    name=$1
    status=0
    timeout -k 5 120 qemu-system-x86_64 -M "microvm,$2" -accel tcg -cpu max -m "$memory" \
        -nodefaults -no-user-config -display none -serial stdio -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=4 "${@:3}" >"$console" 2>&1 || status=$?
    tr -d '\r' <"$console" >"$console.lines"
    mv "$console.lines" "$console"
}
through_firmware() { boot "$1" "$2" -kernel "$kernel" -initrd "$initrd" -append "$3" "${@:4}"; }

# The PVH entry: a little-endian number of 8 bytes in Xen's note 18.
pvh_entry() {
    readelf -nW "$kernel" | sed -n 's/.*Xen .*0x00000012).*data: //p' |
        awk '{ for (i = NF; i > 0; i--) word = word $i; print "0x" word }'
}

# The machine that hvrun builds first: PIT, 8259s, APICs, clock, COM1; no tables.
bare_machine=pit=on,pic=on,rtc=on,acpi=off,isa-serial=on

# bare_firmware FILE CMDLINE: makes what starts the kernel there, and leaves in
# bare_options how QEMU is told of it.
bare_firmware() {
    local initrd_address=0x6000000
    gcc -nostdlib -static -Wl,--oformat=binary,-Ttext=0,--build-id=none -o "$1" "$here/../linux/bare.S" \
        -DENTRY="$(pvh_entry)" -DMEMORY=$((memory << 20)) -DCMDLINE="\"$2\"" \
        -DINITRD=$initrd_address -DINITRD_SIZE="$(stat -c %s "$initrd")"
    bare_options=(-bios "$1" -device "loader,file=$kernel" -device "loader,file=$initrd,addr=$initrd_address,force-raw=on")
}

bare() {
    bare_firmware "$work/rom" "$2"
    boot "$1" "$bare_machine" "${bare_options[@]}" "${@:3}"
}

# session LINES COMMAND...: run COMMAND, a boot, and type LINES once its shell is
# ready. (QEMU loses what comes before: Linux clears the port's FIFO on opening it.)
session() {
    : >"$console"
    "${@:2}" < <(
        for _ in $(seq 600); do
            ! grep -q 'hvrun# ' "$console" || break
            sleep 0.1
        done
        printf '%s\n' "$1"
    )
}

came_up() { # came_up STATUS: what every boot must show
    check "the kernel's banner" shows "^\[ +0\.000000\] Linux version $release "
    check "Run /init as init process" shows 'Run /init as init process'
    check "our init's line" shows "^hvrun: Linux $release reached init after [0-9.]+ s\$"
    check "ends with status $1" ended "$1"
    check "no complaint" hides 'BUG|WARNING|Oops|panic|Call Trace|[Tt]imed? ?out|stall|unhandled|failed to'
    [ "$status" = "$1" ] || sed 's/^/# /' "$console" | tail -n 30
}
