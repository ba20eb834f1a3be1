//! What a misspelt name may have meant.

/// The known name closest to a misspelt one: at most one edit for every three letters, and three in all.
pub(super) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (written.chars().count().max(3) / 3).min(3);
    let with_distance = known.map(|name| (edits(written, name), name));
    with_distance
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein distance.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = n + 1;
        for (m, candidate) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != *candidate);
            diagonal = row[m + 1];
            row[m + 1] = substituted.min(row[m] + 1).min(row[m + 1] + 1);
        }
    }
    row[other.len()]
}
