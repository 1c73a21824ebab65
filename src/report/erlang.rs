//! How many lines a load needs: Erlang's loss formula. Pure.
//!
//! A. K. Erlang, 1917; in the recursive form of ITU-T E.501: B(0) = 1, B(n) = A·B(n-1) / (n + A·B(n-1)).

/// More lines than any trunk has; a load that needs more is told as so many.
const LINES_MAX: u32 = 100_000;

/// The fewest lines of which no more than `share` of the calls find all busy.
pub(crate) fn lines_for(load: f64, share: f64) -> u32 {
    if load <= 0.0 {
        return 0;
    }
    let mut blocked = 1.0;
    let mut lines = 0;
    while blocked > share && lines < LINES_MAX {
        lines += 1;
        blocked = next(load, blocked, lines);
    }
    lines
}

fn next(load: f64, blocked: f64, line: u32) -> f64 {
    let refused = load * blocked;
    refused / (f64::from(line) + refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of calls that find all of `lines` busy, where `load` erlangs are offered.
    fn blocking(load: f64, lines: u32) -> f64 {
        (1..=lines).fold(1.0, |blocked, line| next(load, blocked, line))
    }

    /// Lines, and the load in erlangs that they carry with 1 % blocked: the column of the Erlang B table as the ITU's
    /// Teletraffic Engineering Handbook (ITU-D SG 2/16, 2005) and every other prints it.
    const TABLE: [(u32, f64); 14] = [
        (1, 0.0101),
        (2, 0.153),
        (3, 0.455),
        (4, 0.869),
        (5, 1.361),
        (6, 1.909),
        (7, 2.501),
        (8, 3.128),
        (9, 3.783),
        (10, 4.461),
        (15, 8.108),
        (20, 12.03),
        (30, 20.34),
        (100, 84.06),
    ];

    #[test]
    fn the_loads_of_the_published_table_are_blocked_one_call_in_a_hundred() {
        for (lines, load) in TABLE {
            let blocked = blocking(load, lines);
            assert!((blocked - 0.01).abs() < 1.5e-4, "{lines} lines: {blocked}");
            assert_eq!(lines_for(load * 0.995, 0.01), lines, "{lines} lines");
            assert_eq!(lines_for(load * 1.005, 0.01), lines + 1, "{lines} lines");
        }
    }

    #[test]
    fn no_load_needs_no_line_and_no_line_blocks_all() {
        assert_eq!(lines_for(0.0, 0.01), 0);
        assert_eq!(lines_for(f64::NAN, 0.01), 1);
        assert!((blocking(3.0, 0) - 1.0).abs() < f64::EPSILON);
        assert_eq!(lines_for(1e12, 0.01), LINES_MAX);
    }

    proptest::proptest! {
        #[test]
        fn more_lines_block_less_and_the_fewest_are_found(load in 0.01f64..500.0) {
            let lines = lines_for(load, 0.01);
            proptest::prop_assert!(blocking(load, lines) <= 0.01);
            proptest::prop_assert!(blocking(load, lines - 1) > 0.01);
            // The sum that the formula stands for, in logarithms so that nothing overflows.
            let mut term = 0.0f64;
            let mut terms = vec![term];
            for line in 1..=lines {
                term += load.ln() - f64::from(line).ln();
                terms.push(term);
            }
            let most = terms.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = terms.iter().map(|term| (term - most).exp()).sum();
            let direct = (term - most).exp() / sum;
            proptest::prop_assert!((direct - blocking(load, lines)).abs() < 1e-9);
        }
    }
}
