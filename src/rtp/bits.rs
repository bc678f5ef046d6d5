//! Owns reading numbers of a few bits, highest first, from bytes that may end at any place.

/// A place between two bits.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// At the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bits, at most 32, as a number; none when there are not that many.
    pub fn read(&mut self, count: u32) -> Option<u32> {
        let mut number = 0_u64;
        let mut left = count;
        while left > 0 {
            let byte = *self.bytes.get(self.at / 8)?;
            let within = self.at as u32 % 8;
            let taken = left.min(8 - within);
            let bits = u64::from(byte) >> (8 - within - taken) & ((1 << taken) - 1);
            number = number << taken | bits;
            self.at += taken as usize;
            left -= taken;
        }
        Some(number as u32)
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    /// A number below `limit`, in as few bits as it takes (AV1 specification, `ns(n)`).
    pub fn below(&mut self, limit: u32) -> Option<u32> {
        let width = u32::BITS - limit.leading_zeros();
        let short = (1_u64 << width) as u32 - limit;
        let number = self.read(width.checked_sub(1)?)?;
        if number < short { Some(number) } else { Some((number << 1) - short + self.read(1)?) }
    }

    /// An unsigned Exp-Golomb number (H.264 section 9.1), up to 2^32 - 2.
    pub fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.read(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_read_across_bytes_until_they_end() {
        let mut bits = Bits::new(&[0b1010_0110, 0b1111_0000, 0xff, 0xff, 0xff]);
        assert_eq!((bits.read(3), bits.read(7), bits.read(0), bits.flag()), (Some(0b101), Some(0b001_1011), Some(0), Some(true)));
        assert_eq!((bits.read(29), bits.read(1)), (Some(0b1_0000_1111_1111_1111_1111_1111_1111), None));
        assert_eq!(Bits::new(&[1, 2, 3, 4]).read(32), Some(0x0102_0304));
    }

    #[test]
    fn small_numbers_take_few_bits() {
        // Of five: 0, 1, 2 in two bits, 3 and 4 in three.
        let mut bits = Bits::new(&[0b0001_1011, 0b0111_0000]);
        assert_eq!([0; 5].map(|_| bits.below(5)), [0, 1, 2, 3, 4].map(Some));
        assert_eq!((Bits::new(&[0]).below(1), Bits::new(&[0]).below(0)), (Some(0), None));
    }

    #[test]
    fn golomb_numbers_have_an_end() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!([0; 5].map(|_| bits.golomb()), [0, 1, 2, 3, 4].map(Some));
        assert_eq!(Bits::new(&[0; 9]).golomb(), None);
    }
}
