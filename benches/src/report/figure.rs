//! How a figure is written.

/// The most that a figure takes: `24.7 k`.
pub(crate) const FIGURE: usize = 7;

/// Three digits that count: `0.627`, `60.5`, `1.29 M`.
pub(crate) fn figure(value: f64) -> String {
    let scales = [(1e9, " G"), (1e6, " M"), (1e4, " k")];
    let (value, suffix) = scales
        .into_iter()
        .find(|(scale, _)| value.abs() >= *scale)
        .map_or((value, ""), |(scale, suffix)| (value / if scale == 1e4 { 1e3 } else { scale }, suffix));
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.digits$}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits_and_fit_their_column() {
        for (value, shown) in [
            (0.0625, "0.062"),
            (0.627, "0.627"),
            (4.956, "4.96"),
            (9.996, "10.0"),
            (60.54, "60.5"),
            (999.6, "1000"),
            (3959.0, "3959"),
            (24_675.0, "24.7 k"),
            (999_499.0, "999 k"),
            (1_290_000.0, "1.29 M"),
            (40_100_000.0, "40.1 M"),
            (1_630_000_000.0, "1.63 G"),
        ] {
            assert_eq!(figure(value), shown);
            assert!(figure(value).len() <= FIGURE);
        }
    }
}
