//! The index as bytes: what the coordinator of a cluster sends to its workers.
//!
//! Only what cannot be derived is sent. How many users answered a question, and where a
//! user's scores start, follow from the bits; and so a message that does not fit together
//! is found out, instead of being swept out of bounds.
//!
//! The format is between processes of one version. It is not meant for storage.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use ethnum::I256;
use prost::Message;

use crate::compensated::Compensated;
use crate::index::answers::sweep_order;
use crate::index::bitset::{BitMatrix, ones};
use crate::index::scores::{Binary, Scores, Weighted, offsets};
use crate::index::unit::Unit;
use crate::index::{AnswerIndex, Answers};

#[derive(Clone, PartialEq, Message)]
struct IndexMessage {
    /// The questions as the one column of a batch, in Arrow's streaming format.
    #[prost(bytes = "vec", tag = "1")]
    questions: Vec<u8>,
    #[prost(uint64, tag = "2")]
    users: u64,
    /// For each position, the question's id.
    #[prost(uint32, repeated, tag = "3")]
    ids: Vec<u32>,
    /// Row after row.
    #[prost(fixed64, repeated, tag = "4")]
    answered: Vec<u64>,
    #[prost(oneof = "ScoresMessage", tags = "5, 6, 7, 8, 10")]
    scores: Option<ScoresMessage>,
    #[prost(bool, tag = "9")]
    floats_as_decimals: bool,
    #[prost(oneof = "UnitMessage", tags = "11, 12")]
    unit: Option<UnitMessage>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum UnitMessage {
    #[prost(message, tag = "11")]
    Exact(ExactUnitMessage),
    #[prost(message, tag = "12")]
    Float(FloatUnitMessage),
}

/// Numbers of 128 bits, lowest byte first.
#[derive(Clone, PartialEq, Message)]
struct ExactUnitMessage {
    #[prost(bytes = "vec", tag = "1")]
    lowest: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    divisor: Vec<u8>,
    #[prost(sint32, tag = "3")]
    digits: i32,
}

#[derive(Clone, PartialEq, Message)]
struct FloatUnitMessage {
    #[prost(double, tag = "1")]
    up: f64,
    #[prost(sint32, tag = "2")]
    exponent: i32,
    #[prost(double, repeated, tag = "3")]
    centres: Vec<f64>,
    #[prost(sint32, tag = "4")]
    digits: i32,
}

impl UnitMessage {
    fn of(unit: &Unit) -> Self {
        match unit.clone() {
            Unit::Exact { lowest, divisor, digits } => Self::Exact(ExactUnitMessage {
                lowest: lowest.to_le_bytes().to_vec(),
                divisor: divisor.to_le_bytes().to_vec(),
                digits,
            }),
            Unit::Float { up, exponent, centres, digits } => {
                Self::Float(FloatUnitMessage { up, exponent, centres, digits })
            }
        }
    }

    /// The unit of numbers of so many questions.
    fn unit(self, questions: usize) -> Option<Unit> {
        match self {
            Self::Exact(ExactUnitMessage { lowest, divisor, digits }) => Some(Unit::Exact {
                lowest: i128::from_le_bytes(lowest.try_into().ok()?),
                divisor: u128::from_le_bytes(divisor.try_into().ok()?),
                digits,
            }),
            Self::Float(FloatUnitMessage { up, exponent, centres, digits }) => {
                (centres.len() == questions).then_some(Unit::Float { up, exponent, centres, digits })
            }
        }
    }
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ScoresMessage {
    #[prost(message, tag = "5")]
    Binary(BinaryMessage),
    #[prost(message, tag = "6")]
    Integer(IntegerMessage),
    #[prost(message, tag = "7")]
    Wide(WideMessage),
    #[prost(message, tag = "8")]
    Float(FloatMessage),
    #[prost(message, tag = "10")]
    Long(WideMessage),
}

#[derive(Clone, PartialEq, Message)]
struct BinaryMessage {
    #[prost(fixed64, repeated, tag = "1")]
    correct: Vec<u64>,
    #[prost(sint32, repeated, tag = "2")]
    totals: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct IntegerMessage {
    #[prost(sint64, repeated, tag = "1")]
    scores: Vec<i64>,
    #[prost(sint64, repeated, tag = "2")]
    totals: Vec<i64>,
}

/// Numbers of 128 or 256 bits, one after the other, lowest byte first.
#[derive(Clone, PartialEq, Message)]
struct WideMessage {
    #[prost(bytes = "vec", tag = "1")]
    scores: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    totals: Vec<u8>,
}

/// The two parts of each number, one after the other.
#[derive(Clone, PartialEq, Message)]
struct FloatMessage {
    #[prost(double, repeated, tag = "1")]
    scores: Vec<f64>,
    #[prost(double, repeated, tag = "2")]
    totals: Vec<f64>,
}

impl WideMessage {
    fn of<N: Copy, const BYTES: usize>(weighted: &Weighted<N>, bytes: fn(N) -> [u8; BYTES]) -> Self {
        let bytes = |numbers: &[N]| numbers.iter().flat_map(|&number| bytes(number)).collect();
        Self { scores: bytes(&weighted.scores), totals: bytes(&weighted.totals) }
    }

