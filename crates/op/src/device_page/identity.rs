//! By whose name the page is known: its heading, its manifest, its icons.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::page_file::{PNG, PageFile, SVG};
use super::{INDEX, letter};
use crate::config::{Config, Icon, IconFormat};

/// The web app manifest (W3C Application Manifest).
const MANIFEST: &str = "manifest.webmanifest";
/// The icon for tabs and home screens.
const ICON: &str = "icon";
/// The icon for home screens that take no SVG.
const TOUCH_ICON: &str = "icon-180.png";
/// Widths of the drawn icons, in pixels: what Apple's and the manifest's readers ask for.
const WIDTHS: [u16; 3] = [180, 192, 512];
/// Where `index.html` has the provider's names.
const NAME: &str = "{{name}}";
const SHORT_NAME: &str = "{{short_name}}";
/// The ground of both appearances, as `ui/src/tokens.css` has it.
const GROUND: &str = "#f6f5f2";

/// Whether a file is an image, and not of the page itself.
pub(super) fn is_icon(name: &str) -> bool {
    name.starts_with(ICON)
}

/// Puts the provider's names into `index.html`, and adds the manifest and the icons.
pub(super) fn name_page(files: &mut BTreeMap<String, PageFile>, config: &Config) {
    let name = config.web_device.name(&config.name);
    let short_name = config.web_device.short_name(&config.name);
    if let Some(index) = files.get_mut(INDEX) {
        let html = String::from_utf8_lossy(&index.content);
        // The longer placeholder first; a name that looks like one can't hold markup either way.
        let html = html.replace(SHORT_NAME, &escaped(short_name)).replace(NAME, &escaped(name));
        *index = PageFile::made(index.media_type, html);
    }
    let (icons, listed) = icons(config.web_device.icon.as_ref(), name);
    files.extend(icons);
    let manifest = json!({
        "name": name,
        "short_name": short_name,
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": GROUND,
        "icons": listed,
    });
    files.insert(MANIFEST.to_owned(), PageFile::made("application/manifest+json", manifest.to_string()));
}

/// The files of the icons, and the manifest's list of them.
fn icons(own: Option<&Icon>, name: &str) -> (BTreeMap<String, PageFile>, Value) {
    let mut files = BTreeMap::new();
    let mut add = |file: &str, media_type, content: Bytes| {
        // What is compressed already stays as it is.
        let image =
            if media_type == SVG { PageFile::made(SVG, content) } else { PageFile::new(PNG, content, Vec::new()) };
        files.insert(file.to_owned(), image);
    };
    let drawn = |width| Bytes::from(letter::png(name, width));
    let listed = match own {
        Some(Icon { format: IconFormat::Png(width), content }) => {
            let content = Bytes::from(content.clone());
            add(ICON, PNG, content.clone());
            add(TOUCH_ICON, PNG, content);
            json!([{ "src": ICON, "sizes": format!("{width}x{width}"), "type": PNG }])
        }
        Some(Icon { format: IconFormat::Svg, content }) => {
            add(ICON, SVG, Bytes::from(content.clone()));
            add(TOUCH_ICON, PNG, drawn(WIDTHS[0]));
            json!([{ "src": ICON, "sizes": "any", "type": SVG }])
        }
        None => {
            add(ICON, SVG, Bytes::from(letter::svg(name)));
            let mut listed = vec![json!({ "src": ICON, "sizes": "any", "type": SVG })];
            for width in WIDTHS {
                let file = format!("icon-{width}.png");
                add(&file, PNG, drawn(width));
                // One drawing for both: nothing of the letter is where a mask cuts.
                for purpose in ["any", "maskable"] {
                    listed.push(
                        json!({ "src": file, "sizes": format!("{width}x{width}"), "type": PNG, "purpose": purpose }),
                    );
                }
            }
            Value::from(listed)
        }
    };
    (files, listed)
}

/// As text of an element or in a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
