//! Batches in, index out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::AnswerIndex;
use crate::index::all_answers::AllAnswers;
use crate::index::answered::{answered, support};
use crate::index::answers::{Answers, sweep_order};
use crate::index::bitset::BitMatrix;
use crate::index::blocks::AnswerBlocks;
use crate::index::classify::{ClassifyMemory, classify};
use crate::index::columns::too_wide;
use crate::index::criterion::{Criterion, CriterionValues};
use crate::index::decimal::DecimalScan;
use crate::index::error::{BuildError, Ended};
use crate::index::key::{Key, Users};
use crate::index::raw::RawScores;
use crate::index::roles::{InputRoles, RoleColumns};
use crate::index::spread::Spread;
use crate::interest::{Interest, Unwanted, awaited, lasting, wanted};

/// Folds batches of answers, in the long layout or the wide one, into an [`AnswerIndex`].
///
/// A batch is read once and dropped. What stays is 16 bytes an answer, by blocks of users, and
/// each distinct user and question once; [`memory`](Self::memory) tells how much. Batches
/// that are read in parallel go to [siblings](Self::sibling), which are then
/// [merged](Self::merge).
///
/// ```
/// use arrow::array::{Int64Array, RecordBatch, StringArray};
/// use datafusion_k_corrset::index::{ColumnNames, IndexBuilder, InputLayout};
/// use std::sync::Arc;
///
/// let batch = RecordBatch::try_from_iter([
///     ("user", Arc::new(StringArray::from(vec!["ann", "ann", "bob"])) as _),
///     ("question", Arc::new(StringArray::from(vec!["q2", "q1", "q1"])) as _),
///     ("score", Arc::new(Int64Array::from(vec![1, 0, 1])) as _),
/// ])?;
/// let mut builder = IndexBuilder::try_new(&batch.schema(), ColumnNames::default())?;
/// builder.push(&batch)?;
/// let index = builder.finish()?;
/// assert_eq!((index.answers().users(), index.answers().questions()), (2, 2));
///
/// // The same answers, with a row a user and a column a question.
/// let batch = RecordBatch::try_from_iter([
///     ("user", Arc::new(StringArray::from(vec!["ann", "bob"])) as _),
///     ("q1", Arc::new(Int64Array::from(vec![Some(0), Some(1)])) as _),
///     ("q2", Arc::new(Int64Array::from(vec![Some(1), None])) as _),
/// ])?;
/// let wide = InputLayout::Wide { user: Some("user".to_string()) };
/// let mut builder = IndexBuilder::try_new(&batch.schema(), wide)?;
/// builder.push(&batch)?;
/// let index = builder.finish()?;
/// assert_eq!((index.answers().users(), index.answers().questions()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IndexBuilder {
    columns: RoleColumns,
    schema: SchemaRef,
    users: Users,
    questions: Key,
    /// The answers, in the interners' ids.
    answers: AnswerBlocks,
    /// How far the scores spread that are exact.
    spread: Spread,
    /// The first NaN or infinite score, as (user, question, score).
    not_finite: Option<(u32, u32, f64)>,
    /// Whether scores that are floats stand for decimals.
    decimals: Option<DecimalScan>,
    /// What takes the place of grand totals, if anything does.
    criterion: Option<Criterion>,
}

impl IndexBuilder {
    /// A builder for batches of one schema.
    ///
    /// # Errors
    /// A column that is missing or ambiguous, or has a type that cannot play its role.
    pub fn try_new(schema: &SchemaRef, roles: impl Into<InputRoles>) -> Result<Self> {
        let columns = roles.into().columns(schema.fields())?;
        Ok(Self {
            users: columns.answers.users()?,
            questions: columns.answers.questions()?,
            answers: AnswerBlocks::default(),
            spread: Spread::default(),
            not_finite: None,
            decimals: columns.answers.decimals(),
            criterion: columns.criterion.as_ref().map(Criterion::new),
            columns,
            schema: Arc::clone(schema),
        })
    }

    /// An empty builder for other batches of the same table.
    pub fn sibling(&self) -> Self {
        Self {
            columns: self.columns.clone(),
            schema: Arc::clone(&self.schema),
            users: self.users.sibling(),
            questions: self.questions.sibling(),
            answers: AnswerBlocks::default(),
            spread: Spread::default(),
            not_finite: None,
            decimals: self.decimals.as_ref().map(DecimalScan::sibling),
            criterion: self.criterion.as_ref().map(Criterion::sibling),
        }
    }

