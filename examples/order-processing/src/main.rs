//! The program; all that it does is in the library beside it.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use order_processing::{Arguments, run};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string(), ExitCode::from(3)),
    };
    let mut output = io::BufWriter::new(io::stdout());
    match runtime.block_on(run(arguments, &mut output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_silent() => failure.exit_code(),
        Err(failure) => fail(&failure.explain(), failure.exit_code()),
    }
}

fn fail(reason: &str, code: ExitCode) -> ExitCode {
    // Where nobody reads standard error, the exit code still tells.
    let _ = writeln!(io::stderr(), "error: {reason}");
    code
}