    /// The numbers, if there are as many of them as answers and users.
    fn weighted<N, const BYTES: usize>(
        &self,
        answered: &BitMatrix,
        number: fn([u8; BYTES]) -> N,
    ) -> Option<Arc<Weighted<N>>> {
        let numbers = |bytes: &[u8]| {
            let (numbers, rest) = bytes.as_chunks();
            rest.is_empty().then(|| numbers.iter().map(|&bytes| number(bytes)).collect())
        };
        weighted(answered, numbers(&self.scores)?, numbers(&self.totals)?)
    }
}

impl AnswerIndex {
    /// The index as bytes, for [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    /// Arrow cannot write the questions.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, ArrowError> {
        let Answers { answered, scores, unit, ids, .. } = &**self.answers();
        let scores = match scores {
            Scores::Binary(Binary { correct, totals }) => ScoresMessage::Binary(BinaryMessage {
                correct: correct.words().to_vec(),
                totals: totals.iter().copied().map(i32::from).collect(),
            }),
            Scores::Integer(weighted) => ScoresMessage::Integer(IntegerMessage {
                scores: weighted.scores.clone(),
                totals: weighted.totals.clone(),
            }),
            Scores::Long(weighted) => ScoresMessage::Long(WideMessage::of(weighted, i128::to_le_bytes)),
            Scores::Wide(weighted) => ScoresMessage::Wide(WideMessage::of(weighted, I256::to_le_bytes)),
            Scores::Float(weighted) => {
                let parts =
                    |numbers: &[Compensated]| numbers.iter().flat_map(|number| number.parts()).collect();
                ScoresMessage::Float(FloatMessage {
                    scores: parts(&weighted.scores),
                    totals: parts(&weighted.totals),
                })
            }
        };
        let message = IndexMessage {
            questions: written(self.questions())?,
            users: answered.rows() as u64,
            ids: ids.clone(),
            answered: answered.words().to_vec(),
            scores: Some(scores),
            floats_as_decimals: self.floats_as_decimals,
            unit: Some(UnitMessage::of(unit)),
        };
        Ok(message.encode_to_vec())
    }

