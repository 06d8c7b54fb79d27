//! The covariances of integers.

use std::sync::Arc;

use rayon::prelude::*;

use super::covariances::Covariances;
use super::lookup::Lookup;
use super::precise::Precise;
use super::products::{Columns, Products, USERS};
use crate::index::bitset::contains;
use crate::index::scores::{Binary, Weighted};
use crate::interest::{Interest, Unwanted};
use crate::sweep::pearson::exact::Exact;
use crate::sweep::simd::Instructions;

/// How many scores there are, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) users: usize,
    pub(super) questions: usize,
    /// The most questions of a set.
    pub(super) k: usize,
    pub(super) instructions: Instructions,
    pub(super) interest: Interest<'a>,
}

impl Table<'_> {
    /// The covariances of scores of 0 and 1.
    pub(super) fn binary(self, scores: &Binary) -> Result<Arc<dyn Lookup>, Unwanted> {
        self.complete(|user, to: &mut [i64]| {
            let row = scores.correct.row(user);
            let score = |question: usize| i64::from(contains(row, question));
            to[..self.questions].iter_mut().enumerate().for_each(|(question, to)| *to = score(question));
            to[self.questions] = scores.totals[user].into();
        })
    }

    /// The covariances of other scores, of which none is negative.
    pub(super) fn weighted<N: Exact>(self, scores: &Weighted<N>) -> Result<Arc<dyn Lookup>, Unwanted> {
        self.complete(|user, to: &mut [N]| {
            to[..self.questions].copy_from_slice(scores.of(user));
            to[self.questions] = scores.totals[user];
        })
    }

    /// `row` writes the scores of a user, and the grand total behind them.
    fn complete<N: Exact>(self, row: impl Fn(usize, &mut [N]) + Sync) -> Result<Arc<dyn Lookup>, Unwanted> {
        let Self { users, questions, k, .. } = self;
        let (mut score, mut total) = (0f64, 0f64);
        self.each_row(&row, |_, row| {
            let size = |number: &N| to_double(*number).abs();
            score = row[..questions].iter().map(size).fold(score, f64::max);
            total = total.max(size(&row[questions]));
            Ok(())
        })?;
        let n = users as f64;
        let widest = (score * k as f64).max(total);
        // Four moments are added up at most, each a difference of two products below n²·widest².
        if n * n * widest * widest * 8.0 < DOUBLES {
            let products = self.in_doubles(&row)?;
            let sum = |column: usize| products.of(column, questions + 1);
            let of = |x: usize, y: usize| n * products.of(x, y) - sum(x) * sum(y);
            return Ok(Arc::new(Covariances::new(users, questions, of)));
        }
        let covariance = |[xy, x, y]: [N::Product; 3]| N::count(users as i64) * xy - x * y;
        let exact = if n * score.max(total).max(1.0).powi(2) < DOUBLES {
            let products = self.in_doubles(&row)?;
            let sum = |x: usize, y: usize| N::count(products.of(x, y) as i64);
            let of =
                |x: usize, y: usize| covariance([sum(x, y), sum(x, questions + 1), sum(y, questions + 1)]);
            Covariances::new(users, questions, of)
        } else {
            let (products, sums) = self.in_integers(&row)?;
            let of = |x: usize, y: usize| covariance([products[x][y - x], sums[x], sums[y]].map(N::widen));
            Covariances::new(users, questions, of)
        };
        Ok(Arc::new(Precise::<N>::new("complete data, wide scores", exact, k, None)))
    }

    /// Hands out the row of each user.
    fn each_row<N: Exact>(
        self,
        row: &impl Fn(usize, &mut [N]),
        mut each: impl FnMut(usize, &[N]) -> Result<(), Unwanted>,
    ) -> Result<(), Unwanted> {
        let mut scores = vec![N::default(); self.questions + 1];
        for user in 0..self.users {
            self.interest.check_at(user)?;
            row(user, &mut scores);
            each(user, &scores)?;
        }
        Ok(())
    }

    /// Sums of products that doubles hold, of the questions, the grand totals, and ones.
    fn in_doubles<N: Exact>(self, row: &impl Fn(usize, &mut [N])) -> Result<Products, Unwanted> {
        let columns = self.questions + 2;
        let mut products = Products::zeros(columns);
        let mut of_users = Columns::zeros(USERS, columns);
        self.each_row(row, |user, row| {
            for (column, &number) in row.iter().enumerate() {
                of_users.set(user % USERS, column, to_double(number));
            }
            of_users.set(user % USERS, columns - 1, 1.0);
            if user % USERS == USERS - 1 || user == self.users - 1 {
                products.add(self.instructions, [&of_users, &of_users], true, self.interest)?;
                of_users.clear();
            }
            Ok(())
        })?;
        Ok(products)
    }

    /// For each of the questions and the grand totals, the sums of its products with itself and those
    /// behind it; and its sum.
    fn in_integers<N: Exact>(
        self,
        row: &(impl Fn(usize, &mut [N]) + Sync),
    ) -> Result<(Vec<Vec<N>>, Vec<N>), Unwanted> {
        let columns = self.questions + 1;
        let mut sums = vec![N::default(); columns];
        self.each_row(row, |_, row| {
            sums.iter_mut().zip(row).for_each(|(sum, &number)| *sum += number);
            Ok(())
        })?;
        let of_column = |column: usize| {
            let mut sums = vec![N::default(); columns - column];
            self.each_row(row, |_, row| {
                let (x, later) = (row[column], &row[column..]);
                sums.iter_mut().zip(later).for_each(|(sum, &y)| *sum += x * y);
                Ok(())
            })?;
            Ok(sums)
        };
        let products = (0..columns).into_par_iter().map(of_column).collect::<Result<_, _>>()?;
        Ok((products, sums))
    }
}

/// Doubles hold all integers below this.
const DOUBLES: f64 = (1u64 << 53) as f64;

fn to_double<N: Exact>(number: N) -> f64 {
    N::round(number.widen())
}
