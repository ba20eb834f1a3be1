//! Files of the pages. A page is the shared frame with its own body in it.

use crate::demo::client_processes;

/// A static file.
#[derive(Clone)]
pub struct File {
    /// Its path.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// Its content.
    pub text: String,
}

/// The parts of a page that the frame does not have.
struct PageParts {
    path: &'static str,
    /// The page's name in the style sheets, and of its script.
    name: &'static str,
    title: &'static str,
    body: &'static str,
}

const FRAME: &str = include_str!("page/frame.html");
const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const PAGES: [PageParts; 4] = [
    PageParts { path: "/", name: "till", title: "Acme Coffee · Till 2", body: include_str!("page/till.html") },
    PageParts {
        path: "/support",
        name: "support",
        title: "Acme Support Desk",
        body: include_str!("page/support.html"),
    },
    PageParts {
        path: "/kiosk", name: "kiosk", title: "City Bikes · Station 7", body: include_str!("page/kiosk.html")
    },
    PageParts { path: "/agent", name: "agent", title: "Acme Agent", body: include_str!("page/agent.html") },
];

const SHARED: [(&str, &str, &str); 11] = [
    ("/look.css", STYLE, include_str!("page/look.css")),
    ("/places.css", STYLE, include_str!("page/places.css")),
    ("/drawing.js", SCRIPT, include_str!("page/drawing.js")),
    ("/server.js", SCRIPT, include_str!("page/server.js")),
    ("/devices.js", SCRIPT, include_str!("page/devices.js")),
    ("/request.js", SCRIPT, include_str!("page/request.js")),
    ("/till.js", SCRIPT, include_str!("page/till.js")),
    ("/support.js", SCRIPT, include_str!("page/support.js")),
    ("/kiosk.js", SCRIPT, include_str!("page/kiosk.js")),
    ("/agent.js", SCRIPT, include_str!("page/agent.js")),
    ("/agent.py", "text/plain; charset=utf-8", client_processes::AGENT),
];

/// All files.
pub fn files() -> Vec<File> {
    let pages = PAGES.iter().map(|own| File { path: own.path, kind: HTML, text: framed(own) });
    let shared = SHARED.iter().map(|&(path, kind, text)| File { path, kind, text: text.to_owned() });
    pages.chain(shared).collect()
}

fn framed(own: &PageParts) -> String {
    let link = format!("href=\"{}\"", own.path);
    let here = format!("{link} aria-current=\"page\"");
    FRAME
        .replace("{{title}}", own.title)
        .replace("{{name}}", own.name)
        .replace(&link, &here)
        .replace("{{body}}", own.body)
        .replace("{{agent}}", &escaped(client_processes::AGENT))
}

/// Escapes a string for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_complete_and_marks_itself_as_current() {
        for own in &PAGES {
            let page = framed(own);
            assert!(!page.contains("{{"), "{}", own.path);
            assert_eq!(page.matches("aria-current=\"page\"").count(), 1, "{}", own.path);
            let script = format!("/{}.js", own.name);
            assert!(page.contains(&script) && files().iter().any(|file| file.path == script), "{script}");
        }
    }

    #[test]
    fn the_agents_page_holds_its_whole_program_as_text() {
        let page = framed(&PAGES[3]);
        let shown = page.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        assert!(shown.contains(client_processes::AGENT));
        let lines = client_processes::AGENT.lines().count();
        assert!(lines <= 40, "{lines} lines: it must stay small enough to be read on a page");
    }
}
