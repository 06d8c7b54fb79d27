//! Answers as a table's rows brought them.

/// The scores of a batch as its rows brought them.
#[derive(Debug)]
pub(crate) enum RawScores {
    /// Booleans, integers, and decimals without their point.
    Exact(Vec<i64>),
    /// Integers of which one does not fit 64 bits.
    Wide(Vec<i128>),
    /// Finite floating point numbers.
    Float(Vec<f64>),
}

impl RawScores {
    fn bytes(&self) -> usize {
        match self {
            Self::Exact(scores) => scores.capacity() * size_of::<i64>(),
            Self::Wide(scores) => scores.capacity() * size_of::<i128>(),
            Self::Float(scores) => scores.capacity() * size_of::<f64>(),
        }
    }

    /// A score as a double, to which a wide one is rounded, and what that leaves of it.
    #[inline]
    pub(crate) fn float(&self, place: usize) -> [f64; 2] {
        match self {
            Self::Exact(scores) => float(scores[place].into()),
            Self::Wide(scores) => float(scores[place]),
            Self::Float(scores) => [scores[place], 0.0],
        }
    }

    /// Exact scores in the narrowest form.
    pub(crate) fn exact(scores: Vec<i128>) -> Self {
        let narrow: Result<Vec<i64>, _> = scores.iter().map(|&score| score.try_into()).collect();
        narrow.map_or(Self::Wide(scores), Self::Exact)
    }

    /// Exact scores in a unit that is smaller by that many powers of ten; `None` where one does
    /// not fit 128 bits. Floats stay as they are.
    pub(crate) fn times_power_of_ten(self, digits: u32) -> Option<Self> {
        let scores: Vec<i128> = match self {
            Self::Exact(scores) if digits > 0 => scores.into_iter().map(Into::into).collect(),
            Self::Wide(scores) if digits > 0 => scores,
            unchanged => return Some(unchanged),
        };
        let factor = 10i128.checked_pow(digits);
        let times = |score: i128| if score == 0 { Some(0) } else { score.checked_mul(factor?) };
        scores.into_iter().map(times).collect::<Option<_>>().map(Self::exact)
    }

    /// Adds the scores of other answers of the same table.
    pub(crate) fn append(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Exact(scores), Self::Exact(others)) => scores.extend(others),
            (Self::Float(scores), Self::Float(others)) => scores.extend(others),
            (Self::Wide(scores), Self::Wide(others)) => scores.extend(others),
            (Self::Wide(scores), Self::Exact(others)) => scores.extend(others.into_iter().map(i128::from)),
            (Self::Exact(scores), Self::Wide(others)) => {
                *self = Self::Wide(scores.iter().copied().map(i128::from).chain(others).collect());
            }
            // Scores of one table are all floats, or none is.
            (Self::Float(_), _) | (_, Self::Float(_)) => {}
        }
    }
}

/// The double next to an integer, and what is left of that: of 106 bits at most, nothing beside.
#[inline]
pub(crate) fn float(integer: i128) -> [f64; 2] {
    let rounded = integer as f64;
    // Both fit 128 bits, but for the largest there are.
    [rounded, integer.wrapping_sub(rounded as i128) as f64]
}

/// A number that scores are kept as.
pub(crate) trait RawScore: Copy {
    /// Scores that are such numbers.
    fn scores(scores: Vec<Self>) -> RawScores;

    /// The numbers, if scores are such.
    fn of(scores: &mut RawScores) -> Option<&mut Vec<Self>>;
}

macro_rules! raw_score {
    ($number:ty, $form:ident) => {
        impl RawScore for $number {
            fn scores(scores: Vec<Self>) -> RawScores {
                RawScores::$form(scores)
            }

            #[inline]
            fn of(scores: &mut RawScores) -> Option<&mut Vec<Self>> {
                if let RawScores::$form(scores) = scores { Some(scores) } else { None }
            }
        }
    };
}

raw_score!(i64, Exact);
raw_score!(i128, Wide);
raw_score!(f64, Float);

/// Answers: who answered what, and how well. Users and questions are their numbers in the order of appearance.
#[derive(Debug)]
pub(crate) struct RawAnswers {
    pub(crate) users: Vec<u32>,
    pub(crate) questions: Vec<u32>,
    pub(crate) scores: RawScores,
}

impl RawAnswers {
    /// No answers, and room for some.
    pub(crate) fn with_room<N: RawScore>(answers: usize) -> Self {
        Self {
            users: Vec::with_capacity(answers),
            questions: Vec::with_capacity(answers),
            scores: N::scores(Vec::with_capacity(answers)),
        }
    }

    /// Adds the answers of some rows; `N` is the form of the scores there are.
    pub(crate) fn extend<N: RawScore>(
        &mut self,
        rows: &[u32],
        users: &[u32],
        questions: &[u32],
        scores: &[N],
    ) {
        let Some(own) = N::of(&mut self.scores) else { return };
        own.extend(rows.iter().map(|&row| scores[row as usize]));
        self.users.extend(rows.iter().map(|&row| users[row as usize]));
        self.questions.extend(rows.iter().map(|&row| questions[row as usize]));
    }

    /// For how many answers there is room.
    pub(crate) fn room(&self) -> usize {
        self.users.capacity()
    }

    /// How many answers there are.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        (self.users.capacity() + self.questions.capacity()) * size_of::<u32>() + self.scores.bytes()
    }

    /// User and question of each answer.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, usize)> {
        self.users.iter().zip(&self.questions).map(|(&user, &question)| (user as usize, question as usize))
    }
}
