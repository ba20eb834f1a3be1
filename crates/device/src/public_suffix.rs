//! The list of public suffixes (publicsuffix.org), searched as the text it is kept as: compiled into code, as the crate `psl` has
//! it, it would be a third of the device in a browser.

/// One top-level domain a line: its label, a mark, and in parentheses what is below it, in the same form, separated by commas. No
/// mark: a suffix. `?`: none itself. `!`: none, although a wildcard beside it would make it one. The label `*` is any label.
/// Written by `UPDATE_SUFFIXES=1 cargo test -p countersign-device public_suffix` from the list in the crate `psl`.
const LIST: &str = include_str!("public_suffixes.txt");

/// The public suffix of a name in lowercase ASCII and one label before it, without the dot that may end a name; `None` for a name
/// that has no such label.
pub(crate) fn registrable(name: &str) -> Option<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut suffix = name.rfind('.')? + 1;
    let mut below = top_level(&name[suffix..]).unwrap_or_default();
    let mut start = suffix;
    while let Some(end) = start.checked_sub(1).filter(|_| !below.is_empty()) {
        start = name[..end].rfind('.').map_or(0, |dot| dot + 1);
        let label = &name[start..end];
        let named = Entries(below).find(|entry| entry.label == label);
        if named.as_ref().is_some_and(|entry| entry.mark == Mark::Exception) {
            suffix = end + 1;
            break;
        }
        let is_suffix = named.as_ref().is_some_and(|entry| entry.mark == Mark::Suffix);
        // A wildcard is the first of its level.
        if is_suffix || below.starts_with('*') {
            suffix = start;
        }
        below = named.map(|entry| entry.below).unwrap_or_default();
    }
    let before = name.get(..suffix.checked_sub(1)?)?;
    let label = before.rfind('.').map_or(0, |dot| dot + 1);
    (label < before.len()).then(|| &name[label..])
}

/// What is below a top-level domain, which is a suffix in any case.
fn top_level(label: &str) -> Option<&'static str> {
    let line = LIST.lines().find_map(|line| line.strip_prefix(label).filter(|rest| !rest.starts_with(is_in_label)))?;
    Some(Entries(line).next()?.below)
}

fn is_in_label(character: char) -> bool {
    !matches!(character, '?' | '!' | '(' | ')' | ',')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Suffix,
    Inner,
    Exception,
}

struct Entry<'a> {
    label: &'a str,
    mark: Mark,
    below: &'a str,
}

/// The entries of one level.
struct Entries<'a>(&'a str);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (label, rest) = self.0.split_at(self.0.find(|character| !is_in_label(character)).unwrap_or(self.0.len()));
        let (mark, rest) = match rest.as_bytes().first() {
            Some(b'?') => (Mark::Inner, &rest[1..]),
            Some(b'!') => (Mark::Exception, &rest[1..]),
            _ => (Mark::Suffix, rest),
        };
        let (below, rest) = match rest.strip_prefix('(') {
            Some(inner) => {
                let end = closing(inner);
                (&inner[..end], inner.get(end + 1..).unwrap_or_default())
            }
            None => ("", rest),
        };
        self.0 = rest.strip_prefix(',').unwrap_or(rest);
        Some(Entry { label, mark, below })
    }
}

/// Where the parenthesis ends that begins before `text`.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    let closes = |byte| {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return true,
            b')' => depth -= 1,
            _ => {}
        }
        false
    };
    text.bytes().position(closes).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
