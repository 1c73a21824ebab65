"""Judges a soak. Called by tests/soak as `soak.py FOLDER WEB CALLS`, runs beside it until the file `over` is there, then gives its verdict.

As a recording is finished (its hash is on the record) it is held against its record and the talk, one of every so many is listened to, and
the file is removed: an hour of them would not fit on a disk. In the end the samples are judged: memory, descriptors and ports."""

import array
import hashlib
import io
import json
import sys
import time
import urllib.request
import wave
from collections import Counter
from pathlib import Path

RATE = 8000
PACKET = 160
# Samples of 16 bits on two channels.
FRAME_BYTES = 4
# Between two looks at the calls, in seconds: some hundred MB of recordings gather meanwhile.
PAUSE = 10
# Recordings whose every click is looked at, spread over all calls.
HEARD_MAX = 500
# Faulty recordings that are kept to be looked at.
KEPT_MAX = 20
# Faults of one kind that are printed; all are counted.
PRINTED_MAX = 5


def calls_since(web, since):
    """All calls that began since then, the newest first."""
    asked, cursor = f"&since={since}" if since else "", ""
    while True:
        with urllib.request.urlopen(f"{web}/api/v1/calls?limit=1000{asked}{cursor}") as answer:
            page = json.load(answer)
        yield from page["calls"]
        if not page["next"]:
            return
        cursor = f"&cursor={page['next']}"


def is_finished(call):
    """Whether nothing more will be said of it: an answered call has its recording's hash then."""
    if not call["ended_at"]:
        return False
    recording = call["recording"]
    return not call["answered"] or bool(recording and recording["sha256"])


def clicks(samples):
    """Where each click begins."""
    found, last = [], -RATE
    for at, sample in enumerate(samples):
        if abs(sample) > 4000:
            if at - last > RATE // 2:
                found.append(at)
            last = at
    return found


