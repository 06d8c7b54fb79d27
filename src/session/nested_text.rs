//! Lists, structs and maps as text, the way DuckDB writes them.
//!
//! CSV has no lists, and arrow's writer refuses them; its text for them is ambiguous, as
//! `[relaxed, tense, tense]` may be a list of two. DuckDB's text can be read back:
//!
//! ```text
//! list     [q1, q2]
//! struct   {'name': q1, 'points': 3}
//! map      {q1=3, q2=5}
//! NULL     NULL
//! text     as it is; in single quotes where it is empty, is `NULL` in any letters, begins or
//!          ends with white space, or holds a control character or one of , [ ] { } ( ) = : ' " \
//!          within quotes, ' and \ have a \ in front
//! ```

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, MapArray, RecordBatch, StringArray, StringBuilder,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Whether values of a type are written by [`to_text`] where a format has no nested values.
pub fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_nested(values),
        other => other.is_nested(),
    }
}

/// A schema in which nested columns are text.
pub fn text_schema(schema: &SchemaRef) -> SchemaRef {
    if !schema.fields().iter().any(|field| is_nested(field.data_type())) {
        return Arc::clone(schema);
    }
    let text = |field: &Arc<Field>| {
        if is_nested(field.data_type()) {
            Arc::new(Field::new(field.name(), DataType::Utf8, field.is_nullable()))
        } else {
            Arc::clone(field)
        }
    };
    Arc::new(Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>()))
}

/// A batch whose nested columns are text; its schema is that of [`text_schema`].
///
/// # Errors
/// Arrow cannot write a value.
pub fn text_batch(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let text = |column: &ArrayRef| {
        if is_nested(column.data_type()) {
            Ok(Arc::new(to_text(column)?) as ArrayRef)
        } else {
            Ok(Arc::clone(column))
        }
    };
    let columns = batch.columns().iter().map(text).collect::<Result<_, ArrowError>>()?;
    RecordBatch::try_new(text_schema(batch.schema_ref()), columns)
}

/// The text of each value; NULL stays NULL.
///
/// # Errors
/// Arrow cannot write a value.
pub fn to_text(array: &dyn Array) -> Result<StringArray, ArrowError> {
    let options = FormatOptions::new();
    let writer = Writer::of(array, &options)?;
    let mut texts = StringBuilder::with_capacity(array.len(), 16 * array.len());
    let mut text = String::new();
    for row in 0..array.len() {
        if writer.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        writer.write(row, &mut text)?;
        texts.append_value(&text);
    }
    Ok(texts.finish())
}

