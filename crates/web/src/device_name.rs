//! The suggested name of a device in a browser: the system and the browser.

/// Marks in a user agent and the browsers that they name. The first match counts.
const BROWSERS: [(&str, &str); 6] = [
    ("SamsungBrowser/", "Samsung Internet"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Marks in a user agent and the systems that they name. The first match counts.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Macintosh", "Mac"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// "Android (Chrome)", from `navigator.userAgent` and the names of `navigator.userAgentData.brands`, where there are any. No version, no
/// model: nothing that tells one of a kind from another.
pub fn device_name(user_agent: &str, brands: &[String]) -> String {
    let named = |of: &[(&'static str, &'static str)]| {
        of.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // Some that call themselves Chrome in their user agent say in their brands, in any order, what they are.
    let has = |name: &str| brands.iter().any(|brand| brand == name);
    let browser = match named(&BROWSERS) {
        Some("Chrome") if has("Brave") => Some("Brave"),
        Some("Chrome") if has("Chromium") && !has("Google Chrome") => Some("Chromium"),
        named => named,
    };
    match (named(&SYSTEMS), browser) {
        (Some(system), Some(browser)) => format!("{system} ({browser})"),
        (system, browser) => system.or(browser).unwrap_or("Browser").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_and_browser_are_named_and_nothing_else_is() {
        let chrome = |system: &str| format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36");
        let brands = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (user_agent, brands, name) in [
            (chrome("X11; Linux x86_64"), brands(&["Chromium", "Not)A;Brand"]), "Linux (Chromium)"),
            (chrome("Linux; Android 10; K"), brands(&["Google Chrome", "Chromium", "Not A Brand"]), "Android (Chrome)"),
            (chrome("Windows NT 10.0") + " Edg/156.0", brands(&["Microsoft Edge", "Chromium"]), "Windows (Edge)"),
            (chrome("Windows NT 10.0"), brands(&["Chromium", "Not_A Brand", "Brave"]), "Windows (Brave)"),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
                vec![],
                "Linux (Firefox)",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.0 Mobile Safari/604.1".into(),
                vec![],
                "iPhone (Safari)",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605.1.15".into(),
                vec![],
                "Mac (Safari)",
            ),
            ("something else".into(), vec![], "Browser"),
            (String::new(), vec![], "Browser"),
        ] {
            assert_eq!(device_name(&user_agent, &brands), name);
        }
    }
}
