//! Roles and the rights that they bring.

use serde::{Deserialize, Serialize};

/// What somebody is here for: `[[user]] role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs ringtag: everything, in every project.
    Admin,
    /// Sells: sees, plays and tags the calls of own projects.
    Manager,
    /// Listens: sees and plays, and changes nothing.
    Listener,
    /// Counts: figures and the calls behind them with their numbers masked, and no recordings.
    Analyst,
    /// Watches: a program that reads the metrics, and nothing of any call.
    Monitor,
}

/// One thing that a request may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Lists of calls, a call, the live board.
    See,
    /// Telephone numbers in full, notes, and filters that would tell them.
    Numbers,
    /// Recordings and their waveforms.
    Play,
    /// Tags, goal, stage, outcome, value, notes.
    Tag,
    /// Tables of calls for a spreadsheet.
    Export,
    /// The figures of reports.
    Figures,
    /// Having reports sent outside of the house, to any address.
    Mail,
    /// What advertising costs and what it brings.
    Money,
    /// Entering and correcting what it costs.
    Spend,
    /// Having the recording of a call under way pause, and go on.
    PauseRecording,
    /// Ending a call that is under way.
    HangUp,
    /// What Prometheus reads.
    Metrics,
    /// SIP messages, why a call goes where it goes, others' sessions and tokens.
    Administer,
}

impl Right {
    /// Every right, for tables and tests.
    pub const ALL: [Self; 13] = [
        Self::See,
        Self::Numbers,
        Self::Play,
        Self::Tag,
        Self::Export,
        Self::Figures,
        Self::Mail,
        Self::Money,
        Self::Spend,
        Self::PauseRecording,
        Self::HangUp,
        Self::Metrics,
        Self::Administer,
    ];
}

impl Right {
    /// The word that the API says.
    pub const fn word(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Numbers => "numbers",
            Self::Play => "play",
            Self::Tag => "tag",
            Self::Export => "export",
            Self::Figures => "figures",
            Self::Mail => "mail",
            Self::Money => "money",
            Self::Spend => "spend",
            Self::PauseRecording => "pause-recording",
            Self::HangUp => "hang-up",
            Self::Metrics => "metrics",
            Self::Administer => "administer",
        }
    }
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Manager,
        Self::Listener,
        Self::Analyst,
        Self::Monitor,
    ];

    /// Those that people have; the others are for programs' tokens alone.
    pub const OF_PEOPLE: [Self; 4] = [Self::Admin, Self::Manager, Self::Listener, Self::Analyst];

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Listener => "listener",
            Self::Analyst => "analyst",
            Self::Monitor => "monitor",
        }
    }

    /// Whether it is about the whole house, so that no projects limit it.
    pub const fn is_of_the_house(self) -> bool {
        match self {
            Self::Admin | Self::Monitor => true,
            Self::Manager | Self::Listener | Self::Analyst => false,
        }
    }

    /// Whether this role brings `right`.
    pub const fn brings(self, right: Right) -> bool {
        match self {
            Self::Admin => true,
            Self::Manager => match right {
                Right::See
                | Right::Numbers
                | Right::Play
                | Right::Tag
                | Right::Export
                | Right::Figures
                | Right::Mail
                | Right::Money
                | Right::PauseRecording => true,
                Right::Spend | Right::HangUp | Right::Metrics | Right::Administer => false,
            },
            Self::Listener => match right {
                Right::See | Right::Numbers | Right::Play => true,
                Right::Tag
                | Right::Export
                | Right::Figures
                | Right::Mail
                | Right::Money
                | Right::Spend
                | Right::PauseRecording
                | Right::HangUp
                | Right::Metrics
                | Right::Administer => false,
            },
            Self::Analyst => match right {
                Right::See | Right::Export | Right::Figures => true,
                Right::Numbers
                | Right::Play
                | Right::Tag
                | Right::Mail
                | Right::Money
                | Right::Spend
                | Right::PauseRecording
                | Right::HangUp
                | Right::Metrics
                | Right::Administer => false,
            },
            Self::Monitor => match right {
                Right::Metrics => true,
                Right::See
                | Right::Numbers
                | Right::Play
                | Right::Tag
                | Right::Export
                | Right::Figures
                | Right::Mail
                | Right::Money
                | Right::Spend
                | Right::PauseRecording
                | Right::HangUp
                | Right::Administer => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_admin_administers_and_only_people_who_may_hear_a_call_see_its_number() {
        for role in Role::ALL {
            assert_eq!(role.brings(Right::Administer), role == Role::Admin);
            assert_eq!(role.brings(Right::HangUp), role == Role::Admin);
            assert_eq!(role.brings(Right::See), role != Role::Monitor, "{role:?}");
            assert_eq!(
                role.brings(Right::Play),
                role.brings(Right::Numbers),
                "{role:?}"
            );
        }
        assert!(!Role::Listener.brings(Right::Tag));
        let see_money = Role::ALL
            .into_iter()
            .filter(|role| role.brings(Right::Money));
        assert_eq!(see_money.collect::<Vec<_>>(), [Role::Admin, Role::Manager]);
        let send = Role::ALL
            .into_iter()
            .filter(|role| role.brings(Right::Mail));
        assert_eq!(send.collect::<Vec<_>>(), [Role::Admin, Role::Manager]);
        // Whoever is measured by what an advertisement costs does not write down what it costs.
        assert!(!Role::Manager.brings(Right::Spend) && Role::Admin.brings(Right::Spend));
    }

    #[test]
    fn a_monitor_reads_the_metrics_and_nothing_else() {
        let brings = Right::ALL
            .into_iter()
            .filter(|right| Role::Monitor.brings(*right));
        assert_eq!(brings.collect::<Vec<_>>(), [Right::Metrics]);
        let read = Role::ALL
            .into_iter()
            .filter(|role| role.brings(Right::Metrics));
        assert_eq!(read.collect::<Vec<_>>(), [Role::Admin, Role::Monitor]);
    }
}
