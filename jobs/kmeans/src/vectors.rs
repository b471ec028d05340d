//! Arithmetic on vectors, one rounding after the other in index order.
//!
//! Nothing here may be reordered or fused: the last bit decides between equally near centers.

/// The sum of squared differences, in index order.
#[inline]
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        let difference = a - b;
        sum += difference * difference;
    }
    sum
}

/// The sum of products, in index order.
#[inline]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}

/// The Euclidean length.
#[inline]
pub fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

/// Multiplies every value.
#[inline]
pub fn scale(values: &mut [f64], factor: f64) {
    for value in values {
        *value *= factor;
    }
}

/// Adds `factor * values` to `sum`.
#[inline]
pub fn add_scaled(sum: &mut [f64], factor: f64, values: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += factor * value;
    }
}