    /// The index that [`to_bytes`](Self::to_bytes) was called on.
    ///
    /// # Errors
    /// The bytes are not those of an index.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, ArrowError> {
        let message = IndexMessage::decode(bytes).map_err(|error| ArrowError::IpcError(error.to_string()))?;
        let questions = read(message.questions)?;
        let unit = message.unit.and_then(|unit| unit.unit(message.ids.len()));
        let answers =
            unit.and_then(|unit| answers(message.users, message.ids, message.answered, message.scores, unit));
        match answers {
            Some(answers) if answers.questions() == questions.len() => {
                let floats_as_decimals = message.floats_as_decimals;
                // Those are told where the rows are read.
                let labels = Vec::new();
                Ok(Self { questions, answers: Arc::new(answers), floats_as_decimals, labels })
            }
            _ => Err(ArrowError::IpcError("the parts of an index do not fit together".to_string())),
        }
    }
}

/// The answers, if what was sent fits together.
fn answers(
    users: u64,
    ids: Vec<u32>,
    answered: Vec<u64>,
    scores: Option<ScoresMessage>,
    unit: Unit,
) -> Option<Answers> {
    let users = usize::try_from(users).ok()?;
    let answered = BitMatrix::from_words(users, ids.len(), answered)?;
    let support = support(&answered);
    let mut support_by_id = vec![0; ids.len()];
    for (&id, &users) in ids.iter().zip(&support) {
        *support_by_id.get_mut(id as usize)? = users;
    }
    if sweep_order(&support_by_id) != ids {
        return None;
    }
    let scores = match scores? {
        ScoresMessage::Binary(BinaryMessage { correct, totals }) => {
            let correct = BitMatrix::from_words(users, ids.len(), correct)?;
            let stray = correct
                .words()
                .iter()
                .zip(answered.words())
                .any(|(correct, answered)| correct & !answered != 0);
            let totals =
                totals.into_iter().map(|total| i16::try_from(total).ok()).collect::<Option<Vec<_>>>()?;
            if stray || totals.len() != users {
                return None;
            }
            Scores::Binary(Binary { correct, totals })
        }
        ScoresMessage::Integer(IntegerMessage { scores, totals }) => {
            Scores::Integer(weighted(&answered, scores, totals)?)
        }
        ScoresMessage::Long(message) => Scores::Long(message.weighted(&answered, i128::from_le_bytes)?),
        ScoresMessage::Wide(message) => Scores::Wide(message.weighted(&answered, I256::from_le_bytes)?),
        ScoresMessage::Float(FloatMessage { scores, totals }) => {
            let numbers = |parts: &[f64]| {
                let (numbers, rest) = parts.as_chunks();
                rest.is_empty().then(|| numbers.iter().map(|&parts| Compensated::from_parts(parts)).collect())
            };
            Scores::Float(weighted(&answered, numbers(&scores)?, numbers(&totals)?)?)
        }
    };
    let is_float = matches!(scores, Scores::Float(_));
    (is_float == matches!(unit, Unit::Float { .. })).then_some(Answers {
        answered,
        scores,
        unit,
        ids,
        support,
    })
}

/// Scores and totals as numbers, if there are as many of them as answers and users.
fn weighted<N>(answered: &BitMatrix, scores: Vec<N>, totals: Vec<N>) -> Option<Arc<Weighted<N>>> {
    let offsets = offsets(answered);
    let fit = offsets.last() == Some(&scores.len()) && totals.len() == answered.rows();
    fit.then(|| Arc::new(Weighted { offsets, scores, totals }))
}

/// For each column, how many rows have its bit set.
fn support(matrix: &BitMatrix) -> Vec<usize> {
    let mut support = vec![0; matrix.columns()];
    for row in 0..matrix.rows() {
        for (word, &bits) in matrix.row(row).iter().enumerate() {
            ones(bits).for_each(|bit| support[word * u64::BITS as usize + bit] += 1);
        }
    }
    support
}

/// An array as the one column of a stream of batches.
fn written(values: &ArrayRef) -> Result<Vec<u8>, ArrowError> {
    let batch = RecordBatch::try_from_iter([("question", Arc::clone(values))])?;
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn read(bytes: Vec<u8>) -> Result<ArrayRef, ArrowError> {
    let mut batches = StreamReader::try_new(Cursor::new(bytes), None)?;
    match batches.next().transpose()? {
        Some(batch) if batch.num_columns() == 1 => Ok(Arc::clone(batch.column(0))),
        _ => Err(ArrowError::IpcError("the questions of an index are one column".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{ColumnNames, IndexBuilder};
    use arrow::array::{Array, Decimal128Array, Float64Array, Int64Array, StringArray};

    /// An index of 70 questions that every user answers some of.
    fn index(score: impl Fn(i64) -> ArrayRef) -> AnswerIndex {
        let rows: Vec<(i64, i64)> =
            (0..40).flat_map(|user| (0..70).map(move |question| (user, question))).collect();
        let rows: Vec<(i64, i64)> =
            rows.into_iter().filter(|(user, question)| (user * question) % 3 != 1).collect();
        let users: ArrayRef = Arc::new(rows.iter().map(|(user, _)| Some(*user)).collect::<Int64Array>());
        let questions = rows.iter().map(|(_, question)| Some(format!("q{question:02}")));
        let questions: ArrayRef = Arc::new(questions.collect::<StringArray>());
        let scores: Vec<ArrayRef> =
            rows.iter().map(|(user, question)| score(user * 7 + question * 5)).collect();
        let scores: Vec<&dyn Array> = scores.iter().map(AsRef::as_ref).collect();
        let scores = arrow::compute::concat(&scores).unwrap();
        let batch = RecordBatch::try_from_iter([("user", users), ("question", questions), ("score", scores)])
            .unwrap();
        let mut builder = IndexBuilder::try_new(&batch.schema(), ColumnNames::default()).unwrap();
        builder.push(&batch).unwrap();
        builder.finish().unwrap()
    }

    fn classes() -> [AnswerIndex; 6] {
        let huge = |seed: i64| i128::from(seed) * 10i128.pow(20) + 1;
        [
            index(|seed| Arc::new(Int64Array::from(vec![seed % 2]))),
            index(|seed| Arc::new(Int64Array::from(vec![seed % 100]))),
            index(|seed| Arc::new(Decimal128Array::from(vec![huge(seed)]))),
            index(|seed| Arc::new(Float64Array::from(vec![seed as f64 / 3.0]))),
            index(|seed| Arc::new(Float64Array::from(vec![seed as f64 / 10.0]))),
            index(|seed| Arc::new(Int64Array::from(vec![seed * 10_000_000_001 + 1]))),
        ]
    }

    #[test]
    fn an_index_comes_back_as_it_was() {
        let names: Vec<&str> = classes().map(|index| index.answers().score_class()).to_vec();
        assert_eq!(names, ["binary", "integer", "wide integer", "float", "integer", "long integer"]);
        for index in classes() {
            let back = AnswerIndex::from_bytes(&index.to_bytes().unwrap()).unwrap();
            assert_eq!(back.questions(), index.questions());
            assert_eq!(format!("{:?}", back.answers()), format!("{:?}", index.answers()));
            assert_eq!(back.floats_as_decimals(), index.floats_as_decimals());
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for index in classes() {
            let bytes = index.to_bytes().unwrap();
            for end in (0..bytes.len()).step_by(97) {
                assert!(AnswerIndex::from_bytes(&bytes[..end]).is_err(), "the first {end} bytes");
            }
            let message = IndexMessage::decode(&bytes[..]).unwrap();
            let spoilt = |spoil: &dyn Fn(&mut IndexMessage)| {
                let mut message = message.clone();
                spoil(&mut message);
                assert!(AnswerIndex::from_bytes(&message.encode_to_vec()).is_err(), "{message:?}");
            };
            spoilt(&|message| message.users += 1);
            spoilt(&|message| message.ids.swap(0, 69));
            spoilt(&|message| message.ids[0] = 70);
            spoilt(&|message| message.answered[1] |= 1 << 63);
            spoilt(&|message| message.scores = None);
            spoilt(&|message| message.unit = None);
            spoilt(&|message| match message.unit.as_mut().unwrap() {
                UnitMessage::Exact(unit) => drop(unit.lowest.pop()),
                UnitMessage::Float(unit) => drop(unit.centres.pop()),
            });
            spoilt(&|message| match message.scores.as_mut().unwrap() {
                // An answer of a user who gave fewer.
                ScoresMessage::Binary(binary) => binary.correct[2] = u64::MAX,
                ScoresMessage::Integer(integer) => drop(integer.scores.pop()),
                ScoresMessage::Long(wide) | ScoresMessage::Wide(wide) => drop(wide.totals.pop()),
                ScoresMessage::Float(float) => drop(float.scores.pop()),
            });
            spoilt(&|message| match message.scores.as_mut().unwrap() {
                ScoresMessage::Binary(binary) => binary.totals[0] = 1 << 15,
                ScoresMessage::Integer(integer) => integer.totals.push(0),
                ScoresMessage::Long(long) => long.totals.extend([0; 16]),
                ScoresMessage::Wide(wide) => wide.totals.extend([0; 32]),
                ScoresMessage::Float(float) => float.totals.extend([0.0; 2]),
            });
        }
    }
}
