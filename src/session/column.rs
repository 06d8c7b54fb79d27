//! The values of a column of text → its type.
//!
//! A column has a type if every one of its values is of it, as Arrow's reader of CSV would read
//! them; so no scan fails at a value that comes late. And it has one only if values that are
//! written differently stay different, since users and questions are told apart by them: a column
//! with `01` in it, or with both `1.1` and `1.10`, is text.

use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimeUnit, TimestampNanosecondType};

/// What has been seen of a column.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnValues {
    kinds: u16,
    /// The fewest digits after the point or comma of a value that has one.
    least_decimals: Option<usize>,
    /// The most digits after the point of a value that ends in 0.
    padded_decimals: usize,
}

/// How a column's values are written, other than Arrow's reader takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Plainly,
    /// With spaces around them.
    Padded,
    /// With a comma for the point, and maybe spaces.
    DecimalComma,
}

const BOOLEAN: u16 = 1;
const INTEGER: u16 = 1 << 1;
const FLOAT: u16 = 1 << 2;
const DECIMAL_COMMA: u16 = 1 << 3;
const DATE: u16 = 1 << 4;
const SECOND: u16 = 1 << 5;
const MILLISECOND: u16 = 1 << 6;
const MICROSECOND: u16 = 1 << 7;
const NANOSECOND: u16 = 1 << 8;
const TEXT: u16 = 1 << 9;
/// Has spaces around it.
const PADDED: u16 = 1 << 10;
/// An integer that a double does not hold.
const LARGE: u16 = 1 << 11;

const TIMESTAMP: u16 = SECOND | MILLISECOND | MICROSECOND | NANOSECOND;

/// Integers of as many digits are held by a double.
const DOUBLE_DIGITS: usize = 15;
/// Integers of as many digits are held by 64 bits.
const INTEGER_DIGITS: usize = 18;

impl ColumnValues {
    pub(super) fn see(&mut self, value: &[u8]) {
        if self.kinds & TEXT == 0 && !value.is_empty() {
            self.kinds |= self.kind(value);
        }
    }

    /// What has been seen of both.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.kinds |= other.kinds;
        self.padded_decimals = self.padded_decimals.max(other.padded_decimals);
        self.least_decimals = match (self.least_decimals, other.least_decimals) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self
    }

    /// Whether all values are text or empty, so far.
    pub(super) fn is_text(&self) -> bool {
        self.data_type(true).0 == DataType::Utf8
    }

    /// Whether no value has been seen but empty ones.
    pub(super) fn is_empty(&self) -> bool {
        self.kinds == 0
    }

    /// The type that all values have, and how they are written.
    ///
    /// # Arguments
    /// `comma`: whether a comma may stand for the point, which it cannot where it separates values.
    pub(super) fn data_type(&self, comma: bool) -> (DataType, Written) {
        let padded = if self.kinds & PADDED == 0 { Written::Plainly } else { Written::Padded };
        let kinds = self.kinds & !PADDED;
        let of = |allowed: u16| kinds & !allowed == 0;
        let text = (DataType::Utf8, Written::Plainly);
        if kinds == 0 {
            return (DataType::Null, Written::Plainly);
        }
        if of(INTEGER | LARGE) {
            return (DataType::Int64, padded);
        }
        if of(INTEGER | FLOAT) && !self.has_two_spellings() {
            return (DataType::Float64, padded);
        }
        if comma && of(INTEGER | DECIMAL_COMMA) && !self.has_two_spellings() {
            return (DataType::Float64, Written::DecimalComma);
        }
        if padded == Written::Padded {
            return text;
        }
        let timestamp = |unit| (DataType::Timestamp(unit, None), Written::Plainly);
        match kinds {
            BOOLEAN => (DataType::Boolean, Written::Plainly),
            DATE => (DataType::Date32, Written::Plainly),
            times if of(TIMESTAMP) && times & NANOSECOND != 0 => timestamp(TimeUnit::Nanosecond),
            times if of(TIMESTAMP) && times & MICROSECOND != 0 => timestamp(TimeUnit::Microsecond),
            times if of(TIMESTAMP) && times & MILLISECOND != 0 => timestamp(TimeUnit::Millisecond),
            SECOND => timestamp(TimeUnit::Second),
            _ => text,
        }
    }

    /// Whether two values may be the same number, as 1.1 and 1.10.
    fn has_two_spellings(&self) -> bool {
        self.least_decimals.is_some_and(|least| self.padded_decimals > least)
    }

    fn kind(&mut self, value: &[u8]) -> u16 {
        // Most values are short integers.
        if value.len() <= DOUBLE_DIGITS && value.iter().all(u8::is_ascii_digit) {
            return if value[0] == b'0' && value.len() > 1 { TEXT } else { INTEGER };
        }
        match value.trim_ascii() {
            b"" => TEXT,
            trimmed if trimmed.len() < value.len() => PADDED | self.kind_of_trimmed(trimmed),
            trimmed => self.kind_of_trimmed(trimmed),
        }
    }

    fn kind_of_trimmed(&mut self, value: &[u8]) -> u16 {
        let Ok(text) = std::str::from_utf8(value) else { return TEXT };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
        let rest = &digits[whole..];
        match rest.as_bytes() {
            [] if whole > INTEGER_DIGITS || text == "-0" => TEXT,
            _ if whole > 1 && digits.starts_with('0') => TEXT,
            [] if whole == 0 => TEXT,
            [] if whole > DOUBLE_DIGITS => INTEGER | LARGE,
            [] => INTEGER,
            [b'.', ..] if Float64Type::parse(text).is_some() => {
                self.see_decimals(&rest[1..]);
                FLOAT
            }
            [b'e' | b'E', ..] if whole > 0 && Float64Type::parse(text).is_some() => FLOAT,
            [b',', decimals @ ..] if whole > 0 && is_digits(decimals) => {
                self.see_decimals(&rest[1..]);
                DECIMAL_COMMA
            }
            _ if whole == 4 => time(text),
            _ if matches!(text, "NaN" | "nan" | "inf" | "-inf") => FLOAT,
            _ if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => BOOLEAN,
            _ => TEXT,
        }
    }

    fn see_decimals(&mut self, decimals: &str) {
        let digits = decimals.bytes().take_while(u8::is_ascii_digit).count();
        if digits == decimals.len() && digits > 0 {
            self.least_decimals = Some(self.least_decimals.map_or(digits, |least| least.min(digits)));
            if decimals.ends_with('0') {
                self.padded_decimals = self.padded_decimals.max(digits);
            }
        }
    }
}

