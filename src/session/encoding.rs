//! Text of whatever encoding → UTF-8.

use std::fmt;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How many bytes tell whether a text is UTF-16.
pub(super) const ENOUGH: usize = 64;

/// The encoding that the first bytes of a text show: by a byte order mark, or by every other byte
/// being zero. UTF-8 where they show none.
pub(super) fn first_guess(start: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return encoding;
    }
    let start = &start[..start.len().min(ENOUGH)];
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let half = start.len() / 2;
    match (zeros(0), zeros(1)) {
        (first, 0) if half > 0 && first * 4 >= half * 3 => UTF_16BE,
        (0, second) if half > 0 && second * 4 >= half * 3 => UTF_16LE,
        _ => UTF_8,
    }
}

/// Finds the encoding of a text that is not in UTF-8 and has no byte order mark.
pub(super) struct Detector(EncodingDetector);

impl Detector {
    pub(super) fn new() -> Self {
        Self(EncodingDetector::new(Iso2022JpDetection::Deny))
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes, false);
    }

    pub(super) fn guess(mut self) -> &'static Encoding {
        self.0.feed(b"", true);
        self.0.guess(None, Utf8Detection::Deny)
    }
}

/// Makes UTF-8 of a text that comes in parts, and drops a byte order mark.
pub(super) struct Transcoder(Decoder);

impl fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transcoder").field(&self.0.encoding().name()).finish()
    }
}

/// Bytes that are no text in the encoding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Malformed;

impl Transcoder {
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        Self(encoding.new_decoder_with_bom_removal())
    }

    pub(super) fn encoding(&self) -> &'static Encoding {
        self.0.encoding()
    }

    /// Appends the text of the next bytes; what is before malformed ones, too.
    ///
    /// # Arguments
    /// `last`: whether no more bytes come.
    pub(super) fn append(
        &mut self,
        mut bytes: &[u8],
        last: bool,
        text: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        loop {
            let begin = text.len();
            let room = self.0.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(1 << 20);
            text.resize(begin + room.max(16), 0);
            let (result, read, written) =
                self.0.decode_to_utf8_without_replacement(bytes, &mut text[begin..], last);
            text.truncate(begin + written);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => return Err(Malformed),
            }
        }
    }
}

/// Where bytes that are not all UTF-8 have a character of it, which other encodings hardly show.
pub(super) fn first_utf8(bytes: &[u8]) -> Option<usize> {
    let mut begin = 0;
    for chunk in bytes.utf8_chunks() {
        if let Some(at) = chunk.valid().bytes().position(|byte| !byte.is_ascii()) {
            return Some(begin + at);
        }
        begin += chunk.valid().len() + chunk.invalid().len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_first_bytes_show_utf_16() {
        let text = "user,question\nann,q1\n";
        for (bytes, expected) in [
            (text.as_bytes().to_vec(), UTF_8),
            (format!("\u{feff}{text}").into_bytes(), UTF_8),
            (utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), UTF_16LE),
            (utf16(&format!("\u{feff}{text}"), u16::to_be_bytes), UTF_16BE),
            (utf16(text, u16::to_le_bytes), UTF_16LE),
            (utf16(text, u16::to_be_bytes), UTF_16BE),
            (Vec::new(), UTF_8),
            (b"a".to_vec(), UTF_8),
        ] {
            assert_eq!(first_guess(&bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_text_is_the_same_in_parts_of_any_size() {
        let text = "\u{feff}Jörg;Käthe;日本;🎓\n";
        for (encoding, bytes) in [
            (UTF_8, text.as_bytes().to_vec()),
            (UTF_16LE, utf16(text, u16::to_le_bytes)),
            (UTF_16BE, utf16(text, u16::to_be_bytes)),
        ] {
            for size in 1..6 {
                let (mut transcoder, mut all) = (Transcoder::new(encoding), Vec::new());
                for part in bytes.chunks(size) {
                    transcoder.append(part, false, &mut all).unwrap();
                }
                transcoder.append(b"", true, &mut all).unwrap();
                assert_eq!(String::from_utf8(all).unwrap(), text.trim_start_matches('\u{feff}'));
            }
        }
    }

    #[test]
    fn short_names_are_in_a_western_encoding() {
        for text in
            ["Jörg;1\nKäthe;0\n", "Zoë,1\n", "José,Núñez\n", "François\nHélène\n", "Åse;Bjørn\n", "Müller"]
        {
            let (bytes, _, lossy) = encoding_rs::WINDOWS_1252.encode(text);
            assert!(!lossy);
            let mut detector = Detector::new();
            detector.feed(&bytes);
            let encoding = detector.guess();
            assert_eq!(encoding.decode(&bytes).0, text, "{}", encoding.name());
        }
    }
}
