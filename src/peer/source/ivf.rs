//! Owns reading VP8 frames from an IVF file.
//!
//! The reader of the `rtc` family makes room for whatever a frame's header claims; this one slices what is there.

use bytes::Bytes;

use super::{Frame, SourceError, VP8_CLOCK_HZ};

const SIGNATURE: &[u8] = b"DKIF";
const FILE_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 12;

/// Reads all frames. A last frame that is cut off is left out, as a recording that was interrupted has one.
pub(super) fn read(file: &Bytes) -> Result<Vec<Frame>, SourceError> {
    let time_base = read_header(file)?;
    let mut frames = Vec::new();
    let mut times = Vec::new();
    let mut rest = file.slice(FILE_HEADER_BYTES..);
    while let Some((time, data)) = next_frame(&mut rest) {
        if !data.is_empty() {
            times.push(time);
            frames.push(Frame { keyframe: is_keyframe(&data), data, ticks: 0 });
        }
    }
    for (at, ticks) in ticks(&times, time_base)?.into_iter().enumerate() {
        frames[at].ticks = ticks;
    }
    Ok(frames)
}

/// Seconds per unit of a frame's time, as a fraction.
#[derive(Clone, Copy)]
struct TimeBase {
    numerator: u32,
    denominator: u32,
}

fn read_header(file: &Bytes) -> Result<TimeBase, SourceError> {
    let header: &[u8; FILE_HEADER_BYTES] = file.first_chunk().ok_or(SourceError::NotIvf)?;
    if !header.starts_with(SIGNATURE) {
        return Err(SourceError::NotIvf);
    }
    let codec = &header[8..12];
    if codec != b"VP80" {
        return Err(SourceError::NotVp8(String::from_utf8_lossy(codec).into_owned()));
    }
    let time_base = TimeBase { denominator: u32_at(header, 16), numerator: u32_at(header, 20) };
    if time_base.denominator == 0 || time_base.numerator == 0 {
        return Err(SourceError::BadTimes);
    }
    Ok(time_base)
}

fn next_frame(rest: &mut Bytes) -> Option<(u64, Bytes)> {
    let header: [u8; FRAME_HEADER_BYTES] = *rest.first_chunk()?;
    let bytes = usize::try_from(u32_at(&header, 0)).ok()?;
    let time = u64::from(u32_at(&header, 4)) | u64::from(u32_at(&header, 8)) << 32;
    let end = FRAME_HEADER_BYTES.checked_add(bytes).filter(|end| *end <= rest.len())?;
    let frame = rest.split_to(end).slice(FRAME_HEADER_BYTES..);
    Some((time, frame))
}

/// How long each frame lasts: until the next one; the last one as long as the one before it.
fn ticks(times: &[u64], time_base: TimeBase) -> Result<Vec<u32>, SourceError> {
    let ticks_at = |time: u64| {
        u128::from(time) * u128::from(time_base.numerator) * u128::from(VP8_CLOCK_HZ) / u128::from(time_base.denominator)
    };
    let mut ticks = Vec::with_capacity(times.len());
    for pair in times.windows(2) {
        let between = ticks_at(pair[1]).checked_sub(ticks_at(pair[0])).and_then(|ticks| u32::try_from(ticks).ok());
        ticks.push(between.filter(|ticks| *ticks > 0).ok_or(SourceError::BadTimes)?);
    }
    if !times.is_empty() {
        ticks.push(ticks.last().copied().unwrap_or(VP8_CLOCK_HZ));
    }
    Ok(ticks)
}

/// The first bit of a VP8 frame is 0 for a keyframe (RFC 6386 section 9.1).
fn is_keyframe(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 1 == 0)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(codec: &[u8; 4], frames: &[(u64, &[u8])]) -> Vec<u8> {
        let mut file = b"DKIF\0\0\x20\0".to_vec();
        file.extend(codec);
        file.extend([0x40, 1, 0xb4, 0]);
        file.extend(20u32.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend([0; 8]);
        for (time, frame) in frames {
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend(time.to_le_bytes());
            file.extend(*frame);
        }
        file
    }

    #[test]
    fn frames_have_their_times_and_keyframes() {
        let frames = read(&file(b"VP80", &[(0, b"\x10a"), (1, b"\x11b"), (3, b"\x11c")]).into()).expect("a good file");
        let facts: Vec<_> = frames.iter().map(|frame| (frame.ticks, frame.keyframe)).collect();
        assert_eq!(facts, [(4500, true), (9000, false), (9000, false)]);
        assert_eq!(&*frames[2].data, b"\x11c");
    }

    #[test]
    fn a_frame_that_is_cut_off_is_left_out() {
        let mut cut = file(b"VP80", &[(0, b"\x10aaaa"), (1, b"\x11bbbb")]);
        cut.truncate(cut.len() - 2);
        assert_eq!(read(&cut.into()).expect("the first frame is whole").len(), 1);
    }

    #[test]
    fn other_files_are_refused() {
        let read = |file: Vec<u8>| read(&file.into());
        assert!(matches!(read(b"OggS".to_vec()), Err(SourceError::NotIvf)));
        assert!(matches!(read(vec![0; 64]), Err(SourceError::NotIvf)));
        assert!(matches!(read(file(b"AV01", &[])), Err(SourceError::NotVp8(codec)) if codec == "AV01"));
        assert!(matches!(read(file(b"VP80", &[(5, b"\x10"), (4, b"\x11")])), Err(SourceError::BadTimes)));
        let mut timeless = file(b"VP80", &[]);
        timeless[16..20].fill(0);
        assert!(matches!(read(timeless), Err(SourceError::BadTimes)));
    }
}
