#!/usr/bin/env python3
"""Works reports out once more, from the lines of the call log alone, and holds them against what ringtag says.

    recompute.py --log DATA/log --config ringtag.toml REPORT[:BY]=FILE.json …
    recompute.py --log DATA/log --config ringtag.toml --server http://127.0.0.1:8080 \\
                 --ask 'sources?by=campaign&since=2024-01-01&until=2025-01-01' …

Nothing here is ringtag's: the lines are read with json, gathered with sqlite3, and days and hours are those of
zoneinfo. What is worked out is written down where the formulas are: beside the columns of each report. Exit 0: every
figure of every line is the same; 1: the first differences are printed. Only Python's own library is needed (3.11).
"""

import argparse
import bisect
import collections
import json
import math
import pathlib
import sqlite3
import sys
import tomllib
import urllib.request
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

USUAL = {
    "goals": ["price", "problem", "order", "delivery", "advice"],
    "stages": ["new", "in-talks", "offer", "closed"],
    "outcomes": ["sold", "appointment", "call-back", "refused", "wrong-number"],
}
CAUSES = {"source": "source", "campaign": "campaign", "channel": "channel", "category": "category", "number": "number",
          "rule": "rule"}
DAY_MS = 86_400_000


# ---- The log -------------------------------------------------------------------------------------------------------


def millis(text):
    if text is None:
        return None
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def cents(value):
    return None if value is None else int(math.copysign(math.floor(abs(value) * 100 + 0.5), value))


SAID = ("target", "goal", "stage", "outcome", "value", "called_back")


def read_log(folder, config):
    """The lines of every call, folded into one row each, and the amounts that are in force."""
    calls = {}
    held = {}
    amounts = {}
    for month in sorted(pathlib.Path(folder).glob("*.jsonl")):
        with open(month, encoding="utf-8") as lines:
            for text in lines:
                line = json.loads(text)
                event, call = line["event"], line["call"]
                public, pii = line["public"], line.get("pii")
                if event == "spent":
                    for change in public["changes"]:
                        if change["now"] is None:
                            amounts.pop(change["id"], None)
                        else:
                            amounts[change["id"]] = change["now"]
                elif event == "began":
                    source = public["source"]
                    caller = pii["caller"] if pii else None
                    calls[call] = {
                        "id": call, "project": source["project"], "source": source["tag"],
                        "channel": source.get("channel"), "campaign": source.get("campaign"),
                        "category": source.get("category"), "number": public["virtual_number"],
                        "rule": public.get("rule"), "tracked": public["tracked"], "erased": pii is None,
                        "hidden": caller == "anonymous", "caller": None if caller == "anonymous" else caller,
                        "prior": public["prior_calls"], "started": millis(line["at"]), "answered": False,
                        "missed": False, "reason": None, "wait": None, "talk": None, "manager": None,
                        "offered": [], "answered_at": None, **dict.fromkeys(SAID),
                    }
                elif call not in calls:
                    continue
                elif event == "answered":
                    row = calls[call]
                    row.update(answered=True, manager=public["manager"], rule=public["rule"])
                    row["answered_at"] = millis(line["at"])
                    row["wait"] = row["answered_at"] - row["started"]
                elif event == "ended":
                    row = calls[call]
                    row.update(
                        manager=public["manager"], answered=public["answered"], missed=public["missed"],
                        wait=public["wait_ms"], talk=public["talk_ms"], reason=public["finish_reason"],
                        rule=public["rule"] or row["rule"],
                    )
                    tried = (tried["target"] for tried in public["targets_tried"])
                    row["offered"] = sorted({to[8:] for to in tried if to.startswith("manager:")})
                elif event == "said":
                    row, mine = calls[call], held.setdefault(call, set())
                    said = {**public, **(pii or {})}
                    for name in SAID:
                        if name not in said:
                            # A word that was personal, and is gone with its person.
                            continue
                        if public.get("kind", "person") == "person":
                            mine.add(name)
                        elif name in mine:
                            continue
                        row[name] = said[name]
    call_back(calls)
    base = sqlite3.connect(":memory:")
    names = ["id", "project", "source", "channel", "campaign", "category", "number", "rule", "erased", "hidden",
             "prior", "started", "answered", "missed", "reason", "wait", "talk", "manager", "target", "goal", "stage",
             "outcome", "cents", "valued", "back", "back_s", "customer", "caller"]
    base.execute(f"CREATE TABLE calls ({', '.join(names)})")
    base.execute("CREATE TABLE offered (id, manager)")
    sales = {project["id"]: project["sales"] for project in config["project"]}

    def rows():
        for row in calls.values():
            if row["tracked"]:
                row["cents"] = cents(row["value"])
                row["valued"] = row["value"] is not None
                row["back"] = row["missed"] and (row["back_s"] is not None or row["called_back"] is True)
                if row["called_back"] is True:
                    row["back_s"] = None
                row["customer"] = row["outcome"] in sales.get(row["project"], USUAL["outcomes"][:1])
                yield [row[name] for name in names]

    base.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(names))})", rows())
    pairs = ((row["id"], name) for row in calls.values() if row["tracked"]
             for name in {*row["offered"], *filter(None, [row["manager"]])})
    base.executemany("INSERT INTO offered VALUES (?, ?)", pairs)
    base.execute("CREATE INDEX started ON calls (started)")
    base.execute("CREATE INDEX offered_id ON offered (id)")
    return base, list(amounts.values())


