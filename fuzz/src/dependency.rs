//! Owns the target for dependency descriptors: a stream of them, each after a byte with its length.

use visavis::rtp::{Dependencies, Facts};

/// Reads them in turn; one that is refused changes neither the structure nor the facts.
pub fn run(mut data: &[u8]) {
    let mut dependencies = Dependencies::default();
    while let Some((&len, rest)) = data.split_first() {
        let (descriptor, rest) = rest.split_at(usize::from(len).min(rest.len()));
        data = rest;
        let active =
            dependencies.structure().map(|structure| (structure.active(), structure.decode_targets(), structure.chains()));
        let mut facts = Facts::PADDING;
        match dependencies.read(descriptor, &mut facts) {
            Ok(read) => {
                let structure = dependencies.structure().expect("it was read by one");
                assert!(structure.chains() <= structure.decode_targets());
                assert!((0..structure.decode_targets()).all(|at| structure.layer(at).is_some()));
                assert!(structure.protected_by(0).is_none_or(|chain| chain < structure.chains()));
                assert_eq!(facts.frame, Some(read.frame));
                assert!(!facts.is_keyframe || read.has_structure);
            }
            Err(_) => {
                let after = dependencies
                    .structure()
                    .map(|structure| (structure.active(), structure.decode_targets(), structure.chains()));
                assert_eq!((after, facts), (active, Facts::PADDING));
            }
        }
    }
}
