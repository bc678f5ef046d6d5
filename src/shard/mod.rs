//! Owns one thread per core, each with the media of its rooms: sockets, clock and mailbox around one Sfu.