    /// Takes over what a sibling was given.
    pub fn merge(&mut self, sibling: Self) {
        lasting(|interest| self.take_over(sibling, interest));
    }

    /// This builder with what a sibling was given, made for as long as somebody waits; `None` if
    /// nobody does any more.
    pub(crate) fn merged_while(mut self, sibling: Self, waits: &(dyn Fn() -> bool + Sync)) -> Option<Self> {
        self.take_over(sibling, Interest::while_(waits)).ok().map(|()| self)
    }

    fn take_over(&mut self, sibling: Self, interest: Interest<'_>) -> Result<(), Unwanted> {
        let (users, questions) = rayon::join(
            || self.users.absorb(&sibling.users, interest),
            || self.questions.absorb(&sibling.questions, interest),
        );
        let (users, questions) = (users?, questions?);
        self.answers.append(sibling.answers.renumbered(&users, &questions, interest)?);
        self.spread = self.spread.merged(sibling.spread);
        let number = |(user, question, score)| (users[user as usize], questions[question as usize], score);
        self.not_finite = self.not_finite.or(sibling.not_finite.map(number));
        if let (Some(here), Some(there)) = (&mut self.decimals, &sibling.decimals) {
            here.merge(there);
        }
        if let (Some(here), Some(there)) = (&mut self.criterion, sibling.criterion) {
            here.absorb(there, &users);
        }
        Ok(())
    }