def call_back(calls):
    """A missed call waits until a later call of its caller in its project is answered."""
    of_caller = {}
    for row in calls.values():
        row["back_s"] = None
        if row["tracked"] and row["caller"] is not None:
            of_caller.setdefault((row["project"], row["caller"]), []).append(row)
    for rows in of_caller.values():
        rows.sort(key=lambda row: row["id"])
        reached = None
        for row in reversed(rows):
            if row["answered"]:
                reached = row["started"] + row["wait"]
            elif row["missed"] and reached is not None:
                row["back_s"] = max(0, reached - row["started"] - row["wait"]) // 1000


# ---- Times ---------------------------------------------------------------------------------------------------------


class Clocks:
    """A zone's calendar, by zoneinfo."""

    def __init__(self, zone):
        self.zone = ZoneInfo(zone)
        self.known = {}

    def local(self, at):
        # Offsets change on whole quarters of an hour, so one look for each of those is enough.
        quarter, rest = divmod(at, 900_000)
        if quarter not in self.known:
            self.known[quarter] = datetime.fromtimestamp(quarter * 900, self.zone).replace(tzinfo=None)
        return self.known[quarter] + timedelta(milliseconds=rest)

    def day(self, at):
        return self.local(at).date()

    def hour(self, at):
        local = self.local(at)
        return f"{local.isoweekday()}-{local.hour:02}"

    def bucket(self, grain, at):
        day = self.day(at)
        return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[grain]

    def begins(self, day):
        """The first moment that is on this day: found by looking, so that a midnight that is left out is no case."""
        low = millis(f"{day}T00:00:00Z") - 36 * 3_600_000
        high = low + 72 * 3_600_000
        while high - low > 1:
            middle = (low + high) // 2
            if self.day(middle) >= day:
                high = middle
            else:
                low = middle
        return high


def following(grain, first):
    if grain == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days={"day": 1, "week": 7}[grain])


# ---- Figures -------------------------------------------------------------------------------------------------------


def count(value):
    return {"count": value or 0}


def share(part, whole):
    part, whole = part or 0, whole or 0
    if not whole:
        return {"share": {"part": part, "whole": whole, "value": None, "low": None, "high": None}}
    z2, value = 1.959963984540054**2, part / whole
    middle = (value + z2 / (2 * whole)) / (1 + z2 / whole)
    reach = math.sqrt(z2 * (value * (1 - value) / whole + z2 / (4 * whole * whole))) / (1 + z2 / whole)
    ends = {"low": max(middle - reach, 0.0), "high": min(middle + reach, 1.0)}
    return {"share": {"part": part, "whole": whole, "value": value, **ends}}