/// Writes the values of one array.
struct Writer<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    /// Where each list begins and ends among the elements.
    List(Box<dyn Fn(usize) -> (usize, usize) + 'a>, Box<Writer<'a>>),
    Struct(Vec<(String, Writer<'a>)>),
    Map(&'a MapArray, Box<Writer<'a>>, Box<Writer<'a>>),
    Plain(ArrayFormatter<'a>),
}

impl<'a> Writer<'a> {
    fn of(array: &'a dyn Array, options: &'a FormatOptions<'a>) -> Result<Self, ArrowError> {
        let elements = |values: &'a ArrayRef| Ok::<_, ArrowError>(Box::new(Self::of(values, options)?));
        macro_rules! list {
            ($lists:expr) => {{
                let lists = $lists;
                let ends = lists.value_offsets();
                let range = move |row: usize| (ends[row] as usize, ends[row + 1] as usize);
                Values::List(Box::new(range), elements(lists.values())?)
            }};
        }
        macro_rules! list_view {
            ($lists:expr) => {{
                let lists = $lists;
                let range = move |row: usize| {
                    let first = lists.value_offset(row) as usize;
                    (first, first + lists.value_size(row) as usize)
                };
                Values::List(Box::new(range), elements(lists.values())?)
            }};
        }
        let values = match array.data_type() {
            DataType::List(_) => list!(array.as_list::<i32>()),
            DataType::LargeList(_) => list!(array.as_list::<i64>()),
            DataType::ListView(_) => list_view!(array.as_list_view::<i32>()),
            DataType::LargeListView(_) => list_view!(array.as_list_view::<i64>()),
            DataType::FixedSizeList(_, _) => {
                let lists: &FixedSizeListArray = array.as_fixed_size_list();
                let size = lists.value_length() as usize;
                let range = move |row: usize| {
                    let first = lists.value_offset(row) as usize;
                    (first, first + size)
                };
                Values::List(Box::new(range), elements(lists.values())?)
            }
            DataType::Struct(fields) => {
                let structs: &StructArray = array.as_struct();
                let fields = fields.iter().zip(structs.columns());
                let fields = fields.map(|(field, column)| {
                    Ok::<_, ArrowError>((quoted(field.name()), Self::of(column, options)?))
                });
                Values::Struct(fields.collect::<Result<_, _>>()?)
            }
            DataType::Map(_, _) => {
                let maps = array.as_map();
                Values::Map(maps, elements(maps.keys())?, elements(maps.values())?)
            }
            _ => Values::Plain(ArrayFormatter::try_new(array, options)?),
        };
        Ok(Self { nulls: array.logical_nulls(), values })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// One value of the array itself.
    fn write(&self, row: usize, text: &mut String) -> Result<(), ArrowError> {
        match &self.values {
            Values::List(range, elements) => {
                let (first, end) = range(row);
                text.push('[');
                separated(text, first..end, |element, text| elements.write_within(element, text))?;
                text.push(']');
            }
            Values::Struct(fields) => {
                text.push('{');
                separated(text, fields, |(name, values), text| {
                    text.push_str(name);
                    text.push_str(": ");
                    values.write_within(row, text)
                })?;
                text.push('}');
            }
            Values::Map(maps, keys, values) => {
                let ends = maps.value_offsets();
                text.push('{');
                separated(text, ends[row] as usize..ends[row + 1] as usize, |entry, text| {
                    keys.write_within(entry, text)?;
                    text.push('=');
                    values.write_within(entry, text)
                })?;
                text.push('}');
            }
            Values::Plain(formatter) => {
                write!(text, "{}", formatter.value(row)).map_err(|_| unwritable())?;
            }
        }
        Ok(())
    }

    /// One value as an element of something else.
    fn write_within(&self, row: usize, text: &mut String) -> Result<(), ArrowError> {
        if self.is_null(row) {
            text.push_str("NULL");
            return Ok(());
        }
        let begin = text.len();
        self.write(row, text)?;
        if matches!(self.values, Values::Plain(_)) && needs_quotes(&text[begin..]) {
            let plain = text.split_off(begin);
            text.push_str(&quoted(&plain));
        }
        Ok(())
    }
}

/// Writes parts with commas between them.
fn separated<T>(
    text: &mut String,
    parts: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String) -> Result<(), ArrowError>,
) -> Result<(), ArrowError> {
    for (number, part) in parts.into_iter().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        write(part, text)?;
    }
    Ok(())
}

/// Whether a text would be taken for something else without quotes.
fn needs_quotes(text: &str) -> bool {
    let sign = |c| matches!(c, ',' | '[' | ']' | '{' | '}' | '(' | ')' | '=' | ':' | '\'' | '"' | '\\');
    let special = |c: char| c.is_control() || sign(c);
    text.is_empty()
        || text.eq_ignore_ascii_case("null")
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.contains(special)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn unwritable() -> ArrowError {
    ArrowError::CastError("a value cannot be written as text".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        DictionaryArray, FixedSizeListBuilder, Int64Array, Int64Builder, LargeListArray, ListBuilder,
        MapBuilder, StringViewBuilder,
    };
    use arrow::datatypes::{Int32Type, Int64Type};

    fn lists(lists: &[Option<&[Option<&str>]>]) -> ArrayRef {
        let mut builder = ListBuilder::new(StringViewBuilder::new());
        for list in lists {
            match list {
                Some(elements) => builder.append_value(elements.iter().copied()),
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }

    fn texts(array: &dyn Array) -> Vec<Option<String>> {
        to_text(array).unwrap().iter().map(|text| text.map(str::to_string)).collect()
    }

    fn text_of(elements: &[&str]) -> String {
        let elements: Vec<_> = elements.iter().copied().map(Some).collect();
        texts(&lists(&[Some(&elements)]))[0].clone().unwrap()
    }

    #[test]
    fn elements_are_quoted_where_duckdb_quotes_them() {
        // As DuckDB 1.4 and 2.0 print them, but for control characters, which it leaves alone.
        for (element, expected) in [
            ("q1", "q1"),
            ("a b", "a b"),
            ("ü;|%", "ü;|%"),
            ("-1.5", "-1.5"),
            ("tense, tense", "'tense, tense'"),
            (" a", "' a'"),
            ("a ", "'a '"),
            ("", "''"),
            ("NULL", "'NULL'"),
            ("Null", "'Null'"),
            ("it's", "'it\\'s'"),
            ("say \"x\"", "'say \"x\"'"),
            ("[x", "'[x'"),
            ("x]", "'x]'"),
            ("{", "'{'"),
            ("f(x)", "'f(x)'"),
            ("a=b", "'a=b'"),
            ("10:30", "'10:30'"),
            ("a\\b", "'a\\\\b'"),
            ("a\nb", "'a\nb'"),
            ("a\tb", "'a\tb'"),
        ] {
            assert_eq!(text_of(&[element]), format!("[{expected}]"), "{element:?}");
        }
        assert_eq!(text_of(&["relaxed", "tense, tense"]), "[relaxed, 'tense, tense']");
        assert_eq!(text_of(&[]), "[]");
    }

    #[test]
    fn null_is_no_text() {
        let array = lists(&[None, Some(&[None, Some("NULL")]), Some(&[])]);
        let expected = [None, Some("[NULL, 'NULL']"), Some("[]")];
        assert_eq!(texts(&array), expected.map(|text| text.map(str::to_string)));
        assert_eq!(texts(&array.slice(1, 1)), [Some("[NULL, 'NULL']".to_string())], "a part of an array");
    }

    #[test]
    fn every_nested_type_has_a_text() {
        let numbers = [Some(vec![Some(1), None]), None, Some(vec![])];
        let large = LargeListArray::from_iter_primitive::<Int64Type, _, _>(numbers);
        assert_eq!(texts(&large), [Some("[1, NULL]".to_string()), None, Some("[]".to_string())]);
        let view = DataType::ListView(Arc::new(Field::new_list_field(DataType::Int64, true)));
        let view = arrow::compute::cast(&large, &view).unwrap();
        assert_eq!(texts(&view), texts(&large));

        let mut pairs = FixedSizeListBuilder::new(Int64Builder::new(), 2);
        pairs.values().append_slice(&[7, 8]);
        pairs.append(true);
        assert_eq!(texts(&pairs.finish()), [Some("[7, 8]".to_string())]);

        let names: ArrayRef = lists(&[Some(&[Some("a,b")])]);
        let count: ArrayRef = Arc::new(Int64Array::from(vec![3]));
        let structs = StructArray::try_from(vec![("names", names), ("how many", count)]).unwrap();
        assert_eq!(texts(&structs), [Some("{'names': ['a,b'], 'how many': 3}".to_string())]);

        let mut map = MapBuilder::new(None, arrow::array::StringBuilder::new(), Int64Builder::new());
        map.keys().append_value("k,1");
        map.values().append_null();
        map.append(true).unwrap();
        assert_eq!(texts(&map.finish()), [Some("{'k,1'=NULL}".to_string())]);
    }

    #[test]
    fn other_columns_of_a_batch_stay_as_they_are() {
        let names: DictionaryArray<Int32Type> = ["a", "b"].into_iter().collect();
        let batch = RecordBatch::try_from_iter([
            ("list", lists(&[None, Some(&[Some("x")])])),
            ("name", Arc::new(names) as ArrayRef),
        ]);
        let batch = batch.unwrap();
        let text = text_batch(&batch).unwrap();
        assert_eq!(text.schema(), text_schema(&batch.schema()));
        assert_eq!(text.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("[x]")]);
        assert!(Arc::ptr_eq(text.column(1), batch.column(1)));
    }
}
