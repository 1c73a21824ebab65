# Around every page

skip = Skip to the content
nav = Main
nav-calls = Calls
nav-missed = Missed
nav-board = Board
nav-sessions = Sessions
who-machine = This machine
menu-look = Language and theme
menu-language = Language
menu-theme = Theme
menu-api = API for programs
theme-auto = As the system
theme-light = Light
theme-dark = Dark
role-admin = Administrator
role-manager = Manager
role-listener = Listener
role-analyst = Analyst
role-monitor = Monitoring
sign-out = Sign out
close = Close
keys-open = Keys
keys-title = Keys
key-help = Show these keys
key-go = Go to the dashboard, calls, missed calls, the board
key-rows = To the next call and the one before
key-open = Open the call
key-search = Search
key-news = Show new calls
key-pick = Select the call
key-tag = Say what the selected calls were
key-called-back = The caller was called back
key-none = Select nothing

# Signing in

login-title = Sign in
login-name = Name
login-password = Password
login-enter = Sign in
login-help = Forgotten your password? Whoever administers ringtag can give you a new one.
login-wrong = Name or password is wrong.
login-slow = Too many tries. Wait a minute and try again.
login-busy = Too many people are signing in. Try again in a moment.
login-ended = Your session has ended. Sign in again.

# Who is signed in

sessions-title = Sessions
exports = Tables taken away
exports-help = Every table of calls that was downloaded, the newest first.
exports-none = Nobody has taken a table of calls away yet.
exports-when = When
exports-calls = Calls
exports-which = Which
exports-all = All calls
exports-hidden = a text
filter-limit = At most
filter-cursor = Continued from
sessions-help = Everybody who is signed in now. To end a session is to sign that browser out.
sessions-who = Who
sessions-from = From
sessions-began = Since
sessions-seen = Last seen
sessions-own = This session
sessions-end = End

# What went wrong

fault-home = To the calls
fault-400 = This cannot be understood
fault-401 = Sign in first
fault-403 = This is not yours to see
fault-404 = There is nothing here
fault-405 = This cannot be done here
fault-429 = Too many requests
fault-500 = Something went wrong
fault-503 = ringtag is stopping
fault-advice-400 = Check the address, or begin at the calls.
fault-advice-401 = Then you will be brought back here.
fault-advice-403 = Your role does not allow it. Whoever administers ringtag can change that.
fault-advice-404 = The address may be mistyped, or the call belongs to a project that is not yours.
fault-advice-405 = Go back and try another way.
fault-advice-429 = Wait a moment and try again.
fault-advice-500 = Try again. If it stays so, the server's log says why.
fault-advice-503 = Try again in a minute.

# The list of calls

title-calls = Calls
title-missed = Missed calls
title-callback = Not called back yet
live-on = Live
live-off = No connection: new calls are not shown
export = As a table (CSV)
filter = Filter
filter-q = Search
filter-q-hint = Number, source, note…
filter-show = Show
filter-more = More conditions
filter-caller = Caller
filter-since = From day
filter-until = To day
filter-callback-open = Not called back yet
filter-in-force = Conditions in force
filter-without = Remove: { $a }
filter-clear = Show all
filter-status = Status
filter-project = Project
filter-source = Source
filter-category = Category
filter-channel = Channel
filter-campaign = Campaign
filter-manager = Answered by
filter-tag = Tag
filter-goal = Goal
filter-stage = Stage
filter-outcome = Outcome
filter-target = Target call
filter-repeat = Caller is
filter-any = Any
filter-chip = { $a }: { $b }
filter-mistake = Not understood and left out: { $a }
repeat-false = New
repeat-true = Returning
target-true = Target
target-false = Not a target
period-all = All
period-today = Today
period-yesterday = Yesterday
period-week = 7 days
period-month = 30 days
status-answered = Answered
status-missed = Missed
status-in-progress = Going on
column-pick = Select
column-when = Time
column-caller = Caller
column-state = Call
column-manager = Answered by
column-source = Source
column-said = What it was
column-sound = Recording
pick = Select the call from { $a } at { $b }
calls-none = No calls yet. The first one appears here as soon as it rings.
calls-none-such = No calls like that.
calls-new = { $n ->
    [one] { $shown } new call
   *[other] { $shown } new calls
}
pages = Pages
pages-newest = Newest
pages-older = Older calls
calls-total = { $n ->
    [one] { $shown } call
   *[other] { $shown } calls
}
bulk = Selected calls
bulk-picked = { $n ->
    [one] { $shown } call selected
   *[other] { $shown } calls selected
}
bulk-save = Save
bulk-none = Select nothing
bulk-done = { $n ->
    [one] { $shown } call changed
   *[other] { $shown } calls changed
}
left-title = Not all calls were changed
left-calls = Left as they are
left-call = A call
left-back = Back to the calls
left-some = Left as they are, and still selected:
left-changed = { $a } has changed it meanwhile; look at it and save again
left-unknown-call = it is not there any more
left-not-missed = it was not missed
left-not-in-list = its project has no such word
left-erased = the person who called was erased
left-full = as much has been said of it as it takes
left-busy = too much is being said at once; try again in a moment
left-internal = the call log could not be written
left-stopping = ringtag is shutting down
say-tag = Add a tag
say-keep = As it is

