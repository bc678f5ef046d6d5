//! Owns RTP as the SFU and the load generator need it: reading a packet, rewriting it, what codecs say about themselves, the packets of late.
