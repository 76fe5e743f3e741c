//! The README's commands, as they stand there.

use std::{fs, path::Path, process::Command};

use crate::support::Desk;

/// The lines of the README's shell blocks, with a line that goes on joined to the next.
fn script() -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks = readme
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let desk = Desk::new();
    let program = Path::new(env!("CARGO_BIN_EXE_order-processing"));
    let folder = program.parent().unwrap().to_str().unwrap();
    let output = Command::new("sh")
        .args(["-e", "-c", &script()])
        .current_dir(desk.path())
        .env(
            "PATH",
            format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()),
        )
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    for said in [
        "Reconstructed state: Status=Shipped, Items=2, Total=$100.00, Version=2",
        "o-1: Status=Placed, Items=2, Total=$100.00, Version=1",
        "o-1: Status=Shipped, Items=2, Total=$100.00, Version=2",
        "applied 2, rejected 1, malformed 0",
    ] {
        assert!(out.contains(said), "{said:?} is missing in\n{out}\n{err}");
    }
}