# A call

standing-ringing = Ringing
standing-talking = Talking
standing-answered = Answered
standing-missed = Missed
standing-refused = Refused
caller-anonymous = Number withheld
caller-erased = Erased
visit-first = First call
visit-nth = Call no. { $a }
waited = Waited { $a }
called-back = Called back
called-back-of = { $a } was called back
callback-open = Not called back for { $a }
callback-done = Called back by { $a }
callback-caller = The caller got through later
listen-to = Listen to the call from { $a }
goal-price = Price
goal-problem = Problem
goal-order = Order
goal-delivery = Delivery
goal-advice = Advice

# Why a call ended

why-completed = Talk ended
why-caller-gave-up = Caller hung up before an answer
why-busy = Everybody was busy
why-no-answer = It rang, nobody answered
why-rejected = A rule refused it
why-unreachable = Nobody could be reached
why-no-rule = No rule was for it
why-codec-mismatch = The telephones had no codec in common
why-overload = Too many calls at once
why-media-lost = No sound from either side any more
why-signalling-lost = A telephone vanished
why-shutdown = ringtag was stopped
why-hung-up-by-operator = Ended by an administrator
why-crashed = ringtag was interrupted
why-bad-request = The carrier's request could not be served
why-session-expired = A telephone said nothing any more
why-srtp-mismatch = The sound could not be encrypted as a trunk requires
why-transferred = Sent on: its caller talks in another call
why-too-many-numbers = The caller dialled too many numbers

# Time

day-today = Today
day-yesterday = Yesterday
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
weekday-brief-1 = Mo
weekday-brief-2 = Tu
weekday-brief-3 = We
weekday-brief-4 = Th
weekday-brief-5 = Fr
weekday-brief-6 = Sa
weekday-brief-7 = Su
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
span-seconds = { $shown } s
span-minutes = { $shown } min
span-hours = { $shown } h
span-days = { $n ->
    [one] { $shown } day
   *[other] { $shown } days
}

# The player

player = Recording
player-play = Play
player-pause = Pause
player-position = { $a } of { $b }
player-slider = Moment of the recording
player-back = 10 seconds back
player-forth = 10 seconds forward
player-heard = Who is heard
player-caller = Caller
player-both = Both
player-callee = Manager
player-speed = Speed
player-skip = Skip silence
player-link = Copy link to this moment
player-copied = Link to { $a } copied
player-kept = The address bar now leads to { $a }
player-grows = Call is going on, recording grows
player-none = There is no recording yet
player-fault = The recording cannot be played. Reload the page.
pins = Notes on moments
pin-add = Note here
pin-label = Note at
pin-seen = Everyone who may hear this call sees it.
pin-save = Save
pin-cancel = Cancel
pin-remove = Remove
pin-remove-of = Remove the note at { $a }
pin-noted = Note at { $a } saved
pin-refused = That was not saved. Reload the page and try again.
gaps = Missing in this recording
recording-paused = Paused { $a }: { $b }
paused-by-keys = by the telephone's keys
paused-by-hold = on hold
one-way-caller = Nothing was heard from the caller
one-way-callee = Nothing was heard from who answered
recording-part = Part { $a } ({ $b })
gap-codec = codec { $a } cannot be recorded
gap-encrypted = the sound was encrypted
gap-unexplained = sound of an unknown kind
gap-behind = the disk was too slow
gap-nothing = nothing was sent
gap-full = the disk was full
gap-other = the disk failed ({ $a })
key-space = Space
key-play = Play or pause
key-step = 10 seconds back or forward
key-nudge = 5 seconds back or forward
key-speed = Slower or faster
key-skip = Skip silence
key-pin = Note at this moment

# A call's page