    /// Takes one batch in.
    ///
    /// # Errors
    /// Columns other than those of the builder's schema, a score of more than 128 bits, or an
    /// array that Arrow cannot read.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), BuildError> {
        self.columns.check(&self.schema, batch)?;
        let users = self.users.push(batch)?;
        let rows =
            self.criterion.as_mut().map(|criterion| criterion.push(batch, &users)).transpose()?.flatten();
        let answers = self.columns.answers.answers(batch, users, rows.as_ref(), &mut self.questions)?;
        if let RawScores::Float(scores) = &answers.scores {
            let odd = || scores.iter().position(|score| !score.is_finite());
            let odd = self.not_finite.is_none().then(odd).flatten();
            if let Some(answer) = odd {
                self.not_finite = Some((answers.users[answer], answers.questions[answer], scores[answer]));
            }
            if let Some(decimals) = &mut self.decimals {
                decimals.push(scores);
            }
        }
        self.spread.push(&answers.scores);
        self.answers.push(&answers);
        Ok(())
    }

    /// All answers, with what is known of their scores.
    fn all_answers<'a>(&'a self, criterion: Option<&'a CriterionValues>) -> AllAnswers<'a> {
        let decimals = self.decimals.as_ref().and_then(DecimalScan::unit);
        let digits = self.columns.answers.digits();
        AllAnswers { blocks: &self.answers, spread: self.spread, decimals, digits, criterion }
    }

    /// The values of the criterion, if there is one.
    fn criterion_values(&self) -> Option<CriterionValues> {
        self.criterion.as_ref().map(|criterion| criterion.values(self.users.len()))
    }

    /// Bytes held now.
    pub fn memory(&self) -> usize {
        let criterion = self.criterion.as_ref().map_or(0, Criterion::bytes);
        self.users.bytes() + self.questions.interner.bytes() + self.answers.bytes() + criterion
    }

    /// Bytes that [`finish`](Self::finish) will need beside those held now, at most.
    pub fn finish_memory(&self) -> usize {
        let (users, questions) = (self.users.len(), self.questions.interner.len());
        let bits = BitMatrix::bytes(users, questions);
        let criterion = self.criterion_values();
        let answers = self.all_answers(criterion.as_ref());
        let ClassifyMemory { scores, working } = ClassifyMemory::of(answers, users, questions);
        let working = working + criterion.map_or(0, |_| CriterionValues::bytes(users));
        let names = self.questions.interner.sorted_bytes() + self.questions.interner.bytes();
        let order = users * size_of::<u32>();
        let sorting = self.users.by_name_bytes();
        let classifying = order.saturating_add(bits).saturating_add(scores).saturating_add(working);
        // Users are put in order when the answers as they came are gone.
        let by_answers = self.users.by_answers_bytes();
        let copies = bits.max(scores).max(by_answers);
        let ordering = order.saturating_add(bits).saturating_add(scores).saturating_add(copies);
        let ordering = ordering.saturating_sub(self.answers.bytes());
        names.saturating_add(sorting.max(classifying).max(ordering))
    }

    /// Builds the index.
    ///
    /// # Errors
    /// Rows without user or question, a score that is not finite, a question that
    /// a user answered twice, exact scores of too many digits.
    pub fn finish(self) -> Result<AnswerIndex, BuildError> {
        awaited(|interest| self.build(interest))
    }

    /// Builds the index for as long as somebody waits for it, which any thread may ask every few
    /// milliseconds; `None` if nobody does any more.
    ///
    /// # Errors
    /// Those of [`finish`](Self::finish).
    pub(crate) fn finish_while(
        self,
        waits: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<AnswerIndex>, BuildError> {
        wanted(self.build(Interest::while_(waits)))
    }

    fn build(mut self, interest: Interest<'_>) -> Result<AnswerIndex, Ended> {
        interest.check()?;
        self.users.check()?;
        self.questions.check()?;
        if let Some((user, question, score)) = self.not_finite {
            return Err(self.score_not_finite(user, question, score)?.into());
        }
        if let Some(criterion) = &self.criterion {
            criterion.check(&self.users)?;
        }
        let (by_name, sorted) =
            rayon::join(|| self.users.by_name(interest), || self.questions.interner.sorted(interest));
        let (by_name, sorted) = (by_name?, sorted?);

        let of_number = support(&self.answers, sorted.len(), interest)?;
        let support_by_id: Vec<usize> = sorted.iter().map(|&number| of_number[number as usize]).collect();
        let ids = sweep_order(&support_by_id);
        let mut positions = vec![0; ids.len()];
        for (position, &id) in ids.iter().enumerate() {
            positions[sorted[id as usize] as usize] = position as u32;
        }

        let answered = answered(&self.answers, self.users.len(), &positions, ids.len(), interest)?;
        let answered = match answered {
            Ok(answered) => answered,
            Err((user, question)) => return Err(self.duplicate(user, question)?.into()),
        };
        let criterion = self.criterion_values();
        let all = self.all_answers(criterion.as_ref());
        let floats_as_decimals = all.blocks.are_floats() && !all.are_floats();
        let scores = classify(&answered, &positions, all, interest)?;
        let (scores, unit) = scores.ok_or_else(|| too_wide(self.widest(criterion.as_ref())))?;
        drop(criterion);
        self.answers = AnswerBlocks::default();
        let support = ids.iter().map(|&id| support_by_id[id as usize]).collect();
        let mut answers = Answers { answered, scores, unit, ids, support };
        interest.check()?;
        // Who answered nothing is in no set. Without names their answers order users where sums depend on who is added first.
        let nameless = by_name.is_none();
        let mut users =
            answers.who_answered(by_name.unwrap_or_else(|| (0..answers.users() as u32).collect()));
        if nameless && answers.are_floats() {
            users = answers.by_answers(users, interest)?;
        }
        answers.reorder(&users, interest)?;
        let mut labels = Vec::new();
        for number in self.columns.answers.integers() {
            interest.check()?;
            let position = positions.get(number as usize);
            if position.is_some_and(|&position| answers.tells_users_apart(position as usize)) {
                labels.push(self.questions.interner.text(number)?);
            }
        }
        Ok(AnswerIndex {
            questions: self.questions.interner.values(&sorted)?,
            answers: Arc::new(answers),
            floats_as_decimals,
            labels,
        })
    }

    fn score_not_finite(&self, user: u32, question: u32, score: f64) -> Result<KCorrsetError, ArrowError> {
        let (question, value) = (self.questions.interner.text(question)?, score.to_string());
        Ok(match self.users.text(user)? {
            Some(user) => KCorrsetError::ScoreNotFinite { user, question, value, remedies: Vec::new() },
            None => KCorrsetError::ColumnNotFinite { name: question, value, remedies: Vec::new() },
        })
    }

    /// The column of the most digits.
    fn widest(&self, values: Option<&CriterionValues>) -> &str {
        let is_wider = match values {
            Some(CriterionValues::Exact(_, spread)) => spread.span() > self.spread.span(),
            Some(CriterionValues::Float(_)) | None => false,
        };
        let criterion = self.criterion.as_ref().filter(|_| is_wider);
        criterion.map_or(self.columns.answers.score(), Criterion::name)
    }

    fn duplicate(&self, user: u32, question: u32) -> Result<KCorrsetError, ArrowError> {
        let (user, question) = (self.users.text(user)?, self.questions.interner.text(question)?);
        Ok(self.columns.answers.duplicate(user.unwrap_or_default(), question))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::index::bitset::{contains, rank};
    use crate::index::scores::Scores;
    use crate::index::{ColumnNames, InputLayout};
    use arrow::array::{
        ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, StringArray, UInt32Array,
    };
    use arrow::compute::{cast, take_record_batch};
    use arrow::datatypes::DataType;

    /// (user, question, score)
    type Row = (u32, u32, i64);

    /// Answers of users of several blocks, user by user.
    fn rows(levels: i64) -> Vec<Row> {
        let users = (0..9000u32).map(|user| user.wrapping_mul(7919) % 10_000);
        let answers = users.flat_map(|user| (0..6).map(move |question| (user, question * 5 % 6)));
        let luck =
            |(user, question)| u64::from(user * 6 + question).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let some = answers.filter(|&key| luck(key) % 3 > 0);
        some.map(|key| (key.0, key.1, (luck(key) / 3) as i64 % levels)).collect()
    }

    fn batch(rows: &[Row], keys: &DataType, score: fn(i64) -> Option<f64>) -> RecordBatch {
        let names =
            |names: Vec<String>| cast(&(Arc::new(StringArray::from(names)) as ArrayRef), keys).unwrap();
        let scores: ArrayRef = match score(1) {
            None => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))),
            Some(_) => Arc::new(rows.iter().map(|row| score(row.2)).collect::<Float64Array>()),
        };
        RecordBatch::try_from_iter([
            ("user", names(rows.iter().map(|row| format!("the user of number {}", row.0)).collect())),
            ("question", names(rows.iter().map(|row| format!("q{}", row.1)).collect())),
            ("score", scores),
        ])
        .unwrap()
    }

    /// A builder for each of so many partitions, which are merged.
    fn built(
        rows: &[Row],
        keys: &DataType,
        score: fn(i64) -> Option<f64>,
        partitions: usize,
    ) -> IndexBuilder {
        let batches: Vec<RecordBatch> = rows.chunks(3000).map(|rows| batch(rows, keys, score)).collect();
        let mut builder = IndexBuilder::try_new(&batches[0].schema(), ColumnNames::default()).unwrap();
        let mut siblings: Vec<_> = (1..partitions).map(|_| builder.sibling()).collect();
        for (number, batch) in batches.iter().enumerate() {
            let to = match number % partitions {
                0 => &mut builder,
                partition => &mut siblings[partition - 1],
            };
            to.push(batch).unwrap();
        }
        siblings.into_iter().for_each(|sibling| builder.merge(sibling));
        builder
    }

    fn no_float(_: i64) -> Option<f64> {
        None
    }

    #[test]
    fn neither_the_order_of_rows_nor_encodings_nor_partitions_change_the_index() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let scores: [fn(i64) -> Option<f64>; 3] =
            [no_float, |score| Some(score as f64 / 10.0), |score| Some(score as f64 / 3.0)];
        for (levels, score) in [(2, scores[0]), (100, scores[0]), (100, scores[1]), (100, scores[2])] {
            let by_user = rows(levels);
            let mut by_question = by_user.clone();
            by_question.sort_by_key(|row| row.1);
            let mut shuffled = by_user.clone();
            shuffled
                .sort_by_key(|row| u64::from(row.0 * 6 + row.1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20);
            let expected = built(&by_user, &DataType::Utf8, score, 1).finish().unwrap();
            for rows in [&by_user, &by_question, &shuffled] {
                for (keys, partitions) in [
                    (&DataType::Utf8, 3),
                    (&DataType::Utf8View, 1),
                    (&dictionary, 2),
                    (&DataType::LargeUtf8, 4),
                ] {
                    let index = built(rows, keys, score, partitions).finish().unwrap();
                    let same = format!("{:?}", index.answers()) == format!("{:?}", expected.answers());
                    assert!(same, "{levels} scores, {keys}, {partitions} partitions");
                    assert_eq!(&cast(index.questions(), &DataType::Utf8).unwrap(), expected.questions());
                }
            }
        }
    }

    #[test]
    fn the_index_is_what_the_rows_say() {
        let rows = rows(50);
        let index = built(&rows, &DataType::Utf8, no_float, 2).finish().unwrap();
        let name = |user: u32| format!("the user of number {user}");
        let users: BTreeSet<String> = rows.iter().map(|row| name(row.0)).collect();
        let users: BTreeMap<String, usize> = users.into_iter().zip(0..).collect();
        let answers = index.answers();
        assert_eq!((answers.users(), answers.questions()), (users.len(), 6));
        let Scores::Integer(scores) = &answers.scores else { panic!("other scores") };
        let names = index.questions().as_string::<i32>();
        let mut found = 0;
        for (user, question, score) in &rows {
            let user = users[&name(*user)];
            let is_it = |&id: &u32| names.value(id as usize) == format!("q{question}");
            let position = answers.ids.iter().position(is_it).unwrap();
            let row = answers.answered.row(user);
            assert!(contains(row, position));
            assert_eq!(scores.of(user)[rank(row, position)], *score);
            found += 1;
        }
        assert_eq!(answers.support.iter().sum::<usize>(), found);
        assert!(answers.support.is_sorted_by(|x, y| x >= y));
    }

    #[test]
    fn answers_order_users_without_names() {
        let scores: [fn(usize) -> ArrayRef; 4] = [
            |question| Arc::new(Int64Array::from_iter((0..900).map(|user| score(user, question, 2)))),
            |question| Arc::new(Int64Array::from_iter((0..900).map(|user| score(user, question, 90)))),
            |question| {
                let wide = |user| score(user, question, 90).map(|score| i128::from(score) << 70);
                Arc::new(Decimal128Array::from_iter((0..900).map(wide)))
            },
            |question| {
                let third = |user| score(user, question, 90).map(|score| score as f64 / 3.0);
                Arc::new(Float64Array::from_iter((0..900).map(third)))
            },
        ];
        // Some answer little, so that many have the same answers.
        fn score(user: usize, question: usize, levels: i64) -> Option<i64> {
            let luck = (user * 7 + question).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            (luck % 5 > user % 4).then_some(luck as i64 / 5 % levels)
        }
        for (number, scores) in scores.into_iter().enumerate() {
            let columns = (0..7).map(|question| (format!("q{question}"), scores(question)));
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let ordered = |rows: Vec<u32>| {
                let mut builder =
                    IndexBuilder::try_new(&batch.schema(), InputLayout::Wide { user: None }).unwrap();
                builder.push(&take_record_batch(&batch, &UInt32Array::from(rows)).unwrap()).unwrap();
                let mut index = builder.finish().unwrap();
                assert!(index.order_by_answers_while(&|| true));
                format!("{:?}", index.answers())
            };
            let turned = (450..900).chain(0..450).rev().collect();
            assert_eq!(ordered((0..900).collect()), ordered(turned), "{number}");
        }
    }

    /// Where nobody asks, nothing is looked at; where somebody goes away, little is done after that.
    #[test]
    fn an_index_that_nobody_waits_for_is_not_built() {
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let scores: [fn(i64) -> Option<f64>; 2] = [no_float, |score| Some(score as f64 / 3.0)];
        for (levels, score) in [(2, scores[0]), (100, scores[0]), (100, scores[1])] {
            let rows = rows(levels);
            let looks = AtomicUsize::new(0);
            let lists = built(&rows, &DataType::Utf8, score, 1).answers.lists().count();
            let finished_if = |most: usize| {
                looks.store(0, Ordering::Relaxed);
                let builder = built(&rows, &DataType::Utf8, score, 1);
                let waits = || looks.fetch_add(1, Ordering::Relaxed) < most;
                one_thread.install(|| builder.finish_while(&waits).unwrap()).is_some()
            };
            assert!(finished_if(usize::MAX));
            let all = looks.load(Ordering::Relaxed);
            // Support, bits, then totals and scores, or scores twice: each looks once for every list.
            assert!(all >= 4 * lists, "{all} looks for {lists} lists");
            assert!(lists > rows.len() / 4096, "{lists} lists for {} answers", rows.len());
            for most in 0..all {
                assert!(!finished_if(most));
                // The other half of what is joined looks once for itself.
                assert!(looks.load(Ordering::Relaxed) <= most + 2, "of {all}");
            }
        }
    }

    #[test]
    fn builders_that_nobody_waits_for_are_not_merged() {
        let rows = rows(2);
        let looks = AtomicUsize::new(0);
        let merged_if = |most: usize| {
            looks.store(0, Ordering::Relaxed);
            let builder = built(&rows, &DataType::Utf8, no_float, 1);
            let sibling = built(&rows, &DataType::Utf8, no_float, 1);
            let mut here = builder.sibling();
            here.merge(builder);
            let waits = || looks.fetch_add(1, Ordering::Relaxed) < most;
            here.merged_while(sibling, &waits).is_some()
        };
        assert!(merged_if(usize::MAX));
        let all = looks.load(Ordering::Relaxed);
        assert!(all > rows.len() / 4096, "{all} looks for {} answers", rows.len());
        assert!((0..all).all(|most| !merged_if(most)));
    }
}
