//! Owns which sender stands in which receive slot: what has a slot keeps it, so that nothing jumps.

/// Puts what is wanted into slots. The first `slots.len()` of `wanted` count, in order of importance and without repetition;
/// what stands in a slot and is wanted stays there, what is not is put out, the rest takes the free slots in order.
/// True when anything has changed.
pub(super) fn assign<K: Copy + Eq>(slots: &mut [Option<K>], wanted: &[K]) -> bool {
    let wanted = &wanted[..wanted.len().min(slots.len())];
    let mut changed = false;
    for slot in slots.iter_mut() {
        if slot.is_some_and(|held| !wanted.contains(&held)) {
            *slot = None;
            changed = true;
        }
    }
    for key in wanted {
        if !slots.contains(&Some(*key))
            && let Some(free) = slots.iter_mut().find(|slot| slot.is_none())
        {
            *free = Some(*key);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::assign;

    #[test]
    fn who_has_a_slot_keeps_it() {
        let mut slots = [None, Some('b'), Some('a')];
        assert!(assign(&mut slots, &['c', 'a']));
        assert_eq!(slots, [Some('c'), None, Some('a')]);
        assert!(!assign(&mut slots, &['a', 'c']), "another order of importance moves nobody");
    }

    #[test]
    fn the_most_important_come_in_when_there_are_too_few_slots() {
        let mut slots = [Some('d'), None];
        assert!(assign(&mut slots, &['a', 'b', 'd']));
        assert_eq!(slots, [Some('a'), Some('b')]);
        assert!(!assign::<char>(&mut [], &['a']));
    }

    proptest! {
        #[test]
        fn everyone_wanted_has_exactly_one_slot(
            mut slots in proptest::collection::vec(proptest::option::of(0u8..40), 0..12),
            wanted in proptest::collection::hash_set(0u8..40, 0..20),
        ) {
            // What stands twice cannot come from here.
            let mut seen = std::collections::HashSet::new();
            slots.iter_mut().for_each(|slot| if slot.is_some_and(|key| !seen.insert(key)) { *slot = None });
            let before = slots.clone();
            let wanted: Vec<u8> = wanted.into_iter().collect();
            let changed = assign(&mut slots, &wanted);
            prop_assert_eq!(changed, slots != before);
            for key in &wanted[..wanted.len().min(slots.len())] {
                prop_assert_eq!(slots.iter().filter(|slot| **slot == Some(*key)).count(), 1);
            }
            prop_assert_eq!(slots.iter().flatten().count(), wanted.len().min(slots.len()));
            for (slot, held) in slots.iter().zip(&before) {
                let stays = held.is_some_and(|key| wanted[..wanted.len().min(slots.len())].contains(&key));
                prop_assert!(!stays || slot == held);
            }
        }
    }
}