path = What happened
path-began = { $a } calls { $b }
path-rule = Rule: { $a }
path-rings = It rings
path-answered = Answered by { $a }
path-tried = { $a }: { $b }
path-sent-on = { $a } sends the caller on to { $b }
path-after = after { $a }
path-rang = rang for { $a }
path-goes-on = Still going on
path-by-caller = The caller hung up
path-by-callee = Who answered hung up
path-by-system = ringtag ended the call
tried-answered = answered
tried-busy = busy
tried-no-answer = did not answer
tried-rejected = refused the call
tried-unreachable = could not be reached
tried-codec-mismatch = no codec in common
tried-answered-elsewhere = another one was quicker
tried-cancelled = the caller hung up
tried-no-capacity = no line was free
tried-redirected = sent the call elsewhere
tried-not-allowed = the trunk may not dial there
tried-srtp-mismatch = no encryption as the trunk requires
tried-loop = the call would have come back
tried-trunk = on { $a }
facts = About the call
fact-number = Number dialled
fact-channel = Channel
fact-campaign = Campaign
fact-rule = Rule
fact-waited = Waited
fact-talked = Talked
fact-sip = SIP status
fact-q850 = Cause (Q.850)
fact-caller-from = Caller known from
fact-id = Call id
fact-recording = Recording
fact-sound = Sound, estimated
sound-of = { $a }: { $b }
sound-good = good ({ $a } of 4.5)
sound-fair = fair ({ $a } of 4.5)
sound-poor = poor ({ $a } of 4.5)
recording-complete = Complete
recording-partial = Something is missing
recording-truncated = Cut off
recording-repaired = Repaired after an interruption
earlier = Earlier calls
earlier-none = There were none.
earlier-all = All calls of this caller
history = Changes, plays and exports
history-none = Nobody has changed, played or exported anything yet.
history-change = { $a }: { $b }
history-to = { $a } → { $b }
history-removed = { $a } removed
history-played = Played the recording
history-downloaded = Took the recording as a file
history-exported = { $n ->
    [one] Taken away as a table of { $shown } call
   *[other] Taken away in a table of { $shown } calls
}
history-perhaps-exported = { $n ->
    [one] Perhaps taken away as a table of { $shown } call
   *[other] Perhaps taken away in a table of { $shown } calls
}
history-flag-yes = yes
history-flag-no = no
field-tags = Tags
field-target = Target call
field-goal = Goal
field-stage = Stage
field-outcome = Outcome
field-value = Worth
field-note = Note
field-called_back = Called back
field-pinned = Note at a moment
by-machine = This machine
legs = Legs, for operators
leg-role = Side
leg-trunk = Trunk
leg-uri = Address
leg-call-id = Call-ID
leg-codec = Codec
leg-packets = Packets in / out
leg-lost = Lost, jitter: from it
leg-lost-there = Lost, jitter: to it
leg-way = There and back
leg-mos = Sound (MOS, estimate)
leg-ms = { $a } ms
leg-digits = Digits
leg-caller = Caller
leg-callee = Callee
leg-transfer = Transfer
hang-up = Hang up
hang-up-ask = End this call for both sides?
hang-up-failed = The call was not ended:
ladder-none = The messages of this call are not kept.
ladder-more = Messages in the middle that are not kept: { $a }
ladder = SIP messages
say = What it was
say-tags = Tags
say-none = Not said
say-value = Worth, { $a }
say-note = Note
say-saved = Saved
say-unsaved = Not saved yet
say-failed = Not saved:
say-changed = Somebody else changed this call meanwhile:
say-theirs = Take their changes
say-mine = Save mine over them
say-conflict = Not saved: somebody else changed this call meanwhile. Look at it again and repeat your change.
say-nothing = Nobody has said anything of this call yet.
key-goal = Choose the goal
key-target = Target call, not a target
key-add-tag = Add a tag
key-fields = Stage, outcome, worth, note
key-save = Save
stage-new = New
stage-in-talks = In talks
stage-offer = Offer
stage-closed = Closed
outcome-sold = Sold
outcome-appointment = Appointment
outcome-call-back = To call back
outcome-refused = Refused
outcome-wrong-number = Wrong number

# The board

board-ringing = Ringing
board-talking = Talking
board-missed = Missed today
board-open = { $shown } not called back
board-answered = Answered today
board-lines = Lines in use
board-quiet = All is quiet.
board-others = and { $shown } more
board-cut = No connection since { $a }
board-draining = ringtag is stopping: new calls are refused
rest-always = { $a }: tracking is off. Calls go through, unrecorded and unreported.
rest-season = { $a }: off season until { $b }. Calls go through, unrecorded and unreported.
rest-seasons = { $a }: off season { $b }.
rest-calls = { $n ->
    [0] No call went through meanwhile.
    [one] { $shown } call went through untracked and is in no figure.
   *[other] { $shown } calls went through untracked and are in no figure.
  }
key-full = Fill the screen

# Reports

