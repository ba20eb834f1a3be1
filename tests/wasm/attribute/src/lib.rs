//! `#[test]` for WebAssembly: exports the function, so that whoever instantiates the module finds it.
//!
//! A crate imports it by `#[macro_use] extern crate countersign_wasm_test`, where it takes the place of the language's own: the
//! functions are those that run natively. libtest runs there too, but what it prints goes nowhere.

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// Exports a test as `test:<package>:<name>`. An `async` one must never wait for anything.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let exported = match export(&arguments, &item) {
        Ok(exported) => exported,
        Err(why) => format!("::core::compile_error!({why:?});"),
    };
    let exported: TokenStream = exported.parse().expect("what is put together below is Rust");
    item.into_iter().chain(exported).collect()
}

fn export(arguments: &TokenStream, item: &TokenStream) -> Result<String, &'static str> {
    if !arguments.is_empty() {
        return Err("#[test] takes no arguments");
    }
    let tokens: Vec<TokenTree> = item.clone().into_iter().collect();
    if tokens.iter().any(|token| is_group(token, Delimiter::Bracket, |text| text.contains("should_panic"))) {
        return Err("a panic ends an instance of WebAssembly: assert on a value, or keep this test native");
    }
    let at = tokens.iter().position(|token| is_word(token, "fn")).ok_or("#[test] is for functions")?;
    let name = tokens.get(at + 1).ok_or("a function has a name")?.to_string();
    if !tokens.get(at + 2).is_some_and(|token| is_group(token, Delimiter::Parenthesis, str::is_empty)) {
        return Err("a test has no parameters");
    }
    let call = if tokens[..at].iter().any(|token| is_word(token, "async")) {
        format!(
            "let mut context = ::core::task::Context::from_waker(::core::task::Waker::noop());
             let polled = ::core::future::Future::poll(::core::pin::pin!({name}()), &mut context);
             assert!(polled.is_ready(), \"a test waits for something\");"
        )
    } else {
        format!("{name}();")
    };
    let package = std::env::var("CARGO_PKG_NAME").map_err(|_| "cargo says which package this is")?;
    Ok(format!(
        "const _: () = {{
             #[unsafe(export_name = \"test:{package}:{name}\")]
             extern \"C\" fn exported() {{ {call} }}
         }};"
    ))
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

fn is_group(token: &TokenTree, delimiter: Delimiter, fits: impl Fn(&str) -> bool) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter && fits(&group.stream().to_string()))
}
