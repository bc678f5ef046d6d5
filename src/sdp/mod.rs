//! Owns what a browser's offer to the SFU asks, and the SFU's answer.