fn is_digits(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// What begins with a year, if it is a date or a time.
fn time(text: &str) -> u16 {
    let fits = |pattern: &str| {
        let fit = |(byte, wanted): (u8, u8)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'T' => byte == b'T' || byte == b' ',
            other => byte == other,
        };
        text.len() >= pattern.len() && text.bytes().zip(pattern.bytes()).all(fit)
    };
    if text.len() == 10 && fits("dddd-dd-dd") && Date32Type::parse(text).is_some() {
        return DATE;
    }
    if !fits("dddd-dd-ddTdd:dd:dd") || TimestampNanosecondType::parse(text).is_none() {
        return TEXT;
    }
    let decimals = text[19..].strip_prefix('.').unwrap_or_default();
    match decimals.bytes().take_while(u8::is_ascii_digit).count() {
        0 => SECOND,
        1..=3 => MILLISECOND,
        4..=6 => MICROSECOND,
        7..=9 => NANOSECOND,
        _ => TEXT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> (DataType, Written) {
        let mut column = ColumnValues::default();
        values.iter().for_each(|value| column.see(value.as_bytes()));
        column.data_type(true)
    }

    #[test]
    fn a_type_is_that_of_all_values() {
        use Written::{DecimalComma, Padded, Plainly};
        let time = |unit| DataType::Timestamp(unit, None);
        for (values, data_type, written) in [
            (&["1", "", "-20"][..], DataType::Int64, Plainly),
            (&["1", "2.5", ".5", "5.", "1e3", "NaN"], DataType::Float64, Plainly),
            (&["1", "12a"], DataType::Utf8, Plainly),
            (&["1", "NA"], DataType::Utf8, Plainly),
            (&["true", "FALSE"], DataType::Boolean, Plainly),
            (&["true", "1"], DataType::Utf8, Plainly),
            (&["", ""], DataType::Null, Plainly),
            (&["0,5", "1", "-0,25"], DataType::Float64, DecimalComma),
            (&["0,5", "0.5"], DataType::Utf8, Plainly),
            (&["1,2,3"], DataType::Utf8, Plainly),
            (&[" 1", "2 "], DataType::Int64, Padded),
            (&[" 1.5", "2"], DataType::Float64, Padded),
            (&[" a", "1"], DataType::Utf8, Plainly),
            (&["2024-01-02"], DataType::Date32, Plainly),
            (&["2024-13-02"], DataType::Utf8, Plainly),
            (&["2024-01-02T10:00:00"], time(TimeUnit::Second), Plainly),
            (&["2024-01-02 10:00:00", "2024-01-02T10:00:00.25Z"], time(TimeUnit::Millisecond), Plainly),
            (&["2024-01-02T10:00:00 or so"], DataType::Utf8, Plainly),
            (&["2024-01-02", "2024-01-02T10:00:00"], DataType::Utf8, Plainly),
            (&["9223372036854775808"], DataType::Utf8, Plainly),
            (&["1234567890123456"], DataType::Int64, Plainly),
        ] {
            assert_eq!(of(values), (data_type, written), "{values:?}");
        }
    }

    #[test]
    fn what_is_written_differently_stays_different() {
        for values in [
            &["1", "01"][..],
            &["001"],
            &["0", "-0"],
            &["+1", "1"],
            &["1.1", "1.10"],
            &["1.1", "1.2", "1.20"],
            &["1,1", "1,10"],
            &["1.5", "1234567890123456"],
            &["01.5"],
        ] {
            assert_eq!(of(values).0, DataType::Utf8, "{values:?}");
        }
        for values in [&["0", "10"][..], &["0.50", "0.75", "1"], &["10.0", "0.25"], &["0.5", "0.25"]] {
            assert_ne!(of(values).0, DataType::Utf8, "{values:?}");
        }
    }
}