nav-reports = Reports
report-more = Period by days, and conditions
report-by = Lines are
report-drawn = Chart shows
report-beside = beside { $a }
report-none = No calls in this period. Choose a longer one, or wait for the first call.
report-none-such = No calls like that in this period. Take a condition away, or choose a longer period.
report-how = How the figures are worked out
report-chart-more = { $n ->
    [one] The chart leaves out { $shown } line; the table has it.
   *[other] The chart leaves out { $shown } lines; the table has them.
}
report-rows-more = { $n ->
    [one] { $shown } more line is in the table for download.
   *[other] { $shown } more lines are in the table for download.
}
report-sources = Sources
report-asks-sources = Which advertisement brings calls and customers?
report-days = Day by day
report-asks-days = Are there more calls than before, and are they answered?
cut-source = Source
cut-campaign = Campaign
cut-channel = Channel
cut-category = Category
cut-number = Number
cut-day = Day
cut-week = Week
cut-month = Month
chart-title = { $a } · { $b }
chart-about = { $a }, beside { $b }. Every figure stands in the table below.
legend-now = this period
legend-before = the period before
legend-range = where the true share lies
line-none = not said
line-total = All together
line-week = Week of { $a }
share-of = { $a } of { $b }
share-few = { $a }: { $b }
figure-few = { $n ->
    [one] of { $shown } call
   *[other] of { $shown } calls
}
figure-minutes = { $a } min
change-was = was { $a }
change-same = as before
change-points = { $a } points
figure-calls = Calls
figure-answered = Answered
figure-missed = Missed
figure-missed_share = Share missed
figure-target = Target
figure-customers = Customers
figure-conversion = Conversion
figure-wait = Wait
figure-talk = Talk
figure-revenue = Revenue
formula-calls = All calls that began in the period, those in progress included; calls of the off-season are not counted.
formula-answered = Calls that somebody answered.
formula-missed = Calls that ended without an answer, except those that a rule refused.
formula-missed_share = Missed / calls. From few calls: how many of how many, and the range in which the true share lies in 95 of 100 cases (Wilson).
formula-target = Calls that somebody marked as one of those that the advertising is for.
formula-customers = Calls whose outcome is a sale.
formula-conversion = Customers / calls. From few calls: how many of how many, and the range in which the true share lies in 95 of 100 cases (Wilson).
formula-wait = Mean time from the beginning of a call to the answer, of answered calls.
formula-talk = Mean time from the answer to the end, of answered calls that are over.
formula-revenue = Sum of what people say the calls were worth.
filter-number = Number
filter-rule = Rule
filter-offered = Offered to
filter-not_manager = Not answered by
filter-reason = Ended because
filter-ended = Over
filter-valued = Worth said
filter-customer = Customers
filter-lead = Leads
filter-lacks = Without
filter-hour = Hour
filter-weekday = Weekday
filter-min_wait_ms = Waited at least
filter-max_wait_ms = Waited at most
filter-callback-done = Called back
filter-callback-spoken = Called again and got through
ended-true = yes
ended-false = still going on
valued-true = yes
valued-false = no
period-quarter = 90 days
period-this-month = This month
period-last-month = Last month
whole-month-1 = January
whole-month-2 = February
whole-month-3 = March
whole-month-4 = April
whole-month-5 = May
whole-month-6 = June
whole-month-7 = July
whole-month-8 = August
whole-month-9 = September
whole-month-10 = October
whole-month-11 = November
whole-month-12 = December
verdict-pays = pays
verdict-does-not-pay = does not pay
verdict-untold = too early to tell
report-managers = Managers
report-asks-managers = Who answers, how fast, and how does it end?
managers-answer = Who answers
managers-sell = What came of it
report-hours = Hours and weekdays
report-asks-hours = When do people call, and when does nobody answer?
report-repeat = First and repeated calls
report-asks-repeat = Are these new people, or those who know us?
report-reasons = Why calls ended
report-asks-reasons = What keeps calls from becoming talks?
report-goals = Goals week by week
report-asks-goals = What do callers want, and how does that shift?
report-missed = Missed calls
report-asks-missed = Who got no answer, and how fast were they called back?
report-funnel = Funnel
report-asks-funnel = How far do callers get, and where do we lose them?
report-lines = Busy lines
report-asks-lines = How many lines are needed?
report-answer-time = Time to answer
report-asks-answer-time = How long do callers wait before somebody answers?
cut-managers = Manager
cut-hours = Weekday
cut-repeat = Caller
cut-reasons = Reason
cut-goals = Goal and week
cut-funnel = Stage
cut-lines = Day
cut-answer-time = Wait
report-rules = Rules
report-asks-rules = Which rule decides how many calls, and what becomes of them?
cut-rule = Rule
line-first = First call
line-repeat = Called before
line-unknown = Number withheld
line-waited = { $a }–{ $b } s
line-waited-more = { $a } s and more
taken-own = this manager answered
taken-other = somebody else answered
filter-taken = Who answered
filter-stages = Stage
filter-first_stage = At the first stage
figure-offered = Offered
figure-answered_share = Share answered
figure-others = Others answered
figure-wait_median = Wait, median
figure-wait_p90 = Wait, 90 %
figure-wait_p95 = Wait, 95 %
figure-wait_p99 = Wait, 99 %
figure-share = Share
figure-shift = Shift, points
figure-reached = Reached
figure-step = Of the stage above
figure-here = Still there
figure-most = Most at once
figure-p95 = 95 % of the time
figure-load = Busiest hour, erlang
figure-needed = Lines needed
figure-called_back = Called back
figure-open = Still waiting
figure-after_median = Until called back, median
figure-after_p90 = Until called back, 90 %
formula-offered = Calls that rang for this manager, alone or with others, and are over.
formula-managers-answered = Offered calls that this manager answered.
formula-answered_share = Answered / offered.
formula-managers-missed = Offered calls that nobody answered.
formula-others = Offered calls that somebody else answered.
formula-managers-wait = Mean time from the beginning of a call to the answer, of calls that this manager answered.
formula-wait_median = Half of the callers waited no longer for the answer.
formula-wait_p90 = Nine of ten callers waited no longer for the answer (90th percentile).
formula-wait_p95 = 95 of 100 callers waited no longer for the answer.
formula-wait_p99 = 99 of 100 callers waited no longer for the answer.
formula-managers-talk = Mean time from the answer to the end, of those calls that are over.
formula-managers-target = Answered calls that somebody marked as one of those that the advertising is for.
formula-managers-customers = Answered calls whose outcome is a sale.
formula-managers-conversion = Customers / answered. From few calls: how many of how many, and the range in which the true share lies in 95 of 100 cases (Wilson).
formula-managers-revenue = Sum of what people say the answered calls were worth.
formula-goals-calls = Calls of the week with this goal. Weeks begin on Monday.
formula-goals-share = Calls with this goal / calls of the week of which people say any goal.
formula-shift = The share less that of the week before, in percentage points.
formula-reasons-share = Calls of the line / all calls.
formula-funnel-share = Reached / all calls.
formula-reached = Calls at this stage or a later one.
formula-step = Reached / reached of the line above.
formula-here = Calls at this very stage; in the first line, calls without a stage.
formula-most = Most calls at one moment. A call holds a line from its beginning, ringing included, to its end.
formula-p95 = For 95 % of the day, nights included, no more lines than that were busy.
formula-load = Time that lines were busy in the busiest hour / one hour.
formula-needed = The fewest lines of which, at that load, no more than 1 % of calls find all busy (Erlang B).
formula-called_back = Missed calls whose caller was spoken to later, or of which somebody says they called back / missed calls.
formula-open = Missed calls after which nobody has spoken to the caller.
formula-after_median = Half of those who got through later were spoken to within this time after the missed call.
formula-after_p90 = Nine of ten of those who got through later were spoken to within this time.
formula-answer-time-answered = Answered calls whose caller waited that long.
formula-answer-time-answered_share = Answered of the line / all answered.
formula-answer-time-missed = Missed calls that ended after that long.
formula-answer-time-missed_share = Missed of the line / all missed.

