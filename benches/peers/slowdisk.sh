#!/bin/bash
# The relay beside a disk that is slow by seconds: slowdisk.sh [CALLS [SECS [ROUNDS [DELAY_MS [EVERY]]]]] -> added latency and loss of
# ringtag-rec, in turn with a disk as it is and with one whose every so manieth write takes so long, and what the records lack.
# strace holds the recorder's thread in both, so that the delay is all they differ by. Wants strace and curl.
. "$(dirname "$0")/lib.sh"
N=${1:-200} S=${2:-20} K=${3:-3} DELAY=${4:-3000} EVERY=${5:-400}
tracers=()
trap 'for p in "${tracers[@]}"; do kill $p 2>/dev/null; done; stop_all' EXIT
rm -f $OUT/slowdisk.[0-9]*
start_peer ringtag-rec
$NICE taskset -c $GEN_CORE $A/rtpload $(dial) --calls 2 --rate 10 --secs 1 --warm 1 --peer-port $PORT >/dev/null; sleep 1

threads() { local t; for t in /proc/${PEERS[0]}/task/*; do [ "$(cat $t/comm)" = recorder ] && basename $t; done; }
attach() { # $@ = what strace does to the recorder
  local t; for t in $(threads); do $NICE taskset -c $GEN_CORE strace -qq -o $OUT/slowdisk.$t -e trace=pwrite64 "$@" -p $t & tracers+=($!); done; sleep 1; }
detach() { local p; for p in "${tracers[@]}"; do kill $p; wait $p; done 2>/dev/null; tracers=(); }
metric() { curl -sf http://127.0.7.1:18080/metrics | awk -v name="$1" '$1 == name { print $2 }'; }

for k in $(seq $K); do for disk in quick slow; do
  kill_spool 2>/dev/null   # some are just being renamed
  [ $disk = slow ] && attach -e inject=pwrite64:delay_enter=${DELAY}000:when=$EVERY+$EVERY || attach
  untapped=$(metric ringtag_rtp_untapped_total) damaged=$(metric ringtag_recordings_damaged_total)
  $NICE taskset -c $GEN_CORE $A/rtpload $(dial) --calls $N --rate 50 --secs $S --warm 1 --peer-port $PORT --pids $(tree "${PEERS[@]}") |
    grep -E '^(media|latency|gen)' | sed "s/^/$disk n=$N rep=$k /" | tee -a $OUT/slowdisk.txt
  echo "$disk n=$N rep=$k writes=$(cat $OUT/slowdisk.[0-9]* | grep -c pwrite64) delayed=$(cat $OUT/slowdisk.[0-9]* | grep -c DELAYED)" \
    "unrecorded=$(($(metric ringtag_rtp_untapped_total) - untapped)) damaged=$(($(metric ringtag_recordings_damaged_total) - damaged))" | tee -a $OUT/slowdisk.txt
  detach
  for _ in $(seq 300); do [ "$(metric ringtag_recordings_open)" = 0 ] && break; sleep 0.2; done
done; done
kill_spool
