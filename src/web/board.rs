//! What goes on now, large enough for a wall.

use askama::Template;

use crate::web::assets;
use crate::web::frame::Frame;
use crate::web::row::Row;

/// What goes on now.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Calls that ring or talk, those that wait longest first.
    pub rows: Vec<Row>,
    /// Calls that found no room.
    pub others: String,
    /// How many ring.
    pub ringing: String,
    /// How many talk.
    pub talking: String,
    /// Lines in use.
    pub lines: String,
    /// Lines that there are.
    pub limit: String,
    /// The share of them in use, in hundredths.
    pub share: u64,
    /// Calls missed today.
    pub missed: String,
    /// Of these, callers that nobody has called back.
    pub open: String,
    /// Calls answered today.
    pub answered: String,
    /// `14:32`.
    pub time: String,
    /// `Sunday, 22 November`.
    pub day: String,
    /// Projects whose calls go through untracked now, in words.
    pub rests: Vec<String>,
    /// New calls are refused: ringtag is stopping.
    pub draining: bool,
}

/// The board.
#[derive(Template)]
#[template(path = "board.html")]
pub struct BoardPage {
    /// What stands around it.
    pub frame: Frame,
    /// What goes on.
    pub board: Board,
}

/// What goes on alone, for a board that hangs already.
#[derive(Template)]
#[template(path = "board_now.html")]
pub struct BoardNow {
    /// For the words.
    pub frame: Frame,
    /// What goes on.
    pub board: Board,
}

impl BoardPage {
    /// A board of another version draws itself anew.
    pub fn version(&self) -> &'static str {
        assets::version()
    }
}

impl BoardNow {
    /// As [`BoardPage::version`].
    pub fn version(&self) -> &'static str {
        assets::version()
    }
}