def lags(left, right):
    """How much later than the caller's click each one of the desk is, its echo.

    Each side lies by its own smallest delay, and is put right when it is 8 ms off: the side that echoes may lie that much before
    what it echoes."""
    found = []
    for at in left:
        after = [other for other in right if -PACKET <= other - at < RATE // 2]
        if after:
            found.append(after[0] - at)
    return found


class Verdict:
    """What was found so far."""

    def __init__(self, folder, calls):
        self.folder = folder
        self.step = max(1, calls // HEARD_MAX)
        self.faults, self.gaps = Counter(), Counter()
        self.ended = self.answered = self.whole = 0
        self.listened, self.heard, self.clicks, self.worst = 0, 0, 0, 0
        self.jitter = []

    def fault(self, what, about=""):
        self.faults[what] += 1
        if self.faults[what] <= PRINTED_MAX:
            print(f"FAULT: {what} {about}", flush=True)

    def judge(self, call):
        """One call that has ended, and its recording, which is gone afterwards."""
        self.ended += 1
        if not call["answered"]:
            self.fault("a call was not answered", f"{call['id']}: {call['finish_reason']}")
            return
        self.answered += 1
        self.jitter += [leg["jitter_ms"] for leg in call["legs"] if leg["packets_in"]]
        recording = call["recording"]
        if not recording:
            self.fault("an answered call has no recording", call["id"])
            return
        before = self.faults.total()
        self.gaps.update({gap["why"] for gap in recording["gaps"]})
        if recording["state"] == "complete":
            self.whole += 1
        else:
            self.fault("a recording lacks something", f"{recording['file']}: {recording['gaps']}")
        if recording["off_by_ms"] is not None:
            self.fault("a recording differs from its talk", f"{recording['file']}: by {recording['off_by_ms']} ms")
        path = self.folder / "recordings" / recording["file"]
        self.file(path, recording)
        if self.faults.total() > before:
            self.keep(path, call)
        path.unlink(missing_ok=True)

    def file(self, path, said):
        """The file against what its record says of it. A minute is one file."""
        try:
            whole = path.read_bytes()
            with wave.open(io.BytesIO(whole)) as file:
                frames, sound = file.getnframes(), file.readframes(file.getnframes())
        except (OSError, EOFError, wave.Error) as error:
            self.fault("a recording cannot be read", f"{path.name}: {error}")
            return
        if hashlib.sha256(whole).hexdigest() != said["sha256"] or len(whole) != said["bytes"]:
            self.fault("a recording is another than its record says", path.name)
        if len(sound) != frames * FRAME_BYTES or frames * 1000 // RATE != said["duration_ms"]:
            self.fault("a recording is not as long as it says", f"{path.name}: {frames} frames, {len(sound)} bytes, {said['duration_ms']} ms")
        if self.answered % self.step == 0:
            self.listen(path.name, array.array("h", sound))

    def listen(self, name, sound):
        """By how much the echo's distance changes between the first and the last click that both sides have."""
        left, right = clicks(sound[0::2]), clicks(sound[1::2])
        found = lags(left, right)
        self.listened += 1
        if not found:
            self.fault("a side was not heard", f"{name}, {len(sound) // 2} samples, clicks of the caller at {left[:5]}, of the desk at {right[:5]}")
            return
        self.heard += 1
        self.clicks += len(found)
        changed = max(found) - min(found)
        self.worst = max(self.worst, changed)
        if changed > PACKET:
            self.fault("a recording drifts by more than a packet", f"{name}: {changed} samples, the echo comes after {found}")

    def keep(self, path, call):
        """A faulty recording and its record."""
        kept = self.folder / "faulty"
        kept.mkdir(exist_ok=True)
        if len(list(kept.glob("*.json"))) >= KEPT_MAX:
            return
        (kept / f"{call['id']}.json").write_text(json.dumps(call, indent=1))
        if path.exists():
            path.rename(kept / path.name)

    def tell(self):
        jitter = sorted(self.jitter) or [0]
        print(f"{self.ended} calls, {self.answered} answered, {self.whole} recorded whole; gaps: {dict(self.gaps) or 'none'}")
        print(f"{self.heard} of {self.listened} recordings heard, {self.clicks} clicks on both sides; the echo's distance changed by {self.worst} samples at most")
        print(f"jitter of what came: {jitter[len(jitter) // 2]:.1f} ms in the middle, {jitter[len(jitter) * 99 // 100]:.1f} ms at the 99th percentile")
        if not self.answered:
            self.fault("nobody was answered")


def judge_calls(web, verdict, over):
    """Judges calls as they end, until `over` is there and none is left."""
    since, judged = "", set()
    while True:
        is_last = over.exists()
        open_since, seen = [], set()
        newest = since
        for call in calls_since(web, since):
            seen.add(call["id"])
            newest = max(newest, call["started_at"])
            if call["id"] in judged:
                continue
            if is_finished(call):
                verdict.judge(call)
                judged.add(call["id"])
            else:
                open_since.append(call["started_at"])
        if is_last:
            for at in open_since:
                verdict.fault("a call is not finished", at)
            return
        # What began before every call that is still open is asked for no more.
        since = min(open_since, default=newest)
        judged &= seen
        print(f"judged {verdict.ended}, faults {dict(verdict.faults) or 'none'}", file=sys.stderr, flush=True)
        time.sleep(PAUSE)


def judge_samples(folder, verdict):
    """Memory stays, descriptors and ports come back."""
    words, *lines = (line.split() for line in (folder / "samples").read_text().splitlines())
    samples = [dict(zip(words, map(float, line))) for line in lines]
    first, last = samples[0], samples[-1]
    busy = [sample for sample in samples if sample["recordings"] > 0] or samples
    quarter = busy[len(busy) // 4 : len(busy) // 2] or busy
    end = busy[-max(1, len(busy) // 4) :]
    most = lambda lines, word: max(line[word] for line in lines)
    cpu = (busy[-1]["cpu_ticks"] - busy[0]["cpu_ticks"]) / max(1, busy[-1]["seconds"] - busy[0]["seconds"])
    loads = sorted(sample["load"] for sample in busy)
    print(f"{last['seconds']:.0f} s, at most {most(samples, 'recordings'):.0f} recordings at a time, {most(samples, 'disk_kb') / 1024:.0f} MB on disk")
    print(f"memory: {first['rss_kb']:.0f} KB before, at most {most(quarter, 'rss_kb'):.0f} KB in the second quarter, {most(end, 'rss_kb'):.0f} KB in the last, {last['rss_kb']:.0f} KB after")
    print(f"descriptors: {first['descriptors']:.0f} before, {most(samples, 'descriptors'):.0f} at most, {last['descriptors']:.0f} after; threads {first['threads']:.0f} to {last['threads']:.0f}")
    print(f"port pairs free: {first['port_pairs_free']:.0f} before, {min(sample['port_pairs_free'] for sample in samples):.0f} at least, {last['port_pairs_free']:.0f} after")
    print(f"{cpu:.0f} % of one core; longest turn of a media worker {most(busy, 'longest_turn_s') * 1000:.0f} ms; load {loads[0]} to {loads[-1]}, {loads[len(loads) // 2]} in the middle")
    if most(end, "rss_kb") > most(quarter, "rss_kb") * 1.1 + 4096:
        verdict.fault("memory grew by more than a tenth")
    if last["descriptors"] > first["descriptors"] + 4:
        verdict.fault("descriptors stay open")
    if last["port_pairs_free"] != first["port_pairs_free"]:
        verdict.fault("ports are not given back")


def main():
    folder, web, calls = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    verdict = Verdict(folder, calls)
    judge_calls(web, verdict, folder / "over")
    judge_samples(folder, verdict)
    verdict.tell()
    for what, times in verdict.faults.items():
        print(f"FAULT: {what}: {times}")
    sys.exit(1 if verdict.faults else 0)


main()
