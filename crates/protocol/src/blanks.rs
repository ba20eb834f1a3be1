//! Runs of blanks on a screen: more than three in a row are written out, so that nothing is pushed out of sight or made to look like
//! another column. A transcript keeps them as they were sent.

/// Longest run of blanks that is shown as it is.
const SHOWN_AS_IS: usize = 3;

/// The text with each blank of a run of more than three as `␣`, or as `⍽` where the line may not break.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        if is_blank(character) {
            run.push(character);
        } else {
            write_run(&mut run, &mut out);
            out.push(character);
        }
    }
    write_run(&mut run, &mut out);
    out
}

fn write_run(run: &mut String, out: &mut String) {
    if run.chars().count() <= SHOWN_AS_IS {
        out.push_str(run);
    } else {
        out.extend(run.chars().map(|blank| if matches!(blank, '\u{a0}' | '\u{202f}') { '⍽' } else { '␣' }));
    }
    run.clear();
}

/// The blanks that the text rules let through.
const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\u{a0}' | '\u{2009}' | '\u{200a}' | '\u{202f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn runs_of_more_than_three_blanks_are_shown_as_such() {
        assert_eq!(visible("a   b"), "a   b");
        assert_eq!(visible("a    b"), "a␣␣␣␣b");
        assert_eq!(visible("€ 1\u{a0}\u{a0}\u{a0}\u{a0}000"), "€ 1⍽⍽⍽⍽000");
        assert_eq!(visible(" \u{a0} \u{a0}x "), "␣⍽␣⍽x ");
        assert_eq!(visible(""), "");
    }
}
