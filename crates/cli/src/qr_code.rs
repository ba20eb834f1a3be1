//! Enrollment links as QR codes, as SVG and for a terminal. None for a loopback issuer, which no other machine can reach.

use countersign_protocol::issuer::Issuer;
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

use crate::output::Paint;

/// Why there is no QR code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QrUnavailable {
    /// The issuer is a loopback address.
    #[error(
        "No QR code: {host} is this computer, and no other device can reach it. With an https issuer that other devices \
         reach there is one"
    )]
    OnlyHere {
        /// The issuer's host.
        host: String,
    },
    /// The terminal is too narrow.
    #[error("No QR code: it needs a terminal of {needed} columns, and this one has {columns}")]
    TooNarrow {
        /// The terminal's width.
        columns: usize,
        /// The width needed.
        needed: usize,
    },
    /// The link has more characters than a QR code holds.
    #[error("No QR code: the link is too long for one")]
    TooLong,
}

/// The link as an SVG image, black on white with a quiet zone.
///
/// # Errors
/// [`QrUnavailable`].
pub fn picture(issuer: &Issuer, link: &str) -> Result<String, QrUnavailable> {
    let code = code(issuer, link)?;
    Ok(code.render().min_dimensions(240, 240).dark_color(svg::Color("#000")).light_color(svg::Color("#fff")).build())
}

/// The link as lines of half blocks for a terminal of this width in columns; a character is two modules high.
///
/// # Errors
/// [`QrUnavailable`].
pub fn blocks(issuer: &Issuer, link: &str, columns: usize, paint: Paint) -> Result<String, QrUnavailable> {
    let code = code(issuer, link)?;
    // A quiet zone of four modules on each side.
    let needed = code.width() + 8;
    if columns < needed {
        return Err(QrUnavailable::TooNarrow { columns, needed });
    }
    let text = match paint.can_colour() {
        // Black on white whatever the terminal's colours: most scanners expect it.
        true => code.render::<unicode::Dense1x2>().build(),
        // Most terminals are dark: the modules are drawn light.
        false => code
            .render::<unicode::Dense1x2>()
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark)
            .build(),
    };
    Ok(text.lines().map(|line| paint.black_on_white(line)).collect::<Vec<_>>().join("\n"))
}

/// Width of the terminal in columns; 80 if unknown.
pub fn columns() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}

fn code(issuer: &Issuer, link: &str) -> Result<QrCode, QrUnavailable> {
    let host = issuer.host();
    if is_this_computer(&host) {
        return Err(QrUnavailable::OnlyHere { host });
    }
    // The link is long and shown on a screen: larger modules help more than error correction.
    QrCode::with_error_correction_level(link, EcLevel::L).map_err(|_| QrUnavailable::TooLong)
}

fn is_this_computer(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
        || name == "localhost"
        || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOURS: (&str, &str) = ("\u{1b}[38;5;16;48;5;231m", "\u{1b}[0m");

    fn issuer(text: &str) -> Issuer {
        text.parse().expect("an issuer")
    }

    /// As long as a real one.
    fn link() -> String {
        format!("https://id.acme.example/push/enroll#{}", "eyJhbGciOiJFUzI1NiIsInR5cCI6_-".repeat(25))
    }

    /// What a reader makes of these modules; true is dark.
    fn read(modules: &[Vec<bool>]) -> String {
        const SCALE: usize = 4;
        let (width, height) = (modules[0].len() * SCALE, modules.len() * SCALE);
        let grey = |x: usize, y: usize| if modules[y / SCALE][x / SCALE] { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one code is there");
        grids[0].decode().expect("it can be read").1
    }

    /// The modules of lines of half blocks, each character two, one above the other.
    fn modules(blocks: &str) -> Vec<Vec<bool>> {
        let row = |line: &str, upper: bool| {
            let is_ink = |character| match character {
                '█' => true,
                '▀' => upper,
                '▄' => !upper,
                ' ' => false,
                other => panic!("{other} is no half block"),
            };
            line.chars().map(is_ink).collect()
        };
        blocks.lines().flat_map(|line| [row(line, true), row(line, false)]).collect()
    }

    #[test]
    fn a_reader_finds_the_link_in_a_terminal_with_colours() {
        let drawn = blocks(&issuer("https://id.acme.example"), &link(), 120, Paint::with_colours()).expect("a code");
        let plain = drawn.replace(COLOURS.0, "").replace(COLOURS.1, "");
        assert!(drawn.lines().all(|line| line.starts_with(COLOURS.0) && line.ends_with(COLOURS.1)));
        assert_eq!(read(&modules(&plain)), link());
    }

    #[test]
    fn without_colours_what_is_drawn_is_the_light_part() {
        let drawn = blocks(&issuer("https://id.acme.example"), &link(), 120, Paint::without_colours()).expect("a code");
        let mut inverted = modules(&drawn);
        inverted.iter_mut().flatten().for_each(|dark| *dark = !*dark);
        assert_eq!(read(&inverted), link());
    }

    #[test]
    fn a_reader_finds_the_link_in_the_picture() {
        let picture = picture(&issuer("https://id.acme.example"), &link()).expect("a code");
        let attribute = |name: &str| {
            let (_, rest) = picture.split_once(&format!("{name}=\"")).expect(name);
            rest.split_once('"').expect("it ends").0.to_owned()
        };
        let size: usize = attribute(" width").parse().expect("a number");
        // The path is rectangles: M x y h w v h H x V y, absolute corners and relative sides.
        let mut pixels = vec![vec![false; size]; size];
        for part in attribute(" d").split('M').skip(1) {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            let (x, rest) = part.split_once(',').or_else(|| part.split_once(' ')).expect("x and y");
            let (y, rest) = rest.split_once('h').expect("a width");
            let (wide, rest) = rest.split_once('v').expect("a height");
            let high = rest.split(['H', 'h', 'V', 'v', 'z']).next().expect("a number");
            for row in &mut pixels[number(y)..number(y) + number(high)] {
                row[number(x)..number(x) + number(wide)].fill(true);
            }
        }
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(size, size, |x, y| if pixels[y][x] { 0 } else { 255 });
        assert_eq!(image.detect_grids()[0].decode().expect("it can be read").1, link());
    }

    #[test]
    fn a_loopback_issuer_has_no_qr_code() {
        for here in [
            "http://127.0.0.1:8787",
            "http://127.31.7.2:8787",
            "http://[::1]:8787",
            "https://localhost:8443",
            "https://id.localhost",
        ] {
            assert!(matches!(picture(&issuer(here), &link()), Err(QrUnavailable::OnlyHere { .. })), "{here}");
        }
        for there in ["https://id.acme.example", "https://192.168.7.4:8443", "https://localhost.acme.example"] {
            assert!(picture(&issuer(there), &link()).is_ok(), "{there}");
        }
    }

    #[test]
    fn a_narrow_terminal_names_the_width_needed() {
        let refused = blocks(&issuer("https://id.acme.example"), &link(), 80, Paint::without_colours());
        let Err(QrUnavailable::TooNarrow { columns: 80, needed }) = refused else { panic!("{refused:?}") };
        assert!(blocks(&issuer("https://id.acme.example"), &link(), needed, Paint::without_colours()).is_ok());
    }
}
