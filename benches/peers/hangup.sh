#!/bin/bash
# A hundred calls that hang up together: hangup.sh PEER [CALLS [SECS [ROUNDS]]] -> how long after the last BYE the last file has
# its name, that is, is synced and renamed, and how many were finished. For a machine that does nothing else; a recorder that
# gives files no other name when they are whole is measured by its last write.
. "$(dirname "$0")/lib.sh"; trap stop_all EXIT
P=$1 N=${2:-100} S=${3:-5} K=${4:-5}
# Other sessions' work must not disturb either side: where the kernel shares out by session, nice alone says nothing to it.
[ -w /proc/self/autogroup ] && { echo -19 >/proc/self/autogroup; } 2>/dev/null
start_peer $P
for k in $(seq $K); do
  kill_spool
  $NICE taskset -c $GEN_CORE $A/rtpload $(dial) --calls $N --rate 50 --bye-rate 100000 --secs $S --warm 0 --peer-port $PORT >$OUT/hangup.txt
  sleep 6
  # The last change of a file's name or of what is in it, as the file system knows it.
  find $SPOOL -type f -name '*.wav' -printf '%C@\n' | sort -n |
    awk -v first=$(sed -n 's/first_bye_realtime=//p' $OUT/hangup.txt) -v last=$(sed -n 's/last_bye_realtime=\([0-9.]*\).*/\1/p' $OUT/hangup.txt) \
      -v n=$N -v peer=$P '{ at = $1 } END { printf "%s: %d of %d files, the last %.0f ms after the first BYE and %.0f ms after the last\n", peer, NR, n, (at - first) * 1000, (at - last) * 1000 }' |
    tee -a $OUT/rec.txt
done
echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
