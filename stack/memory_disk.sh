# To be sourced. The tests write and flush many thousands of small files: where /dev/shm is a file system in memory with
# 4 GB to spare that may run programs, their folder is there. It is removed at the end, but for tests that failed.

memory_disk() {
    [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] || return 0
    [ "$(df -Pk /dev/shm | awk 'NR == 2 {print $4}')" -gt 4000000 ] || return 0
    local folder
    folder=$(mktemp -d /dev/shm/gw.XXX) || return 0  # a short name: a path of a Unix socket has at most 107 bytes
    printf '#!/bin/sh\n' >"$folder/try"
    chmod 755 "$folder" "$folder/try"
    if "$folder/try" 2>/dev/null; then
        export TMPDIR=$folder
    else
        rm -rf "$folder"
    fi
}

# $1: the exit status of the tests. It stays the exit status.
memory_disk_gone() {
    case "${TMPDIR:-}" in
    /dev/shm/gw.???)
        if [ "$1" = 0 ]; then
            rm -rf "$TMPDIR"
        else
            echo "what the tests wrote is kept in memory, in $TMPDIR: remove it when you have seen it" >&2
        fi
        ;;
    esac
}
