#!/bin/sh
# PostgreSQL's archive_command: keep-wal.sh PATH NAME [FOLDER]. A file of the log is there whole, and on the disk, or not at all.
set -eu
folder="${3:-/wal}"
kept="$folder/$2.gz"
if test -f "$kept"; then
    # Asked again after a crash, since PostgreSQL had not noted the answer: fine if it is the same file, and only then.
    gunzip -c "$kept" | cmp -s - "$1"
    exit
fi
gzip -1 < "$1" > "$kept.part"
sync "$kept.part"
mv "$kept.part" "$kept"
sync "$folder"
