"""Judges a soak: its samples, every record, and the drift between the sides of recordings. Called by tests/soak."""

import array
import json
import sys
import urllib.request
import wave
from pathlib import Path

RATE = 8000
PACKET = 160
# Recordings whose every click is looked at.
HEARD_MAX = 500

folder, web = Path(sys.argv[1]), sys.argv[2]
faults = []


def check(is_so, what):
    if not is_so:
        faults.append(what)


def records():
    cursor = ""
    while True:
        with urllib.request.urlopen(f"{web}/api/v1/calls?limit=1000{cursor}") as answer:
            page = json.load(answer)
        yield from page["calls"]
        if not page["next"]:
            return
        cursor = f"&cursor={page['next']}"


def clicks(samples):
    """Where each click begins."""
    found, last = [], -RATE
    for at, sample in enumerate(samples):
        if abs(sample) > 4000 and at - last > RATE // 2:
            found.append(at)
        if abs(sample) > 4000:
            last = at
    return found


def drift(path):
    """By how much the echo's distance changes between the first and the last click that both sides have, in samples.

    Each side lies by its own smallest delay, and is put right when it is 8 ms off: the side that echoes may lie that much before
    what it echoes."""
    with wave.open(str(path)) as file:
        sound = array.array("h", file.readframes(file.getnframes()))
    left, right = clicks(sound[0::2]), clicks(sound[1::2])
    lags = []
    for at in left:
        after = [other for other in right if -PACKET <= other - at < RATE // 2]
        if after:
            lags.append(after[0] - at)
    if not lags:
        print(f"not heard: {path.name}, {len(sound) // 2} samples, clicks of the caller at {left[:5]}, of the desk at {right[:5]}")
    return (max(lags) - min(lags), len(lags)) if lags else (None, 0)


samples = [line.split() for line in (folder / "samples").read_text().splitlines()[1:]]
samples = [[float(word) for word in line] for line in samples]
first, last = samples[0], samples[-1]
busy = [line for line in samples if line[4] > 0]
quarter = busy[len(busy) // 4 : len(busy) // 2] or busy
end = busy[-max(1, len(busy) // 4) :]
rss = lambda lines: max(line[1] for line in lines)
print(f"{last[0]:.0f} s, at most {max(line[4] for line in samples):.0f} recordings at a time")
print(f"memory: {first[1]:.0f} KB before, at most {rss(quarter):.0f} KB in the second quarter, {rss(end):.0f} KB in the last, {last[1]:.0f} KB after")
print(f"descriptors: {first[2]:.0f} before, {max(line[2] for line in samples):.0f} at most, {last[2]:.0f} after; threads {first[3]:.0f} to {last[3]:.0f}")
print(f"port pairs free: {first[5]:.0f} before, {min(line[5] for line in samples):.0f} at least, {last[5]:.0f} after")
check(rss(end) <= rss(quarter) * 1.1 + 4096, "memory grew by more than a tenth")
check(last[2] <= first[2] + 4, "descriptors stay open")
check(last[5] == first[5], "ports are not given back")

calls = list(records())
ended = [call for call in calls if call["answered"]]
check(ended, "nobody was answered")
whole = [call for call in ended if call["recording"] and call["recording"]["state"] == "complete"]
off = [call["recording"]["off_by_ms"] for call in whole if call["recording"]["off_by_ms"] is not None]
gaps = sorted({gap["why"] for call in ended if call["recording"] for gap in call["recording"]["gaps"]})
print(f"{len(calls)} calls, {len(ended)} answered, {len(whole)} recorded whole, {len(off)} whose sound differs from the talk; gaps: {gaps or 'none'}")
check(len(whole) == len(ended), "a recording lacks something")
check(not off, "a recording differs from its talk")

step = max(1, len(whole) // HEARD_MAX)
drifts = [drift(folder / "recordings" / call["recording"]["file"]) for call in whole[::step]]
heard = [(by, clicks_heard) for by, clicks_heard in drifts if by is not None]
worst = max((by for by, _ in heard), default=None)
print(f"{len(heard)} of {len(drifts)} recordings heard, {sum(n for _, n in heard)} clicks on both sides; the echo's distance changed by {worst} samples at most")
check(len(heard) == len(drifts), "a side was not heard")
check(worst is not None and worst <= PACKET, "a recording drifts by more than a packet")
for fault in faults:
    print(f"FAULT: {fault}")
sys.exit(1 if faults else 0)
