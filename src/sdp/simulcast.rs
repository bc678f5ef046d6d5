//! Owns the encodings of one section that are told apart by RID: `a=rid` (RFC 8851) and `a=simulcast` (RFC 8853).

use super::error::{OfferError, quoted};
use super::text::Attribute;
use crate::limits::{SDP_RIDS_MAX, SDP_TOKEN_BYTES_MAX};

/// One encoding that the browser offers to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name: 1 to 16 letters, digits, `-` or `_`.
    pub rid: String,
    /// Whether it begins paused (`~`).
    pub is_paused: bool,
}

/// The encodings that a section offers to send, in its order; empty without RIDs. Of alternatives the first that has an `a=rid`
/// counts; a name without one is passed over (RFC 8853 section 5.2).
pub(super) fn read_layers(attributes: &[Attribute]) -> Result<Vec<Layer>, OfferError> {
    let mut rids: Vec<&str> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.key == "rid") {
        let Some((rid, rest)) = attribute.value.split_once(' ') else {
            return Err(OfferError::at(attribute.line, "is a rid without a direction"));
        };
        if rest.split(' ').next() != Some("send") {
            continue;
        }
        let is_rid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if rid.is_empty() || rid.len() > SDP_TOKEN_BYTES_MAX || !rid.chars().all(is_rid) {
            return Err(OfferError::at(attribute.line, format!("has a rid that is none: {}", quoted(rid))));
        }
        if rids.contains(&rid) {
            return Err(OfferError::at(attribute.line, format!("has the rid {} for the second time", quoted(rid))));
        }
        if rids.len() == SDP_RIDS_MAX {
            return Err(OfferError::at(attribute.line, format!("is one rid more than {SDP_RIDS_MAX}")));
        }
        rids.push(rid);
    }
    let mut offered = attributes.iter().filter(|attribute| attribute.key == "simulcast");
    let Some(simulcast) = offered.next() else {
        return Ok(rids.into_iter().map(|rid| Layer { rid: rid.to_owned(), is_paused: false }).collect());
    };
    if let Some(second) = offered.next() {
        return Err(OfferError::at(second.line, "is the second simulcast line of its section"));
    }
    let Some(streams) = streams_to_send(simulcast)? else { return Ok(Vec::new()) };
    let mut layers: Vec<Layer> = Vec::new();
    for stream in streams.split(';') {
        let mut alternatives = stream.split(',').map(|one| match one.strip_prefix('~') {
            Some(rid) => (rid, true),
            None => (one, false),
        });
        let Some((rid, is_paused)) = alternatives.find(|(rid, _)| rids.contains(rid)) else { continue };
        if layers.iter().any(|layer| layer.rid == rid) {
            return Err(OfferError::at(simulcast.line, format!("names the rid {} twice", quoted(rid))));
        }
        layers.push(Layer { rid: rid.to_owned(), is_paused });
    }
    Ok(layers)
}

/// The list after `send`; none when the line has only the other direction.
fn streams_to_send(simulcast: &Attribute) -> Result<Option<&str>, OfferError> {
    let mut words = simulcast.value.split_whitespace();
    let mut streams = None;
    while let Some(direction) = words.next() {
        match (direction, words.next()) {
            ("send", Some(list)) if streams.is_none() => streams = Some(list),
            ("recv", Some(_)) => {}
            _ => return Err(OfferError::at(simulcast.line, "is not of the form a=simulcast:send one;two;three")),
        }
    }
    Ok(streams)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(lines: &[(&str, &str)]) -> Result<Vec<(String, bool)>, OfferError> {
        let attribute = |(index, (key, value)): (usize, &(&str, &str))| Attribute {
            line: index + 1,
            key: (*key).into(),
            value: (*value).into(),
        };
        let attributes: Vec<Attribute> = lines.iter().enumerate().map(attribute).collect();
        Ok(read_layers(&attributes)?.into_iter().map(|layer| (layer.rid, layer.is_paused)).collect())
    }

    #[test]
    fn layers_keep_their_order_and_say_who_is_paused() {
        let rids = [("rid", "q send"), ("rid", "h send pt=96"), ("rid", "f send"), ("rid", "r recv")];
        let with = |simulcast| layers(&[&rids[..], &[("simulcast", simulcast)]].concat()).expect("layers");
        let expected = |list: &[(&str, bool)]| list.iter().map(|(rid, paused)| ((*rid).to_owned(), *paused)).collect::<Vec<_>>();
        assert_eq!(with("send f;~h;q"), expected(&[("f", false), ("h", true), ("q", false)]));
        assert_eq!(with("recv r send q"), expected(&[("q", false)]));
        assert_eq!(with("send x,~h,q;f;y"), expected(&[("h", true), ("f", false)]), "alternatives and unknown names");
        assert_eq!(with("recv r"), []);
        assert_eq!(layers(&rids).expect("layers"), expected(&[("q", false), ("h", false), ("f", false)]));
    }

    #[test]
    fn what_is_wrong_with_them_has_its_line() {
        let line = |lines: &[(&str, &str)]| layers(lines).expect_err("an error").line;
        assert_eq!(line(&[("rid", "q")]), Some(1));
        assert_eq!(line(&[("rid", "q send"), ("rid", "q send")]), Some(2));
        assert_eq!(line(&[("rid", "q! send")]), Some(1));
        assert_eq!(line(&[("rid", &format!("{} send", "q".repeat(17)))]), Some(1));
        assert_eq!(
            line(&[("rid", "a send"), ("rid", "b send"), ("rid", "c send"), ("rid", "d send"), ("rid", "e send")]),
            Some(5)
        );
        assert_eq!(line(&[("rid", "q send"), ("simulcast", "send")]), Some(2));
        assert_eq!(line(&[("rid", "q send"), ("simulcast", "q;h")]), Some(2));
        assert_eq!(line(&[("rid", "q send"), ("simulcast", "send q;q")]), Some(2));
        assert_eq!(line(&[("rid", "q send"), ("simulcast", "send q"), ("simulcast", "send q")]), Some(3));
    }
}