# The dashboard

nav-dashboard = Dashboard
dashboard-of = Last 7 days, beside the 7 before
dashboard-none = No calls in the last two weeks. Once it rings, this page says what came of it.
dashboard-open = Not called back
dashboard-open-note = missed in 30 days
dashboard-best = Best hour
dashboard-best-note = { $a } of { $b } answered
dashboard-hours = { $a }:00–{ $a }:59
dashboard-sources = Sources
dashboard-all = Report
dashboard-days = Calls by day
dashboard-changed = What changed
dashboard-changed-none = Nothing beyond what chance explains.
dashboard-mover = { $a }: { $b }
dashboard-cost = Cost of a customer
dashboard-cost-none = Enter what was spent, and the cost of a customer stands here.

# Money: what was spent and what it brought

report-money = Money
report-asks-money = What does a customer cost, and does the advertisement pay?
money-pays = Does it pay?
money-calls = What calls cost
money-spent = What was spent and earned
figure-advertising = Advertising
figure-other_costs = Services, pay
figure-spent = Spent
figure-cost_of_call = Cost of a call
figure-cost_of_target = Cost of a target call
figure-leads = Leads
figure-cpl = Cost of a lead (CPL)
figure-cac = Cost of a customer (CAC)
figure-roas = ROAS
figure-profit = Profit
figure-roi = ROI
figure-verdict = Does it pay?
formula-advertising = What was entered as advertising. An amount is spread evenly over its days; hundredths that do not divide go to the first days. What is for more than the line, such as a campaign with several sources, is carried in equal parts by the calls that it is for.
formula-other_costs = Services and salaries, spread over days and calls as advertising is.
formula-spent = Advertising + services and salaries.
formula-cost_of_call = Spent / calls.
formula-cost_of_target = Spent / target calls.
formula-leads = People who may buy: callers with a target call or a deal, each counted once however often they call. Who hides the number is counted at each call. Who came through two sources is a lead of both, and one of all together.
formula-cpl = Cost of a lead: spent / leads. What it costs that somebody who may buy calls.
formula-cac = Cost of a customer: spent / customers. What it costs that somebody buys. It is the cost of a lead divided by the share of leads that buy: the two differ by what is lost between the call and the sale, which is the work of those who sell and not of the advertisement.
formula-profit = Customers × what a deal leaves (deal_profit of the project) − spent.
formula-roas = Return on advertising spend: revenue / advertising. Services and salaries are not in it.
formula-roi = Return on investment: profit / spent. At 0 it pays for itself and no more.
formula-verdict = It pays where a deal leaves more than a customer costs. With fewer than 10 customers that is said only where it holds at both ends of the range in which the conversion lies. It is too early to tell as long as nothing was spent, nobody says what a deal leaves, or there are too few customers.

