//! What `scripts/build.sh` needs of wasm-bindgen's command line: `bindgen WASM FOLDER`. It has a third of the dependencies.

use std::{env, error::Error};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let [_, wasm, folder] = &*env::args().collect::<Vec<_>>() else { return Err("usage: bindgen WASM FOLDER".into()) };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("index").module(true)?.typescript(false);
    // The next call starts the wasm again after a panic.
    bindgen.reset_state_function(true).force_enable_abort_handler(true);
    Ok(bindgen.generate(folder)?)
}
