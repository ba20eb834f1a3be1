//! `[web_device]`: the device in a browser, and by whose name it is known there.

use std::path::Path;

use countersign_protocol::text;

use super::section::{Found, Section};
use super::{check_displayable, trusted_file};

/// Most characters of a name below an icon; systems cut what is longer.
const SHORT_NAME_CHARACTERS: usize = 24;
/// Largest icon, in bytes: every page asks for it.
const MAX_ICON_BYTES: usize = 256 * 1024;
/// Widths of a PNG that a home screen can use.
const ICON_WIDTHS: std::ops::RangeInclusive<u32> = 192..=2048;

/// The device in a browser.
#[derive(Debug, Clone)]
pub struct WebDevice {
    /// Whether it is served.
    pub enabled: bool,
    /// The provider's name there; `None`: the one that devices display.
    pub name: Option<String>,
    /// The name below its icon; `None`: the name.
    pub short_name: Option<String>,
    /// The operator's own icon; `None`: the first letter of the name is drawn.
    pub icon: Option<Icon>,
}

/// An icon, as its file is.
#[derive(Debug, Clone)]
pub struct Icon {
    /// Its kind.
    pub format: IconFormat,
    /// The file.
    pub content: Vec<u8>,
}

/// The kinds of image that every browser takes as an icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IconFormat {
    /// A square PNG of this width in pixels.
    Png(u32),
    /// An SVG.
    Svg,
}

impl WebDevice {
    /// The provider's name on the page; `provider` is the one that devices display.
    pub(crate) fn name<'a>(&'a self, provider: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(provider)
    }

    /// The name below the page's icon.
    pub(crate) fn short_name<'a>(&'a self, provider: &'a str) -> &'a str {
        self.short_name.as_deref().unwrap_or(self.name(provider))
    }
}

impl Default for WebDevice {
    fn default() -> WebDevice {
        WebDevice { enabled: true, name: None, short_name: None, icon: None }
    }
}

/// Reads the section, and the file of `icon`.
pub(super) fn read(section: Section<'_>, folder: &Path) -> WebDevice {
    let enabled = section.flag("enabled").unwrap_or(true);
    let name = section.string("name");
    if let Some(name) = &name {
        check_displayable(&section, "name", name);
    }
    let short_name = section.string("short_name");
    if let Some(found) = &short_name
        && let Err(error) = text::check(found.value, SHORT_NAME_CHARACTERS)
    {
        section.report(&found.at, format!("`short_name` in [web_device] can't stand below an icon: {error}"));
    }
    let icon = section.string("icon").and_then(|file| icon(&section, &file, folder));
    section.finish();
    let owned = |found: Found<&str>| found.value.to_owned();
    WebDevice { enabled, name: name.map(owned), short_name: short_name.map(owned), icon }
}

fn icon(section: &Section<'_>, file: &Found<&str>, folder: &Path) -> Option<Icon> {
    let content = trusted_file::read(&folder.join(file.value), "`icon` in [web_device]: the file");
    let icon = content.and_then(|content| {
        let format = format(&content).map_err(|why| {
            format!("`icon` in [web_device]: {} {why}; use a square PNG of 512 × 512 pixels", file.value)
        })?;
        Ok(Icon { format, content })
    });
    match icon {
        Ok(icon) => Some(icon),
        Err(why) => {
            section.report(&file.at, why);
            None
        }
    }
}

/// What the content is, whatever the file's name says.
fn format(content: &[u8]) -> Result<IconFormat, String> {
    if content.len() > MAX_ICON_BYTES {
        return Err(format!("is larger than {} KiB", MAX_ICON_BYTES / 1024));
    }
    // The signature, then the header's length, type, width and height (PNG §5.2, §11.2.1).
    if let Some(header) = content.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") {
        let number = |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        let (width, height) = (number(0).unwrap_or_default(), number(4).unwrap_or_default());
        if width != height || !ICON_WIDTHS.contains(&width) {
            let (least, most) = ICON_WIDTHS.into_inner();
            return Err(format!("has {width} × {height} pixels, and must be a square of {least} to {most}"));
        }
        return Ok(IconFormat::Png(width));
    }
    let text = std::str::from_utf8(content).unwrap_or_default().trim_start_matches('\u{feff}').trim_start();
    match ["<svg", "<?xml", "<!--"].iter().any(|start| text.starts_with(start)) && text.contains("<svg") {
        true => Ok(IconFormat::Svg),
        false => Err("is neither PNG nor SVG".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut content = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        content.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        content
    }

    #[test]
    fn an_icon_is_a_square_png_or_an_svg_by_its_content() {
        assert_eq!(format(&png(512, 512)), Ok(IconFormat::Png(512)));
        for svg in [
            "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            "\u{feff}\n<?xml version=\"1.0\"?><svg/>",
            "<!-- of us --><svg/>",
        ] {
            assert_eq!(format(svg.as_bytes()), Ok(IconFormat::Svg), "{svg}");
        }
        for (bad, why) in [
            (png(512, 256), "has 512 × 256 pixels, and must be a square of 192 to 2048"),
            (png(64, 64), "has 64 × 64 pixels, and must be a square of 192 to 2048"),
            (png(512, 512)[..18].to_vec(), "has 0 × 0 pixels, and must be a square of 192 to 2048"),
            (b"<html><svg/></html>".to_vec(), "is neither PNG nor SVG"),
            (b"<?xml version=\"1.0\"?><html/>".to_vec(), "is neither PNG nor SVG"),
            (b"GIF89a".to_vec(), "is neither PNG nor SVG"),
            (vec![b' '; MAX_ICON_BYTES + 1], "is larger than 256 KiB"),
        ] {
            assert_eq!(format(&bad), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_name_is_the_pages_own_where_there_is_one() {
        let read = |text: &str| {
            let text = format!("issuer = \"https://id.example.com\"\nname = \"Example Bank\"\n{text}");
            super::super::Config::parse(&text, Path::new("/nowhere")).map_err(|errors| errors[0].to_string())
        };
        let Ok(config) = read("[web_device]\nname = \"Example Approvals\"\nshort_name = \"Example\"") else { panic!() };
        assert_eq!(
            (config.web_device.name(&config.name), config.web_device.short_name(&config.name)),
            ("Example Approvals", "Example")
        );
        let Ok(config) = read("") else { panic!() };
        assert!(config.web_device.enabled);
        assert_eq!(
            (config.web_device.name(&config.name), config.web_device.short_name(&config.name)),
            ("Example Bank", "Example Bank")
        );
        for (line, why) in [
            ("name = \"a\\u0007\"", "line 4: `name` in [web_device] can't be shown to people"),
            (
                "short_name = \"A name that goes on and on\"",
                "line 4: `short_name` in [web_device] can't stand below an icon",
            ),
            ("icon = \"none.png\"", "line 4: `icon` in [web_device]: the file /nowhere/none.png can't be read"),
            ("colour = \"red\"", "line 4: unknown key `colour` in [web_device]"),
        ] {
            let Err(error) = read(&format!("[web_device]\n{line}")) else { panic!("{line}") };
            assert!(error.starts_with(why), "{error}");
        }
    }
}