# Saved reports

nav-saved = Saved
saved-title = Saved reports
saved-help = Reports that were kept with their filter. A period such as “last week” moves on with the calendar.
saved-no-mail = No mail is set up, so nothing is sent. Whoever administers ringtag writes the mail server into [mail].
saved-none = No report has been saved yet. Open a report and choose “Save this report”.
saved-by = Saved by { $a }
saved-not-sent = It is not sent to anybody.
saved-when = { $a } at { $b }
saved-next = next on { $a }
saved-on-1 = Mondays
saved-on-2 = Tuesdays
saved-on-3 = Wednesdays
saved-on-4 = Thursdays
saved-on-5 = Fridays
saved-on-6 = Saturdays
saved-on-7 = Sundays
saved-delivered = Last delivered: { $a }, to { $b }
saved-waiting = On their way
saved-tried-next = next try { $a }
saved-dead = Given up
saved-given-up = given up { $a }
saved-open = Open
saved-send-now = Send now
saved-trial = Send a trial to me
saved-again = Try again
saved-remove = Remove
saved-change = Change
saved-name = Name
saved-keep = Save
saved-cancel = Cancel
saved-new = Save this report
saved-refused = It was not saved.
saved-period = Period
saved-period-fixed = These days
saved-weekly = By e-mail every week
saved-never = Never
saved-weekday = Day
saved-hour = Hour, on the clocks of the project
saved-recipients = To
saved-recipients-help = Up to 20 addresses, one a line. For more, use the address of a mailing list.
relative-last-week = Last week
relative-this-week = This week
relative-today = Today
relative-yesterday = Yesterday
relative-last-7-days = Last 7 days
relative-last-30-days = Last 30 days
relative-last-90-days = Last 90 days
relative-last-month = Last month
relative-this-month = This month
relative-last-quarter = Last quarter
withheld-no-mail = It is not sent: no mail is set up.
withheld-no-user = It is not sent: { $a }, who saved it, is no longer a user. Change it to make it yours.
withheld-no-right = It is not sent: { $a }, who saved it, may no longer send it. Change it to make it yours.
withheld-no-project = It is not sent: there is no project { $a } any more.

# The letter of a saved report

letter-subject = { $a }: { $b }
letter-before = Small figures: { $a }
letter-picture = Bars of: { $a }. The figures stand beside them.
letter-open = Open this report
letter-settings = Saved reports
letter-foot = You have this letter because { $a } had it sent to you by ringtag.

# Spend

