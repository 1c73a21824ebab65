//! A recorder in this process, somebody who gives it orders and somebody who speaks: what trials of whole recordings share.

use std::sync::mpsc;
use std::thread;

use crossbeam_channel::Sender;
use crossbeam_channel::bounded;

use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::CallId;
use ringtag::base::id::Side;
use ringtag::base::time::Moment;
use ringtag::base::time::WallTime;
use ringtag::media::tap::TapId;
use ringtag::media::tap::TapWriter;
use ringtag::media::tap::Tapped;
use ringtag::media::tap::ring;
use ringtag::recording::command::Command;
use ringtag::recording::command::Report;
use ringtag::recording::settings::Settings;
use ringtag::recording::worker;

/// Tells a test that it is the child, and where to record.
pub(crate) const FOLDER: &str = "RINGTAG_TEST_RECORDINGS";
/// When every call here was answered.
pub(crate) const WALL: WallTime = WallTime::from_millis(1_795_253_400_125);

/// The recorder.
pub(crate) struct Desk {
    pub(crate) clock: Clock,
    pub(crate) reports: mpsc::Receiver<Report>,
    writer: TapWriter,
    commands: Sender<Command>,
}

pub(crate) fn call(number: u32) -> CallId {
    CallId::new(WALL, &mut Chance::from_number(number.into()))
}

impl Desk {
    pub(crate) fn open(settings: Settings) -> Self {
        let (writer, reader) = ring(16_000_000);
        let (commands, receiver) = bounded(1_000);
        let (report, reports) = mpsc::channel();
        let clock = Clock::start();
        // The thread lives as long as its process.
        let _recorder = worker::spawn(settings, clock, vec![reader], receiver, move |told| {
            report.send(told).unwrap_or_default();
        })
        .unwrap();
        Self {
            clock,
            reports,
            writer,
            commands,
        }
    }

    pub(crate) fn order(&self, command: Command) {
        self.commands.send(command).unwrap();
    }

    pub(crate) fn start(&self, tap: u32, number: u32, at: Moment) {
        self.order(Command::Start {
            call: call(number),
            tap: TapId(tap),
            wall: WALL,
            at,
            codecs: [[].into(), [].into()],
            sends: [true; 2],
        });
    }

    /// A packet of A-law that is this code throughout.
    pub(crate) fn say(
        &mut self,
        (tap, side): (u32, Side),
        sequence: u16,
        arrival: Moment,
        code: u8,
    ) {
        let tapped = Tapped {
            tap: TapId(tap),
            side,
            payload_type: 8,
            marker: false,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: tap,
            arrival,
            length: 160,
        };
        while !self.writer.push(&tapped, &[code; 160]) {
            thread::yield_now();
        }
    }
}
