//! Sums of floating point numbers that keep what rounding would lose.

/// A running sum held as an unevaluated pair of doubles, about 106 bits.
///
/// Every addition is Knuth's branch-free `TwoSum` (The Art of Computer
/// Programming, vol. 2, 4.2.2, theorem B), which yields the rounding error of an
/// addition exactly; the errors are added up beside the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Compensated {
    sum: f64,
    error: f64,
}

impl Compensated {
    /// The pair.
    pub(crate) fn parts(self) -> [f64; 2] {
        [self.sum, self.error]
    }

    /// The number that is this pair.
    #[cfg(feature = "distributed")]
    pub(crate) fn from_parts([sum, error]: [f64; 2]) -> Self {
        Self { sum, error }
    }

    /// Adds one number.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        let (sum, error) = two_sum(self.sum, value);
        self.sum = sum;
        self.error += error;
    }

    /// Adds the exact product of two numbers.
    #[inline]
    pub(crate) fn add_product(&mut self, x: f64, y: f64) {
        let product = x * y;
        self.add(product);
        self.error += x.mul_add(y, -product);
    }

    /// Adds another such sum.
    #[inline]
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.add(other.sum);
        self.error += other.error;
        self
    }

    /// The difference of two such sums.
    #[inline]
    pub(crate) fn less(self, other: Self) -> Self {
        self.plus(Self { sum: -other.sum, error: -other.error })
    }

    /// The difference, rounded once: digits that they share do not take the small ones along.
    #[inline]
    pub(crate) fn minus(self, other: Self) -> f64 {
        self.less(other).value()
    }

    /// The sum, rounded once.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.sum + self.error
    }

    /// The sum without what rounding left of it.
    #[inline]
    pub(crate) fn leading(self) -> f64 {
        self.sum
    }

    /// This number with as much of it in the leading part as that can hold.
    pub(crate) fn rounded(self) -> Self {
        let sum = self.value();
        Self { sum, error: (self.sum - sum) + self.error }
    }

    /// The number times a power of two, which rounds nothing off.
    pub(crate) fn times_power(self, power: f64) -> Self {
        Self { sum: self.sum * power, error: self.error * power }
    }

    /// This number with its leading part rounded to a multiple of `grid`, a power of
    /// two, and the rest of it behind. The number is below 2⁵¹ times the grid.
    ///
    /// Leading parts of such numbers add up without rounding while their sum is below 2⁵³
    /// times the grid: a sum of them does not depend on their order.
    pub(crate) fn on_grid(self, grid: f64) -> Self {
        // A double of this size counts in steps of the grid.
        let steps = grid * (3u64 << 51) as f64;
        let value = self.value();
        let sum = (value + steps) - steps;
        Self { sum, error: (self.sum - sum) + self.error }
    }
}

impl From<f64> for Compensated {
    fn from(value: f64) -> Self {
        Self { sum: value, error: 0.0 }
    }
}

/// `x + y` rounded, and what the rounding left.
#[inline]
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    let of_y = sum - x;
    let of_x = sum - of_y;
    (sum, (x - of_x) + (y - of_y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_addends_survive_a_large_one() {
        let mut sum = Compensated::default();
        for value in [1e16, 1.0, -1e16, 2f64.powi(-40)] {
            sum.add(value);
        }
        assert_eq!(sum.value(), 1.0 + 2f64.powi(-40));
    }

    #[test]
    fn what_two_sums_rounded_off_is_added_too() {
        let tiny = 2f64.powi(-60);
        let mut one = Compensated::from(1.0);
        one.add(tiny);
        let two = one.plus(one);
        assert_eq!(two.minus(Compensated::from(2.0)), 2.0 * tiny);
        assert_eq!(two.minus(one).to_bits(), one.value().to_bits());
    }

    #[test]
    fn on_a_grid_sums_have_no_order() {
        let grid = 2f64.powi(-40);
        let numbers = [0.1, -0.7, 1e-9, 0.9999, -3e-13].map(|number| Compensated::from(number).on_grid(grid));
        for (number, exact) in numbers.iter().zip([0.1, -0.7, 1e-9, 0.9999, -3e-13]) {
            assert_eq!((number.leading() / grid).fract(), 0.0);
            assert!((number.leading() - exact).abs() <= grid / 2.0);
            assert_eq!(number.value(), exact);
        }
        let sum = |order: [usize; 5]| order.iter().fold(0.0, |sum, &place| sum + numbers[place].leading());
        assert_eq!(sum([0, 1, 2, 3, 4]), sum([3, 1, 4, 0, 2]));
        assert_eq!(sum([0, 1, 2, 3, 4]), sum([4, 3, 2, 1, 0]));
    }

    #[test]
    fn a_product_is_added_exactly() {
        let x = 1.0 + f64::EPSILON;
        let mut sum = Compensated::default();
        sum.add_product(x, x);
        assert_eq!(sum.minus((1.0 + 2.0 * f64::EPSILON).into()), f64::EPSILON * f64::EPSILON);
    }
}
