//! Makes the JavaScript around a module: `countersign-web-bindgen MODULE FOLDER`. What `wasm-bindgen --target web` does; the library
//! behind that command takes a minute to compile, the command ten, and here its version is the one in Cargo.lock.

use std::error::Error;
use std::path::PathBuf;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = &arguments[..] else {
        return Err("usage: countersign-web-bindgen MODULE FOLDER".into());
    };
    // The page fetches the module from beside its JavaScript; types are in ui/src/backend.
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.omit_default_module_path(false).typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    Ok(bindgen.input_path(module).generate(folder)?)
}
