//! The operating system's account that servers run under.

use std::{
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Who runs PostgreSQL's commands. The server refuses to be run by root.
#[derive(Debug)]
pub(crate) enum Account {
    /// Whoever runs the tests.
    Ourselves,
    /// Somebody without privileges, because we are root.
    Other {
        name: String,
        group: String,
        switch: Switch,
    },
}

/// How root becomes somebody else.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Switch {
    Runuser,
    Setpriv,
    Su,
}

impl Account {
    /// # Panics
    /// When we are root and can become nobody else.
    pub(crate) fn get() -> &'static Account {
        static ACCOUNT: OnceLock<Account> = OnceLock::new();
        ACCOUNT.get_or_init(|| {
            if user_id() != "0" {
                return Account::Ourselves;
            }
            let name = ["postgres", "nobody"]
                .into_iter()
                .find(|name| output("id", &["-u", name]).is_some());
            let name = name.expect("the server refuses to be run by root, and there is no user `postgres` or `nobody`");
            let group = output("id", &["-g", name]).expect("the group of an existing user");
            let switch = Switch::find().expect("the server refuses to be run by root: install runuser, setpriv or su");
            Account::Other {
                name: name.to_owned(),
                group,
                switch,
            }
        })
    }

    /// A command that runs `script` in a shell under this account.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = match self {
            Account::Ourselves => with_args("sh", &["-c", script]),
            Account::Other {
                name,
                switch: Switch::Runuser,
                ..
            } => with_args("runuser", &["-u", name, "--", "sh", "-c", script]),
            Account::Other {
                name,
                group,
                switch: Switch::Setpriv,
            } => with_args(
                "setpriv",
                &["--reuid", name, "--regid", group, "--init-groups", "sh", "-c", script],
            ),
            Account::Other {
                name,
                switch: Switch::Su,
                ..
            } => with_args("su", &["-s", "/bin/sh", name, "-c", script]),
        };
        command.stdin(Stdio::null());
        command
    }

    /// The name for `chown`, if it is not ours anyway.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Account::Ourselves => None,
            Account::Other { name, .. } => Some(name),
        }
    }
}

impl Switch {
    fn find() -> Option<Self> {
        let known = [("runuser", Self::Runuser), ("setpriv", Self::Setpriv), ("su", Self::Su)];
        known
            .into_iter()
            .find_map(|(tool, switch)| output(tool, &["--version"]).map(|_| switch))
    }
}

/// The number of the user who runs the tests.
pub(crate) fn user_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| output("id", &["-u"]).expect("`id -u` answers"))
}

/// What a command prints, if it is there and succeeds.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

fn with_args(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
