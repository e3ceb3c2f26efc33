//! What `scripts/build.sh` needs of wasm-bindgen's command line. It has a third of the dependencies.
//!
//! `bindgen WASM FOLDER` makes the Worker's glue, and `bindgen program WASM FOLDER NAME` that of a program for Node.

use std::{env, error::Error};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut bindgen = Bindgen::new();
    let folder = match *arguments {
        [wasm, folder] => {
            bindgen.input_path(wasm).out_name("index").module(true)?;
            // The next call starts the wasm again after a panic.
            bindgen.reset_state_function(true).force_enable_abort_handler(true);
            folder
        }
        ["program", wasm, folder, name] => {
            bindgen.input_path(wasm).out_name(name).nodejs_module(true)?;
            folder
        }
        _ => return Err("usage: bindgen WASM FOLDER, or bindgen program WASM FOLDER NAME".into()),
    };
    Ok(bindgen.typescript(false).generate(folder)?)
}
