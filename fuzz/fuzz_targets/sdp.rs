#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| visavis_fuzz::sdp::run(data));
