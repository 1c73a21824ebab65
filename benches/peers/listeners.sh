#!/bin/bash
# What those who look on cost the sound: listeners.sh [CALLS [SECS [ROUNDS [LISTENERS [REQUESTS]]]]]
# -> p50 and p99 of the relay's latency with nobody looking and with LISTENERS event streams and REQUESTS a second, in turn,
# and the medians of both. All of the system runs on core 1, or on the cores that CORES names; the generators on core 0.
. "$(dirname "$0")/lib.sh"; trap 'stop_all; [ -n "$LOOKERS" ] && kill $LOOKERS 2>/dev/null' EXIT
PEER_CORE=${CORES:-$PEER_CORE}; N=${1:-200} S=${2:-10} K=${3:-5} L=${4:-1000} Q=${5:-200} LOOKERS=
# Other sessions' work must not disturb either side: where the kernel shares out by session, nice alone says nothing to it.
[ -w /proc/self/autogroup ] && { echo -19 >/proc/self/autogroup; } 2>/dev/null
F=$OUT/listeners.txt; : >$F
load() { $NICE taskset -c $GEN_CORE $A/rtpload $(dial) --calls $1 --rate 50 --secs $2 --warm 1 --peer-port $PORT --pids $(tree "${PEERS[@]}"); }
start_peer ringtag
LINK=$(grep -o 'http://.*enter?token=[0-9a-f]*' $RUN/ringtag.log)
COOKIE=$(curl -s -o /dev/null -D - "$LINK" | sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\).*/\1/p')
load 100 1 >/dev/null; sleep 1            # memory is paged in, and there are calls to look at
for k in $(seq $K); do
  for who in nobody many; do
    if [ $who = many ]; then
      rm -f $RUN/ready
      # The generator of sound has the core before those who look on.
      nice -n 10 taskset -c $GEN_CORE python3 $HERE/gen/listeners.py 127.0.7.1:18080 $L $Q $((S + N / 50 + 4)) $RUN/ready "$COOKIE" >$RUN/lookers.txt & LOOKERS=$!
      for _ in $(seq 300); do [ -e $RUN/ready ] && break; sleep 0.1; done
      [ -e $RUN/ready ] || { echo "nobody listens" >&2; exit 1; }
    fi
    load $N $S | sed "s/^/$who round=$k /" | tee -a $F | grep -E "media|latency|peer"
    if [ $who = many ]; then wait $LOOKERS; LOOKERS=; sed "s/^/$who round=$k /" $RUN/lookers.txt | tee -a $F; fi
    sleep 1
  done
done
awk -v FS='[ =]' '/latency_us/ { for (i = 1; i < NF; i++) if ($i == "p50" || $i == "p99") v[$1, $i, ++c[$1, $i]] = $(i + 1) }
  function median(w, p,   n, i, j, t) { n = c[w, p]; for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
    if (v[w, p, j] < v[w, p, i]) { t = v[w, p, i]; v[w, p, i] = v[w, p, j]; v[w, p, j] = t } return v[w, p, int((n + 1) / 2)] }
  END { for (p = 50; p < 100; p += 49) printf "median p%d_us nobody=%s many=%s\n", p, median("nobody", "p" p), median("many", "p" p) }' $F
echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
