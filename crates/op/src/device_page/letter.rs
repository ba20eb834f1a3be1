//! The icon of a provider that has none of its own: the first letter of its name, drawn in strokes.

use tiny_skia::{Color, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};
use unicode_normalization::UnicodeNormalization as _;

/// The side of the grid that the letters are drawn on.
const GRID: f32 = 24.0;
const STROKE: f32 = 2.5;
/// Paper on ink, as the page's own colours are.
const GROUND: (u8, u8, u8) = (0x1a, 0x1a, 0x18);
const LETTER: (u8, u8, u8) = (0xf6, 0xf5, 0xf2);

/// The icon as SVG. It has no text, so that no system's font changes it.
pub(super) fn svg(name: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {GRID} {GRID}\"><path fill=\"{}\" d=\"M 0 0 H {GRID} V {GRID} H 0 Z\"/>\
         <path fill=\"none\" stroke=\"{}\" stroke-width=\"{STROKE}\" stroke-linecap=\"round\" stroke-linejoin=\"round\" d=\"{}\"/></svg>",
        hex(GROUND),
        hex(LETTER),
        strokes(initial(name))
    )
}

/// The icon as PNG, `width` pixels wide. The letter stands within the part that no mask of a home screen cuts off.
pub(super) fn png(name: &str, width: u16) -> Vec<u8> {
    let mut pixels = Pixmap::new(u32::from(width), u32::from(width)).expect("a width of 1 to 65535");
    pixels.fill(color(GROUND));
    let mut paint = Paint::default();
    paint.set_color(color(LETTER));
    let stroke = Stroke { width: STROKE, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
    let scale = f32::from(width) / GRID;
    let letter = path(strokes(initial(name))).expect("every letter is drawn");
    pixels.stroke_path(&letter, &paint, &stroke, Transform::from_scale(scale, scale), None);
    pixels.encode_png().expect("pixels in memory can be encoded")
}

fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn color((red, green, blue): (u8, u8, u8)) -> Color {
    Color::from_rgba8(red, green, blue, 255)
}

/// The first letter or digit, in upper case and without its accents; `None` in a script that is not drawn here.
fn initial(name: &str) -> Option<char> {
    let first = name.chars().find(|c| c.is_alphanumeric())?;
    let plain = first.nfkd().next()?.to_uppercase().next()?;
    (plain.is_ascii_uppercase() || plain.is_ascii_digit()).then_some(plain)
}

/// The path of these strokes: SVG's absolute commands `M`, `L`, `Q`, `C` and `Z`, and their numbers, each between blanks.
fn path(strokes: &str) -> Option<Path> {
    let mut path = PathBuilder::new();
    let mut words = strokes.split(' ');
    while let Some(command) = words.next() {
        let mut number = || words.next()?.parse::<f32>().ok();
        match command {
            "M" => path.move_to(number()?, number()?),
            "L" => path.line_to(number()?, number()?),
            "Q" => path.quad_to(number()?, number()?, number()?, number()?),
            "C" => path.cubic_to(number()?, number()?, number()?, number()?, number()?, number()?),
            "Z" => path.close(),
            _ => return None,
        }
    }
    path.finish()
}

/// A letter's strokes; without one, a tick.
fn strokes(letter: Option<char>) -> &'static str {
    match letter.unwrap_or_default() {
        'A' => "M 6 19 L 12 5 L 18 19 M 8.2 14.5 L 15.8 14.5",
        'B' => {
            "M 8 11.6 L 13 11.6 Q 16.2 11.6 16.2 8.3 Q 16.2 5 13 5 L 8 5 L 8 19 L 13 19 Q 17.2 19 17.2 15.3 Q 17.2 11.6 13 11.6"
        }
        'C' => "M 17.6 8 Q 15.8 5 12.6 5 C 8.6 5 6.5 8 6.5 12 C 6.5 16 8.6 19 12.6 19 Q 15.8 19 17.6 16",
        'D' => "M 7.5 5 L 7.5 19 L 11 19 C 15.5 19 17.5 16 17.5 12 C 17.5 8 15.5 5 11 5 Z",
        'E' => "M 16 5 L 8 5 L 8 19 L 16 19 M 8 12 L 15 12",
        'F' => "M 16 5 L 8 5 L 8 19 M 8 12 L 15 12",
        'G' => {
            "M 17.4 8 Q 15.6 5 12.4 5 C 8.4 5 6.3 8 6.3 12 C 6.3 16 8.4 19 12.4 19 Q 17.4 19 17.4 14 L 17.4 12.6 L 13 12.6"
        }
        'H' => "M 7 5 L 7 19 M 17 5 L 17 19 M 7 12 L 17 12",
        'I' => "M 12 5 L 12 19",
        'J' => "M 15.5 5 L 15.5 14.5 Q 15.5 19 11.8 19 Q 8.5 19 8 16",
        'K' => "M 8 5 L 8 19 M 17 5 L 8 13.5 M 11 10.7 L 17 19",
        'L' => "M 8.5 5 L 8.5 19 L 16.5 19",
        'M' => "M 6 19 L 6 5 L 12 14 L 18 5 L 18 19",
        'N' => "M 7 19 L 7 5 L 17 19 L 17 5",
        'O' => "M 12 5 C 15.9 5 18 8 18 12 C 18 16 15.9 19 12 19 C 8.1 19 6 16 6 12 C 6 8 8.1 5 12 5 Z",
        'P' => "M 8 19 L 8 5 L 13 5 Q 17 5 17 8.9 Q 17 12.8 13 12.8 L 8 12.8",
        'Q' => {
            "M 12 5 C 15.9 5 18 8 18 12 C 18 16 15.9 19 12 19 C 8.1 19 6 16 6 12 C 6 8 8.1 5 12 5 Z M 14 15 L 18 19.5"
        }
        'R' => "M 8 19 L 8 5 L 13 5 Q 17 5 17 8.9 Q 17 12.8 13 12.8 L 8 12.8 M 13 12.8 L 17 19",
        'S' => {
            "M 16.4 7.6 Q 15 5 12 5 Q 7.6 5 7.6 8.4 Q 7.6 11.4 12 12 Q 16.8 12.6 16.8 15.6 Q 16.8 19 12 19 Q 8.5 19 7 16.3"
        }
        'T' => "M 6 5 L 18 5 M 12 5 L 12 19",
        'U' => "M 7 5 L 7 13.5 Q 7 19 12 19 Q 17 19 17 13.5 L 17 5",
        'V' => "M 6 5 L 12 19 L 18 5",
        'W' => "M 4.5 5 L 8 19 L 12 8 L 16 19 L 19.5 5",
        'X' => "M 7 5 L 17 19 M 17 5 L 7 19",
        'Y' => "M 6.5 5 L 12 12.5 L 17.5 5 M 12 12.5 L 12 19",
        'Z' => "M 7 5 L 17 5 L 7 19 L 17 19",
        '0' => "M 12 5 C 15.2 5 17 8 17 12 C 17 16 15.2 19 12 19 C 8.8 19 7 16 7 12 C 7 8 8.8 5 12 5 Z",
        '1' => "M 9 8 L 12.5 5 L 12.5 19",
        '2' => "M 7.5 8.6 Q 7.8 5 12 5 Q 16.5 5 16.5 8.8 Q 16.5 11.5 7.5 19 L 16.8 19",
        '3' => "M 7.5 5 L 16 5 L 11.5 10.6 Q 16.8 10.8 16.8 14.8 Q 16.8 19 12 19 Q 8.5 19 7 16.5",
        '4' => "M 14.5 19 L 14.5 5 L 6.5 15 L 18 15",
        '5' => "M 16 5 L 9 5 L 8.2 11.2 Q 10 10.3 12 10.3 Q 16.8 10.3 16.8 14.6 Q 16.8 19 12 19 Q 8.5 19 7.2 16.8",
        '6' => "M 15.5 5 Q 7 8 7 14.4 Q 7 19 12 19 Q 17 19 17 14.7 Q 17 10.6 12.3 10.6 Q 8.5 10.6 7.2 13.6",
        '7' => "M 7 5 L 17 5 L 10.5 19",
        '8' => {
            "M 12 5 Q 16.3 5 16.3 8.3 Q 16.3 11.6 12 11.6 Q 7.7 11.6 7.7 8.3 Q 7.7 5 12 5 Z M 12 11.6 Q 17 11.6 17 15.3 Q 17 19 12 19 Q 7 19 7 15.3 Q 7 11.6 12 11.6 Z"
        }
        '9' => "M 8.5 19 Q 17 16 17 9.6 Q 17 5 12 5 Q 7 5 7 9.3 Q 7 13.4 11.7 13.4 Q 15.5 13.4 16.8 10.4",
        _ => "M 5.5 12.5 L 10 17 L 18.5 7.5",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_and_digit_is_drawn_within_what_a_mask_leaves() {
        // The safe zone of a maskable icon: a circle of 80 % of its width.
        let safe = 0.4 * GRID;
        for letter in ('A'..='Z').chain('0'..='9').map(Some).chain([None]) {
            let bounds = path(strokes(letter)).expect("a path").bounds();
            for (x, y) in [(bounds.left(), bounds.top()), (bounds.right(), bounds.bottom())] {
                assert!((x - GRID / 2.0).hypot(y - GRID / 2.0) <= safe + STROKE / 2.0, "{letter:?}");
            }
            assert!(bounds.height() >= 9.0, "{letter:?} is tall enough to be read");
        }
        let all: std::collections::BTreeSet<&str> = ('A'..='Z').chain('0'..='9').map(|c| strokes(Some(c))).collect();
        assert_eq!(all.len(), 36, "each its own");
    }

    #[test]
    fn the_letter_is_the_first_of_the_name_without_accents() {
        for (name, letter) in [
            ("Example Bank", Some('E')),
            ("österreichische Post", Some('O')),
            ("„Zum Löwen“", Some('Z')),
            ("3 Banken", Some('3')),
            ("éclair", Some('E')),
            ("ﬁnanz", Some('F')),
            ("ßteuer", Some('S')),
            ("Банк", None),
            ("銀行", None),
            ("—", None),
        ] {
            assert_eq!(initial(name), letter, "{name}");
        }
    }

    #[test]
    fn attack_a_name_with_markup_is_no_part_of_the_drawing() {
        let svg = svg("\"/><script>alert(1)</script>");
        assert!(!svg.contains("script"), "{svg}");
        assert!(svg.contains(strokes(Some('S'))), "the first letter of it is drawn: {svg}");
    }

    #[test]
    fn the_png_has_the_width_that_was_asked_for_and_more_than_one_colour() {
        let content = png("Example Bank", 192);
        let pixels = Pixmap::decode_png(&content).expect("a PNG");
        assert_eq!((pixels.width(), pixels.height()), (192, 192));
        let ink = |x, y| pixels.pixel(x, y).map(|pixel| pixel.red());
        // The corner, and the stem of the E at a third of the width.
        assert_eq!((ink(0, 0), ink(64, 96)), (Some(GROUND.0), Some(LETTER.0)));
    }
}