nav-spend = Spend
spend-title = Spend
spend-about = What advertising costs, day by day
spend-results = Last 30 days
spend-report = The whole report: by source, campaign and channel
spend-cheapest = Cheapest customers: { $a }, { $b } each
spend-dearest = Dearest customers: { $a }, { $b } each
spend-enter = Enter an amount
spend-correct = Correct an amount
spend-import = Import a table
spend-import-help = CSV with a header line. Columns: source, campaign or channel (one of them; * is the whole project), from, until, amount; and where needed cost, currency, note, project. Nothing is entered before you have seen it.
spend-import-project = Project of rows that name none
spend-file = File
spend-text = Or paste the table here
spend-look = Look at it first
spend-preview = This will be entered
spend-confirm = Enter all of it
spend-leave = Leave it
spend-bad = The table has mistakes
spend-bad-help = Nothing was entered. Correct these lines, below or in your table, and look again.
spend-line = Line
spend-wrong = What is wrong
spend-for = For
spend-choose = Choose…
spend-cost = Kind
spend-amount = Amount
spend-from = From
spend-until = Until, this day included
spend-days = Days
spend-note = Note
spend-save = Enter
spend-save-change = Save the correction
spend-list = Amounts
spend-all = All
spend-removed = Removed ones too
spend-none = No amounts in this time.
spend-history = Who and when
spend-edit = Correct
spend-remove = Remove
spend-each = { $a } a day
spend-of-project = Whole project
spend-of-source = Source
spend-of-campaign = Campaign
spend-of-channel = Channel
spend-whole = Whole project
spend-group = { $a } · { $b }
cost-advertising = Advertising
cost-service = Service
cost-salary = Salary
spend-did-entered = { $a } entered { $b }
spend-did-imported = { $a } imported { $b }
spend-did-corrected = { $a } corrected it to { $b }
spend-did-removed = { $a } removed it
spend-done-entered = The amount is entered.
spend-done-corrected = The amount is corrected. What it was stays in its history.
spend-done-removed = The amount is removed. Its history stays.
spend-done-imported = { $n ->
    [one] { $shown } amount is entered.
   *[other] { $shown } amounts are entered.
}
spend-rows = { $n ->
    [one] { $shown } row
   *[other] { $shown } rows
}
spend-faults-more = { $n ->
    [one] And { $shown } more mistake.
   *[other] And { $shown } more mistakes.
}
spend-rows-more = { $n ->
    [one] { $shown } more amount is in the table for download.
   *[other] { $shown } more amounts are in the table for download.
}
spend-wrong-project-needed = It does not say which project it is of; add a column “project”.
spend-wrong-unknown-project = There is no project “{ $a }”; write the id of one that there is.
spend-wrong-unknown-project-near = There is no project “{ $a }”; did you mean “{ $b }”?
spend-wrong-no-purpose = It names no source, campaign or channel; name one, or write * for the whole project.
spend-wrong-two-purposes = It also names “{ $a }”; name one source, campaign or channel and leave the others empty.
spend-wrong-unknown-source = There is no source “{ $a }”; write the tag of one that there is.
spend-wrong-unknown-source-near = There is no source “{ $a }”; did you mean “{ $b }”?
spend-wrong-unknown-campaign = There is no campaign “{ $a }”; write one that a source has.
spend-wrong-unknown-campaign-near = There is no campaign “{ $a }”; did you mean “{ $b }”?
spend-wrong-unknown-channel = There is no channel “{ $a }”; write one that a source has.
spend-wrong-unknown-channel-near = There is no channel “{ $a }”; did you mean “{ $b }”?
spend-wrong-unknown-cost = “{ $a }” is no kind of cost; write advertising, service or salary, or leave it empty for advertising.
spend-wrong-no-date = “{ $a }” is no date; write it as 2026-11-30 or 30.11.2026.
spend-wrong-empty-date = The day “{ $a }” is empty; write it as 2026-11-30 or 30.11.2026.
spend-wrong-backwards = It ends on { $b } before it begins on { $a }; swap the two days.
spend-wrong-too-long = It is longer than { $a } days; enter it in parts.
spend-wrong-no-amount = “{ $a }” is no amount; write 50000 or 50000.50.
spend-wrong-empty-amount = The amount is empty; write 50000 or 50000.50.
spend-wrong-ambiguous-amount = “{ $a }” may be thousands or a fraction; write 50000 or 50000.50.
spend-wrong-not-positive = “{ $a }” is not more than nothing; to take an amount back, correct or remove the one that was entered.
spend-wrong-too-much = “{ $a }” is more than one amount may be; look at its digits.
spend-wrong-currency = The currency is { $a }, but the project counts in { $b }; convert the amount, and write { $b } or nothing.
spend-wrong-note = The note is longer than { $a } characters or has several lines; shorten it to one line.
spend-wrong-not-text = The file is no UTF-8 text; save the table as “CSV UTF-8”.
spend-wrong-empty = The table has no rows; it needs a header line and a line for each amount.
spend-wrong-unknown-column = There is no column “{ $a }”; there are source, campaign, channel, from, until, amount, currency, note, cost and project.
spend-wrong-unknown-column-near = There is no column “{ $a }”; did you mean “{ $b }”?
spend-wrong-column-twice = The column “{ $a }” stands twice; leave one out.
spend-wrong-no-column = The column “{ $a }” is missing; add it to the header line.
spend-wrong-too-many-rows = There are more than { $a } rows; divide the table.
spend-wrong-too-large = The table is larger than { $a } KB; divide it.
spend-wrong-cells = It has { $a } cells where the header has { $b }; an amount or a note with a comma in it needs quotes around it.
spend-wrong-same-as-line = It is the same as line { $a }; leave one out, or give it another note.
spend-wrong-same-as-entered = { $a } has entered the same already; leave it out, or give it another note where it was paid twice.
spend-wrong-overlaps-line = It is for the same days as line { $a }: both will count.
spend-wrong-overlaps-entered = { $b } has entered { $a } for the same: both will count.
spend-wrong-changed = Somebody else has changed this amount meanwhile; look at it again.

# The rules

