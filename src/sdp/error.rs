//! Owns why an offer cannot be answered, in words for whoever wrote it.

use std::fmt;

/// An offer that cannot be answered. Nothing of it has taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferError {
    /// The line that is wrong, from 1; none when a line is missing.
    pub line: Option<usize>,
    /// What is wrong, for people.
    pub message: String,
}

impl OfferError {
    pub(super) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line} of the offer: {}", self.message),
            None => write!(f, "the offer: {}", self.message),
        }
    }
}

impl std::error::Error for OfferError {}

/// As much of a stranger's word as an error repeats.
pub(super) fn quoted(word: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut short: String = word.chars().take(CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    format!("“{short}”")
}
