//! Which driver the workers get: what the admin wants and the kernel lets us have.

use std::fmt;
use std::io;

use crate::media::settings::Engine;

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// `uring.rs`.
    IoUring,
    /// `epoll.rs`.
    Epoll,
}

/// A choice, and why it is not what would have been taken first.
#[derive(Debug)]
pub struct Choice {
    /// What was chosen.
    pub chosen: Chosen,
    /// Why io_uring was not, where nobody asked for epoll.
    pub fallback: Option<io::Error>,
}

/// What was asked for is not to be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "[media] engine = \"io_uring\", but the kernel or a sandbox around us refuses it: {0}; write \"auto\" to have epoll in its place, \
     or allow io_uring (kernel 6.1 or later, sysctl kernel.io_uring_disabled = 0, a seccomp profile that knows it)"
)]
pub struct Refused(#[source] pub io::Error);

impl Choice {
    /// Chooses. `trial` tries io_uring, and is asked only where that matters.
    ///
    /// # Errors
    ///
    /// io_uring was asked for by name and cannot be had.
    pub fn make(wanted: Engine, trial: impl FnOnce() -> io::Result<()>) -> Result<Self, Refused> {
        let plain = |chosen| Self {
            chosen,
            fallback: None,
        };
        match wanted {
            Engine::Epoll => Ok(plain(Chosen::Epoll)),
            Engine::IoUring => match trial() {
                Ok(()) => Ok(plain(Chosen::IoUring)),
                Err(error) => Err(Refused(error)),
            },
            Engine::Auto => Ok(match trial() {
                Ok(()) => plain(Chosen::IoUring),
                Err(error) => Self {
                    chosen: Chosen::Epoll,
                    fallback: Some(error),
                },
            }),
        }
    }
}

/// As `ringtag check` says it.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.chosen)?;
        match &self.fallback {
            Some(why) => write!(f, ", because io_uring is refused here: {why}"),
            None => Ok(()),
        }
    }
}

impl Chosen {
    /// Its name, as people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IoUring => "io_uring",
            Self::Epoll => "epoll",
        }
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> io::Result<()> {
        Err(io::Error::from_raw_os_error(libc::EPERM))
    }

    #[test]
    fn auto_takes_io_uring_and_else_epoll_and_says_why() {
        let choice = Choice::make(Engine::Auto, || Ok(())).unwrap();
        assert_eq!(choice.chosen, Chosen::IoUring);
        assert!(choice.fallback.is_none());
        let choice = Choice::make(Engine::Auto, refused).unwrap();
        assert_eq!(choice.chosen, Chosen::Epoll);
        let why = choice.fallback.unwrap();
        assert_eq!(why.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn what_is_asked_for_by_name_is_had_or_refused() {
        let choice = Choice::make(Engine::IoUring, || Ok(())).unwrap();
        assert_eq!(choice.chosen, Chosen::IoUring);
        let error = Choice::make(Engine::IoUring, refused).unwrap_err();
        assert!(error.to_string().contains("\"auto\""), "{error}");
        let unasked = || unreachable!("epoll needs no trial");
        let choice = Choice::make(Engine::Epoll, unasked).unwrap();
        assert_eq!(choice.chosen, Chosen::Epoll);
    }
}