nav-rules = Rules
rules-help = What is in force now. Calls are those of the last 30 days.
rules-list = Rules, in their order
rules-rule = Rule
rules-when = Conditions
rules-does = What is done
rules-lately = Decided
rules-report = What becomes of their calls
rules-always = every call
rules-none = Calls without a rule
rules-no-calls = no calls
rules-idle = Decided no call in 30 days.
rules-never-number = Can never win: no number meets its conditions.
rules-never-taken = Can never win: { $a } comes before and takes its calls.
rules-sources = { $a }: sources and numbers
rules-source = Source
rules-numbers = Numbers
rules-zone = Time zone { $a }
rules-holidays = Holidays { $a }
rules-off-season = Off season { $a }
rules-untracked = Tracking is off
rules-groups = Groups
rules-no-groups = There are no groups.
rules-group = Group
rules-members = Members
rules-ring = Rings
rules-seconds = { $a } s each
rules-managers = Managers
rules-manager = Manager
rules-dials = Telephone
rules-trunk = Trunk
when-project = Project
when-source = Source
when-category = Category
when-number = Number
when-caller = Caller
when-hours = Hours
when-repeat = Has called before
when-trunk = Trunk
act-reject = rejects with { $a }
act-ring = each rings for { $a } s
act-record-true = records
act-record-false = does not record
act-group = group { $a } ({ $b })
act-last = who answered this caller last
strategy-all = all at once
strategy-in-order = one after the other
strategy-round-robin = taking turns
strategy-random = in random order
strategy-least-recent = who has rested longest first
strategy-weighted = by weight
explain-title = Why a call goes where it goes
explain-to = Number that is called
explain-from = Who calls
explain-at = When ({ $a })
explain-before = Has called before
before-known = as the call log knows
before-no = no, the first call
before-yes = yes
explain-ask = Explain
explain-wrong-number = That is none of the numbers.
explain-wrong-time = That is no time.
explain-wrong-name = There is no such name.
explain-call = { $a } calls { $b }
explain-step = { $a }, { $b } s
explain-none = No rule decides: the caller hears that the number leads nowhere (404), and the call counts as missed.
explain-rejects = “{ $a }” decides: the caller is rejected with { $b }.
explain-nobody = “{ $a }” decides: nobody rings.
explain-rings = “{ $a }” decides. These ring:
explain-shuffles = Group { $a } rings { $b }: the order changes from call to call.
explain-last = Who answered this caller last rings first, where the call log knows of somebody.
explain-untracked = neither recorded nor reported: off season, or tracking is off
explain-recorded = recorded
explain-unrecorded = not recorded
verdict-decides = decides
verdict-unasked = not asked: an earlier one decides
not-project = its project is { $a }, the call’s is { $b }
not-source = its source is { $a }, the call’s is { $b }
not-category = its category is { $a }, the call’s is { $b }
not-unknown-category = its category is { $a }, the call’s source has none
not-number = its number is { $a }, { $b } was called
not-caller = it is for callers { $a }, this one is { $b }
not-trunk = its trunk is { $a }, the call’s is { $b }
not-unknown-trunk = its trunk is { $a }, the call’s is not known
not-hours = its hours are { $a }; it is { $b }
not-holiday = its hours are { $a }, but { $b } is a holiday
not-again = it is for those who called before; this is the first call
not-first = it is for first calls; this caller called { $a } times before
replay-title = Try an edited configuration
replay-help = Paste the whole configuration as it is to be. Past calls are asked about under the rules in force and under yours. Nothing is loaded and nothing is written; no file that it names is opened, and the text is forgotten.
replay-text = The configuration (TOML)
replay-file = Or take a file
replay-try = Try it
replay-busy = Trying …
replay-busy-now = Another trial is under way. Try again in a moment.
replay-no-days = The first day is after the last.
replay-failed = That did not work. Without scripts the text has to be shorter than 64 KB, with them shorter than 1 MB.
replay-mistakes = The configuration has mistakes
replay-warnings = What can be used but is hardly meant
replay-place = Line { $a }, column { $b }:
replay-same = { $a }: each would be treated as it is now.
replay-sum = { $a }, of which { $b } would be treated otherwise.
replay-unknown = { $n ->
    [one] { $shown } call cannot be told of: its number is of no source in either.
   *[other] { $shown } calls cannot be told of: their numbers are of no source in either.
  }
replay-erased = { $n ->
    [one] { $shown } call of somebody who was erased is taken for an anonymous one.
   *[other] { $shown } calls of people who were erased are taken for anonymous ones.
  }
replay-trunks = Rules ask for trunks ({ $a }). Which trunk a past call came from is not kept, so each that fits was tried.
replay-moved = From which rule to which
replay-from = Now
replay-to = With the edited configuration
replay-calls = Calls
replay-differ = Otherwise
replay-rows = Calls that would be treated otherwise
replay-call = Call
replay-change = What changes
replay-more = And { $a } more: ringtag route --replay and the API list them.
replay-no-rule = No rule
replay-no-source = Number of no source
replay-source = counts for { $a }
change-no-source = the number leads nowhere
change-no-rule = no rule: missed
change-reject = rejected otherwise
change-targets = others ring, or otherwise
change-tracking = tracked otherwise
change-recording = recorded otherwise
change-source = counts for another source
change-found = the number leads somewhere
change-rule = another rule, the same targets