def mean(total, of):
    return {"millis": {"millis": ((total or 0) + of // 2) // of, "of": of}} if of else "nothing"


def percentile(values, percent, each=1):
    if not values:
        return "nothing"
    values = sorted(values)
    return {"millis": {"millis": values[max(1, math.ceil(percent * len(values) / 100)) - 1] * each, "of": len(values)}}


def erlang_b(load, lines):
    """By the sum itself: the load to the lines over their factorial, as a part of all such terms."""
    terms = [line * math.log(load) - math.lgamma(line + 1) for line in range(lines + 1)]
    most = max(terms)
    return math.exp(terms[-1] - most) / sum(math.exp(term - most) for term in terms)


def lines_for(load):
    lines = 0
    while load > 0 and erlang_b(load, lines) > 0.01:
        lines += 1
    return lines


def each(spent, of):
    """What one of them cost, to the nearest hundredth."""
    return {"money": (2 * spent + of) // (2 * of)} if of and spent > 0 else "nothing"


def spent_between(amount, clocks, since, until):
    """What of an amount is of the days that begin within a period; hundredths that do not divide are its first days'."""
    first, last = date.fromisoformat(amount["from"]), date.fromisoformat(amount["until"])
    days = (last - first).days + 1
    least, more = divmod(amount["hundredths"], days)
    # Far from the ends of the period a day is in it or is not without a look at its clocks.
    begin, end = (datetime.fromtimestamp(at / 1000, timezone.utc).date() for at in (since, until))
    within = 0
    for place in range(max(0, (begin - first).days - 2), min(days, (end - first).days + 3)):
        day = first + timedelta(days=place)
        if begin + timedelta(days=2) < day < end - timedelta(days=2) or since <= clocks.begins(day) < until:
            within += least + (place < more)
    return within


# ---- Reports -------------------------------------------------------------------------------------------------------


class Report:
    """One report as ringtag made it, and the means to make it again."""

    def __init__(self, base, amounts, config, name, by, given):
        self.base, self.amounts, self.config, self.name, self.by, self.given = base, amounts, config, name, by, given
        self.clocks = Clocks(given["period"]["time_zone"])
        self.since, self.until = millis(given["period"]["since"]), millis(given["period"]["until"])
        self.before = millis(given["before"]["since"])
        self.where, self.values = self.conditions()
        base.create_function("hour_of", 1, self.clocks.hour, deterministic=True)
        for grain in ("day", "week", "month"):
            bucket = lambda at, grain=grain: self.clocks.bucket(grain, at).isoformat()
            base.create_function(f"{grain}_of", 1, bucket, deterministic=True)

    def conditions(self):
        """The report's conditions on its calls, its times aside, in SQL."""
        texts = ["source", "channel", "campaign", "category", "manager", "goal", "stage", "outcome", "number", "rule", "reason"]
        where, values, projects = ["1"], [], []
        for name, value in self.given["calls"]:
            if name in texts:
                where.append(f"{name} = ?")
                values.append(value)
            elif name == "project":
                projects.append(value)
            elif name == "status":
                where.append(value)
            elif name == "ended":
                where.append("reason IS NOT NULL" if value == "true" else "reason IS NULL")
            elif name == "target":
                where.append("target = 1" if value == "true" else "target = 0")
            elif name == "repeat":
                where.append({"true": "prior > 0", "false": "prior = 0 AND NOT hidden", "unknown": "prior = 0 AND hidden"}[value])
            elif name == "customer":
                where.append("customer")
            elif name == "lead":
                where.append("(target = 1 OR customer)")
            elif name == "callback":
                where.append({"open": "missed AND NOT back AND NOT erased", "done": "back"}[value])
            elif name == "hour":
                where.append("substr(hour_of(started), 3) = ?")
                values.append(f"{int(value):02}")
            elif name == "weekday":
                where.append("substr(hour_of(started), 1, 1) = ?")
                values.append(value)
            elif name == "min_wait_ms":
                where.append("(answered OR reason IS NOT NULL) AND wait >= ?")
                values.append(int(value))
            elif name not in ("since", "until", "zone"):
                raise SystemExit(f"no idea what the condition {name}={value} asks for")
        if projects:
            where.append(f"project IN ({', '.join('?' * len(projects))})")
            values.extend(projects)
        self.projects = projects
        return " AND ".join(f"({one})" for one in where), values

    def ask(self, what, since, until, more="1", group=""):
        tables = "calls JOIN offered o USING (id)" if "o.manager" in what else "calls"
        sql = f"SELECT {what} FROM {tables} WHERE {self.where} AND started >= ? AND started < ? AND {more} {group}"
        return self.base.execute(sql, [*self.values, since, until]).fetchall()

    def both(self, what, **more):
        return self.ask(what, self.since, self.until, **more), self.ask(what, self.before, self.since, **more)

    TALLY = """count(*), sum(answered), sum(missed), sum(target IS 1), sum(customer),
        sum(iif(answered, wait, 0)), sum(iif(answered AND reason IS NOT NULL, talk, 0)),
        sum(answered AND reason IS NOT NULL), sum(ifnull(cents, 0))"""

    @staticmethod
    def common(row):
        calls, answered, missed, target, customers, waited, talked, talks, worth = [value or 0 for value in row]
        return [count(calls), count(answered), count(missed), share(missed, calls), count(target), count(customers),
                share(customers, calls), mean(waited, answered), mean(talked, talks), {"money": worth}]

    NONE = (0,) * 9

    def tallied(self, expression):
        """Common figures by what an expression says, of both periods."""
        now, before = (
            {row[0]: row[1:] for row in rows}
            for rows in self.both(f"{expression}, {self.TALLY}", group="GROUP BY 1")
        )
        return now, before

    def total(self):
        now, before = self.both(self.TALLY)
        return self.common(now[0]), self.common(before[0])

    def buckets(self, grain, since, until):
        first = self.clocks.bucket(grain, since)
        keys = []
        while self.clocks.begins(first) < until:
            # A day that the zone left out has no moment of its own.
            if self.clocks.begins(first) < self.clocks.begins(following(grain, first)):
                keys.append(first)
            first = following(grain, first)
        return keys

    @staticmethod
    def most_first(lines):
        return sorted(lines, key=lambda line: (-line[1][0]["count"], line[0]))

    def sources(self, usual="source"):
        now, before = self.tallied(CAUSES[self.by or usual])
        return self.most_first(
            (key or "", self.common(now.get(key, self.NONE)), self.common(before.get(key, self.NONE)))
            for key in {*now, *before}
        ), self.total()

    def rules(self):
        return self.sources("rule")

    def days(self):
        grain = self.by or "day"
        now, before = self.tallied(f"{grain}_of(started)")
        keys = self.buckets(grain, self.since, self.until)
        was = self.buckets(grain, self.before, self.since)
        lines = []
        for place, key in enumerate(keys):
            then = was[place].isoformat() if place < len(was) else None
            word = key.isoformat()[:7] if grain == "month" else key.isoformat()
            lines.append((word, self.common(now.get(key.isoformat(), self.NONE)), self.common(before.get(then, self.NONE))))
        return lines, self.total()

    def hours(self):
        now, before = self.tallied("hour_of(started)")
        keys = [f"{day}-{hour:02}" for day in range(1, 8) for hour in range(24)]
        return [(key, self.common(now.get(key, self.NONE)), self.common(before.get(key, self.NONE))) for key in keys], self.total()

    def repeat(self):
        now, before = self.tallied("iif(prior > 0, 'repeat', iif(hidden, 'unknown', 'first'))")
        return [(key, self.common(now.get(key, self.NONE)), self.common(before.get(key, self.NONE)))
                for key in ("first", "repeat", "unknown")], self.total()

    def reasons(self):
        now, before = self.tallied("ifnull(reason, 'in-progress')")

        def figures(row, rows):
            whole = sum(one[0] for one in rows)
            every = self.common(row)
            return [every[0], share(row[0] or 0, whole), every[1], every[2], every[7], every[8]]

        add = lambda rows: tuple(sum(column) for column in zip(*rows)) if rows else self.NONE
        lines = [(key, figures(now.get(key, self.NONE), now.values()), figures(before.get(key, self.NONE), before.values()))
                 for key in {*now, *before}]
        total = tuple(figures(add(list(rows.values())), rows.values()) for rows in (now, before))
        return self.most_first(lines), total

    def managers(self):
        everyone = {}
        what = "o.manager, calls.manager, answered, missed, wait, talk, reason, target, customer, ifnull(cents, 0)"
        for period, rows in enumerate(self.both(what)):
            for name, who, answered, missed, wait, talk, reason, target, customer, worth in rows:
                work = everyone.setdefault(name, [self.work(), self.work()])[period]
                own = who == name
                work["offered"] += 1
                work["missed"] += missed
                work["others"] += answered and not own
                if own:
                    work["waits"].append(wait)
                    if reason is not None and answered:
                        work["talks"].append(talk)
                    work["target"] += target == 1
                    work["customers"] += customer
                    work["worth"] += worth
        lines = []
        for name, periods in everyone.items():
            lines.append((name, *(self.worked(work) for work in periods)))
        return self.most_first(lines), None

    @staticmethod
    def work():
        return {"offered": 0, "missed": 0, "others": 0, "waits": [], "talks": [], "target": 0, "customers": 0, "worth": 0}

    @staticmethod
    def worked(work):
        own = len(work["waits"])
        return [count(work["offered"]), count(own), share(own, work["offered"]), count(work["missed"]), count(work["others"]),
                mean(sum(work["waits"]), own), percentile(work["waits"], 90), mean(sum(work["talks"]), len(work["talks"])),
                count(work["target"]), count(work["customers"]), share(work["customers"], own), {"money": work["worth"]}]

    def goals(self):
        keys = self.buckets("week", self.since, self.until)
        lead = keys[0] - timedelta(days=7)
        first = dict(self.ask("goal, count(*)", self.clocks.begins(lead), self.clocks.begins(keys[0]), "goal IS NOT NULL", "GROUP BY 1"))
        weeks = {}
        for week, goal, calls in self.ask("week_of(started), goal, count(*)", self.since, self.until, "goal IS NOT NULL", "GROUP BY 1, 2"):
            weeks.setdefault(week, {})[goal] = calls
        seen = {*first, *(goal for week in weeks.values() for goal in week)}
        goals = self.words("goals")
        goals += sorted(seen - set(goals))
        lines, last = [], first
        for key in keys:
            now = weeks.get(key.isoformat(), {})
            for goal in goals:
                part, whole, was = now.get(goal, 0), sum(now.values()), sum(last.values())
                shift = {"number": (part / whole - last.get(goal, 0) / was) * 100} if whole and was else "nothing"
                lines.append((f"{key} {goal}", [count(part), share(part, whole), shift], []))
            last = now
        return lines, None

    def words(self, kind):
        asked = [value for name, value in self.given["calls"] if name == "project"]
        words = []
        for project in self.config["project"]:
            if not asked or project["id"] in asked:
                words += [word for word in project[kind] if word not in words]
        return words if self.config["project"] else list(USUAL[kind])

    def missed(self):
        grain = self.by if self.by in ("day", "week", "month") else None
        expression = f"{grain}_of(started)" if grain else CAUSES[self.by or "source"]
        parts = []
        for rows in self.both(f"{expression}, back, NOT back AND NOT erased, back_s", more="missed"):
            lines = {}
            for key, back, is_open, after in rows:
                for line in (lines.setdefault(key, [0, 0, 0, []]), lines.setdefault(self, [0, 0, 0, []])):
                    line[0] += 1
                    line[1] += back
                    line[2] += is_open
                    line[3] += [after] if after is not None else []
            parts.append(lines)
        now, before = parts

        def figures(line):
            calls, back, is_open, after = line or [0, 0, 0, []]
            return [count(calls), share(back, calls), count(is_open), percentile(after, 50, 1000), percentile(after, 90, 1000)]

        total = (figures(now.pop(self, None)), figures(before.pop(self, None)))
        if not grain:
            return self.most_first((key or "", figures(now.get(key)), figures(before.get(key))) for key in {*now, *before}), total
        was = self.buckets(grain, self.before, self.since)
        lines = []
        for place, key in enumerate(self.buckets(grain, self.since, self.until)):
            then = was[place].isoformat() if place < len(was) else None
            word = key.isoformat()[:7] if grain == "month" else key.isoformat()
            lines.append((word, figures(now.get(key.isoformat())), figures(before.get(then))))
        return lines, total

    def funnel(self):
        now, before = (dict(rows) for rows in self.both("stage, count(*)", group="GROUP BY 1"))
        stages = self.words("stages")
        stages = sorted({*now, *before} - set(stages) - {None}) + stages

        def figures(part, place):
            calls = sum(part.values())
            reached = lambda place: sum(part.get(stage, 0) for stage in stages[place:]) if place >= 0 else calls
            here = part.get(stages[place] if place >= 0 else None, 0)
            return [count(reached(place)), share(reached(place), calls), share(reached(place), reached(place - 1) if place > 0 else calls), count(here)]

        places = range(-1, len(stages))
        return [("calls" if place < 0 else stages[place], figures(now, place), figures(before, place)) for place in places], None

    def lines(self):
        keys, was = self.buckets("day", self.since, self.until), self.buckets("day", self.before, self.since)
        edges = [max(self.before, self.clocks.begins(day)) for day in was]
        edges += [max(self.since, self.clocks.begins(day)) for day in keys] + [self.until]
        days = [{"calls": 0, "most": 0, "times": {}, "hours": {}} for _ in edges[1:]]
        calls = self.ask("started, wait, talk, reason, answered", self.before - DAY_MS, self.until)
        changes = []
        for started, wait, talk, reason, answered in calls:
            ends = started + wait + (talk if answered else 0) if reason is not None else self.until
            if started >= self.before:
                days[bisect.bisect_right(edges, started) - 1]["calls"] += 1
            begins = max(started, self.before)
            if ends > begins:
                # What ends and begins at one moment: first the one, then the other.
                changes += [(begins, 1), (ends, -1)]
        at, busy = self.before, 0

        def spend(until):
            nonlocal at
            until = min(until, self.until)
            while at < until:
                place = bisect.bisect_right(edges, at) - 1
                hour = (at - edges[place]) // 3_600_000
                step = min(until, edges[place + 1], edges[place] + (hour + 1) * 3_600_000)
                day = days[place]
                day["most"] = max(day["most"], busy)
                day["times"][busy] = day["times"].get(busy, 0) + step - at
                day["hours"][hour] = day["hours"].get(hour, 0) + (step - at) * busy
                at = step

        for when, more in sorted(changes):
            spend(when)
            busy += more
        spend(self.until)

        def figures(some):
            times, most, load = {}, 0, 0
            for day in some:
                most = max(most, day["most"])
                load = max(load, max(day["hours"].values(), default=0))
                for level, time in day["times"].items():
                    times[level] = times.get(level, 0) + time
            whole, within, p95 = sum(times.values()), 0, "nothing"
            for level in sorted(times):
                within += times[level]
                if within * 100 >= whole * 95:
                    p95 = count(level)
                    break
            load /= 3_600_000
            return [count(sum(day["calls"] for day in some)), count(most), p95, {"number": load}, count(lines_for(load))]

        then, now = days[: len(was)], days[len(was) :]
        lines = []
        for place, key in enumerate(keys):
            lines.append((key.isoformat(), figures([now[place]]), figures([then[place]]) if place < len(then) else []))
        return lines, (figures(now), figures(then))

    def money(self):
        by = CAUSES[self.by or "source"]
        profits = {project["id"]: project.get("deal_profit") for project in self.config["project"]
                   if self.is_mine(project["id"])}
        profits = {name: profit and profit * 100 for name, profit in profits.items()}
        known = None not in profits.values()
        fresh = lambda: {"advertising": 0, "other": 0, "calls": 0, "target": 0, "customers": 0, "worth": 0,
                         "leads": set(), "gain": 0 if known else None}
        lines, total = {}, [fresh(), fresh()]
        what = f"{by}, project, source, campaign, channel, started, target, customer, ifnull(cents, 0), caller, id"
        theirs = self.ask(what, self.before, self.until, group="ORDER BY id")
        everything = self.where, self.values
        self.where = f"project IN ({', '.join('?' * len(self.projects))})" if self.projects else "1"
        self.values = self.projects
        others = self.ask(what, self.before, self.until, group="ORDER BY id")
        self.where, self.values = everything
        for name, project, *_, started, target, customer, worth, caller, call in theirs:
            period = int(started < self.since)
            for line in (lines.setdefault(name, [fresh(), fresh()])[period], total[period]):
                line["calls"] += 1
                line["target"] += target == 1
                line["customers"] += customer
                line["worth"] += worth
                if target == 1 or customer:
                    # Who hides, or is gone, is nobody that is known from another call.
                    line["leads"].add(caller or call)
                if customer:
                    profit = profits.get(project)
                    line["gain"] = None if None in (line["gain"], profit) else line["gain"] + profit
        for name, *_ in others:
            lines.setdefault(name, [fresh(), fresh()])
        caused = lambda rows: collections.Counter((*row[:5], int(row[5] < self.since)) for row in rows)
        theirs, others = caused(theirs), caused(others)
        # What is for more than a line is carried by all calls that it is for; what is left over goes to the lines in the
        # order in which their calls came.
        purposes = {}
        for amount in self.amounts:
            own = next((one for one in self.config["project"] if one["id"] == amount["project"]), None)
            if self.is_mine(amount["project"]) and (not own or own.get("currency", "RUB") == amount["currency"]):
                purpose = amount["for"] if isinstance(amount["for"], str) else tuple(*amount["for"].items())
                sums = purposes.setdefault((amount["project"], purpose), [[0, 0], [0, 0]])
                clocks = Clocks(own["time_zone"]) if own and "time_zone" in own else self.clocks
                kind = 0 if amount["cost"] == "advertising" else 1
                for period, (since, until) in enumerate(((self.since, self.until), (self.before, self.since))):
                    sums[period][kind] += spent_between(amount, clocks, since, until)
        for (project, purpose), sums in purposes.items():
            place = None if purpose == "project" else {"source": 2, "campaign": 3, "channel": 4}[purpose[0]]
            bears = lambda cause: cause[1] == project and (place is None or cause[place] == purpose[1])
            for period, spent in enumerate(sums):
                if spent == [0, 0]:
                    continue
                weights = dict.fromkeys(lines, 0)
                for cause, calls in theirs.items():
                    if cause[5] == period and bears(cause):
                        weights[cause[0]] += calls
                whole = sum(calls for cause, calls in others.items() if cause[5] == period and bears(cause))
                if whole:
                    given, so_far = [0, 0], 0
                    for name, weight in weights.items():
                        so_far += weight
                        for kind, cost in enumerate(("advertising", "other")):
                            due = spent[kind] * so_far // whole
                            lines[name][period][cost] += due - given[kind]
                            given[kind] = due
                elif self.shows(purpose):
                    line = lines.setdefault(self.line_of(purpose, by), [fresh(), fresh()])[period]
                    line["advertising"] += spent[0]
                    line["other"] += spent[1]
        for period, whole in enumerate(total):
            for cost in ("advertising", "other"):
                whole[cost] = sum(line[period][cost] for line in lines.values())
        best = max(filter(None, profits.values()), default=0)
        shown = []
        for name, periods in lines.items():
            if any(one["calls"] or one["advertising"] + one["other"] for one in periods):
                now = periods[0]
                spent = now["advertising"] + now["other"]
                cost = each(spent, now["customers"])
                rank = (0, 0, cost["money"]) if cost != "nothing" else (1, 0, -spent) if spent > 0 else (2, -now["calls"], 0)
                shown.append((rank, name or "", *(self.earned(one, best) for one in periods)))
        shown.sort(key=lambda line: (line[0], line[1].encode()))
        return [line[1:] for line in shown], tuple(self.earned(one, best) for one in total)

    def is_mine(self, project):
        return not self.projects or project in self.projects

    def line_of(self, purpose, by):
        """The line of an amount for which nobody called: what it names, or what the configuration says of that."""
        kind, name = (None, None) if purpose == "project" else purpose
        if kind == by:
            return name
        sources = self.config.get("source", [])
        if kind == "source":
            return next((source.get(by) for source in sources if source["tag"] == name), None)
        if (kind, by) == ("campaign", "channel"):
            channels = {source.get("channel") for source in sources if source.get("campaign") == name}
            return channels.pop() if len(channels) == 1 else None
        return None

    def shows(self, purpose):
        """Whether an amount for which nobody called is in the report: its conditions ask for what the amount names alone."""
        conditions = [(name, value) for name, value in self.given["calls"] if name not in ("project", "since", "until")]
        return all(name in ("source", "campaign", "channel", "category") and self.line_of(purpose, name) == value
                   for name, value in conditions)

    @staticmethod
    def earned(line, best):
        spent = line["advertising"] + line["other"]
        calls, customers, gain = line["calls"], line["customers"], line["gain"]
        ratio = lambda part, whole: {"number": part / whole} if part is not None and whole > 0 else "nothing"
        profit = None if gain is None else gain - spent
        verdict = "untold"
        if gain is not None and spent > 0:
            says = lambda gain: "pays" if gain > spent else "does-not-pay"
            if customers >= 10:
                verdict = says(gain)
            elif calls:
                rate = share(customers, calls)["share"]
                deal = gain / customers if customers else best
                ends = {says(rate[end] * calls * deal) for end in ("low", "high")}
                verdict = ends.pop() if len(ends) == 1 else "untold"
        leads = len(line["leads"])
        return [{"money": line["advertising"]}, {"money": line["other"]}, {"money": spent}, count(calls), each(spent, calls),
                count(line["target"]), each(spent, line["target"]), count(leads), each(spent, leads), count(customers),
                each(spent, customers), share(customers, calls), {"money": line["worth"]}, ratio(line["worth"], line["advertising"]),
                "nothing" if profit is None else {"money": profit}, ratio(profit, spent), {"verdict": verdict}]

    def answer_time(self):
        steps = [0, 5, 10, 15, 20, 30, 45, 60, 90, 120]
        parts = []
        for rows in self.both("wait, answered", more="(answered OR missed)"):
            bins = [[0, 0] for _ in steps]
            for wait, answered in rows:
                bins[bisect.bisect_right(steps, wait / 1000) - 1][0 if answered else 1] += 1
            parts.append((bins, [wait for wait, answered in rows if answered]))

        def figures(bins, waits, place):
            answered, missed = (sum(one[kind] for one in bins) for kind in (0, 1))
            a, m = bins[place] if place is not None else (answered, missed)
            ranks = [percentile(waits, percent) if place is None else "nothing" for percent in (50, 90, 95, 99)]
            return [count(a), share(a, answered), count(m), share(m, missed), *ranks]

        keys = [f"{step}-{steps[place + 1] if place + 1 < len(steps) else ''}" for place, step in enumerate(steps)]
        lines = [(key, *(figures(*part, place) for part in parts)) for place, key in enumerate(keys)]
        return lines, tuple(figures(*part, None) for part in parts)

    # ---- What ringtag says -----------------------------------------------------------------------------------------

    def differences(self):
        lines, total = getattr(self, self.name.replace("-", "_"))()
        found = []
        given = self.given["lines"]
        keys, theirs = [line[0] for line in lines], [line["key"] for line in given]
        if keys != theirs:
            found.append(f"lines: here {keys[:20]}, there {theirs[:20]}")
        for (key, now, before), line in zip(lines, given):
            found += self.held(f"{key}", now, line["cells"])
            found += self.held(f"{key}, before", before, line["before"])
        if (total is None) != (self.given["total"] is None):
            found.append("one has a total, the other has none")
        elif total:
            found += self.held("total", total[0], self.given["total"]["cells"])
            found += self.held("total, before", total[1], self.given["total"]["before"])
        return found, sum(len(line[1]) + len(line[2]) for line in lines)

    def held(self, where, here, there):
        if len(here) != len(there):
            return [f"{where}: {len(here)} figures here, {len(there)} there"]
        columns = [column["key"] for column in self.given["columns"]]
        return [f"{where}, {column}: here {a}, there {b}" for column, a, b in zip(columns, here, there) if not same(a, b)]


def same(here, there):
    if isinstance(here, dict) and isinstance(there, dict):
        return here.keys() == there.keys() and all(same(here[key], there[key]) for key in here)
    if isinstance(here, float) and isinstance(there, (int, float)):
        return math.isclose(here, there, rel_tol=1e-9, abs_tol=1e-9)
    return here == there


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True)
    parser.add_argument("--config")
    parser.add_argument("--server")
    parser.add_argument("--ask", action="append", default=[])
    parser.add_argument("reports", nargs="*", metavar="REPORT[:BY]=FILE")
    asked = parser.parse_args()
    config = {}
    if asked.config:
        with open(asked.config, "rb") as file:
            config = tomllib.load(file)
    config.setdefault("project", [])
    for project in config["project"]:
        for kind, usual in USUAL.items():
            project.setdefault(kind, usual)
        project.setdefault("sales", project["outcomes"][:1])
    base, amounts = read_log(asked.log, config)
    [(calls,)] = base.execute("SELECT count(*) FROM calls")
    print(f"{calls} calls in {asked.log}", flush=True)
    differ = 0
    for name, by, given in given_reports(asked):
        found, figures = Report(base, amounts, config, name, by, given).differences()
        cut = f" by {by}" if by else ""
        print(f"{name}{cut}: {figures} figures, {len(found)} differ", flush=True)
        for one in found[:10]:
            print(f"    {one}")
        differ += len(found)
    return 1 if differ else 0


def given_reports(asked):
    for report in asked.reports:
        name, file = report.split("=", 1)
        name, _, by = name.partition(":")
        with open(file, encoding="utf-8") as text:
            yield name, by or None, json.load(text)
    for ask in asked.ask:
        with urllib.request.urlopen(f"{asked.server}/api/v1/reports/{ask}") as answer:
            given = json.load(answer)
        query = dict(pair.split("=", 1) for pair in ask.partition("?")[2].split("&") if pair)
        yield given["name"], query.get("by"), given


if __name__ == "__main__":
    sys.exit(main())
