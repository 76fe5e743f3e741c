//! Writing a group of appends: one statement, and what follows where it could not write everything.

use std::sync::Arc;

use composable_rust_core::{AppendError, StreamAppend, Version};

use crate::{
    errors::{self, ErrorClass},
    facts::Facts,
    insert::{self, Manner, Verdict},
    job::{Answer, Job},
    judge, locked,
    notify::Notifier,
    pool::Pool,
    pooled_connection::PooledConnection,
};

/// After so many times that somebody else was first, the streams are locked.
const UNLOCKED: u32 = 3;

/// So often an append is tried again that met a deadlock or could not be serialized.
const AGAIN: u32 = 32;

/// Writes a group and answers its jobs.
pub(crate) async fn group(connections: &Arc<Pool>, jobs: Vec<Job>, announcer: &Arc<Notifier>) {
    for job in together(connections, jobs, announcer).await {
        together(connections, vec![job], announcer).await;
    }
}

/// Writes jobs by one statement; returns those that have to be written one by one.
async fn together(connections: &Arc<Pool>, jobs: Vec<Job>, announcer: &Arc<Notifier>) -> Vec<Job> {
    match connections.acquire(connections.deadline()).await {
        Ok(lease) => Writer::new(lease, announcer).write(jobs).await,
        Err(error) => {
            refuse(jobs, &errors::before_sending(error));
            Vec::new()
        }
    }
}

/// A statement that failed, and whether it could have committed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: sqlx::Error,
    in_doubt: bool,
}

impl Failed {
    pub(crate) const fn before_commit(error: sqlx::Error) -> Self {
        Self { error, in_doubt: false }
    }

    pub(crate) const fn at_commit(error: sqlx::Error) -> Self {
        Self { error, in_doubt: true }
    }
}

impl From<Failed> for AppendError {
    fn from(failed: Failed) -> Self {
        if failed.in_doubt {
            errors::of_append(failed.error)
        } else {
            errors::before_sending(failed.error)
        }
    }
}

struct Writer<'a> {
    lease: PooledConnection,
    announcer: &'a Arc<Notifier>,
    /// How often somebody else was first.
    taken: u32,
    again: u32,
    /// Whether a quick statement has refused what is left, and did not say why.
    thorough: bool,
    /// Where the streams ended when somebody else had been first.
    ends: Vec<Version>,
}

impl<'a> Writer<'a> {
    const fn new(lease: PooledConnection, announcer: &'a Arc<Notifier>) -> Self {
        Self {
            lease,
            announcer,
            taken: 0,
            again: 0,
            thorough: false,
            ends: Vec::new(),
        }
    }

    async fn write(mut self, mut jobs: Vec<Job>) -> Vec<Job> {
        while !jobs.is_empty() {
            let failed = match self.attempt(&jobs).await {
                Ok(verdicts) => match self.conclude(jobs, &verdicts).await {
                    None => return Vec::new(),
                    Some((writer, refused)) => {
                        (self, jobs) = (writer, refused);
                        continue;
                    }
                },
                Err(failed) => failed,
            };
            self.lease.finish(Some(&failed.error));
            match ErrorClass::of(&failed.error) {
                ErrorClass::UniqueViolation => {
                    jobs = match self.settle(jobs, failed).await {
                        Settled::Again(rest) => rest,
                        Settled::Apart(rest) => return rest,
                    }
                }
                ErrorClass::Serialization if self.again < AGAIN => self.again += 1,
                // What the server refuses may be due to one of them alone.
                ErrorClass::Other if jobs.len() > 1 && failed.error.as_database_error().is_some() => return jobs,
                _ => {
                    tracing::warn!(error = %failed.error, appends = jobs.len(), "a group of appends failed");
                    refuse(jobs, &failed.into());
                    return Vec::new();
                }
            }
        }
        Vec::new()
    }

    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Verdict>, Failed> {
        let entries: Vec<&StreamAppend> = jobs.iter().flat_map(|job| &job.appends).collect();
        let connection = self.lease.connection().map_err(Failed::before_commit)?;
        let all_or_nothing = is_all_or_nothing(jobs);
        let outcome = if self.taken > UNLOCKED || locked::is_needed(&entries) {
            locked::write(connection, &entries, all_or_nothing, || in_doubt(jobs, true)).await
        } else {
            in_doubt(jobs, true);
            let manner = Manner {
                all_or_nothing,
                thorough: self.thorough,
            };
            let written = insert::write(connection, &entries, manner).await;
            written.map_err(Failed::at_commit)
        };
        in_doubt(jobs, false);
        outcome
    }

    /// Answers everybody, now that it is committed; but whom a quick statement has refused is to be judged again.
    async fn conclude(mut self, jobs: Vec<Job>, mut verdicts: &[Verdict]) -> Option<(Self, Vec<Job>)> {
        let (mut answers, mut refused) = (Vec::with_capacity(jobs.len()), Vec::new());
        for job in jobs {
            let Some((own, others)) = verdicts.split_at_checked(job.appends.len()) else {
                continue;
            };
            verdicts = others;
            match judge::at_once(&job.appends, own) {
                Some(answer) => answers.push((job, answer)),
                None => refused.push((job, own)),
            }
        }
        if answers.iter().any(|(job, answer)| job.events > 0 && answer.is_ok()) {
            self.announcer.on_commit();
        }
        self.lease.finish(None);
        // Who was answered may never drive this runtime again: nothing that others need is held by then.
        let explaining = (!refused.is_empty()).then_some(self);
        for (mut job, answer) in answers {
            job.reply.send(answer);
        }
        let mut writer = explaining?;
        if refused.iter().any(|(_, verdicts)| is_unexplained(verdicts)) {
            writer.thorough = true;
            return Some((writer, refused.into_iter().map(|(job, _)| job).collect()));
        }
        writer.explain(refused).await;
        None
    }

    /// Tells those whose streams were not as expected why.
    async fn explain(mut self, mut refused: Vec<(Job, &[Verdict])>) {
        let facts = match self.facts(refused.iter().map(|(job, _)| job)).await {
            Ok(facts) => facts,
            Err(error) => return refuse(refused.into_iter().map(|(job, _)| job), &error),
        };
        drop(self);
        let mut facts = &*facts;
        for (job, verdicts) in &mut refused {
            let Some((own, others)) = facts.split_at_checked(job.appends.len()) else {
                continue;
            };
            facts = others;
            let answer = judge::answer(&job.appends, own, Some(verdicts));
            job.reply.send(answer.unwrap_or_else(not_inserted));
        }
    }

    /// Somebody else was first, or an id or a command is stored already. Answers those for whom the log has an answer;
    /// the others are worth another try.
    async fn settle(&mut self, jobs: Vec<Job>, failed: Failed) -> Settled {
        self.taken += 1;
        if self.taken == 1 && !jobs.iter().any(has_commands) {
            return Settled::Again(jobs);
        }
        let facts = match self.facts(jobs.iter()).await {
            Ok(facts) => facts,
            Err(error) => {
                refuse(jobs, &error);
                return Settled::Again(Vec::new());
            }
        };
        let count = jobs.len();
        let rest = answer_some(jobs, &facts);
        let ends: Vec<_> = facts.iter().map(|facts| facts.end.version).collect();
        let is_stuck = rest.len() == count && ends == self.ends;
        self.ends = ends;
        match rest {
            rest if !is_stuck => Settled::Again(rest),
            rest if count > 1 => Settled::Apart(rest),
            // Nobody has written to its streams: it is an index that is none of ours.
            rest => {
                refuse(rest, &AppendError::Backend(Arc::new(failed.error)));
                Settled::Again(Vec::new())
            }
        }
    }

    async fn facts(&mut self, jobs: impl Iterator<Item = &Job>) -> Result<Vec<Facts>, AppendError> {
        let entries: Vec<&StreamAppend> = jobs.flat_map(|job| &job.appends).collect();
        let connection = self.lease.connection().map_err(errors::before_sending)?;
        let facts = Facts::read(connection, &entries).await;
        self.lease.finish(facts.as_ref().err());
        facts.map_err(errors::before_sending)
    }
}

enum Settled {
    Again(Vec<Job>),
    Apart(Vec<Job>),
}

/// Answers those whom the log alone can answer; returns the others.
fn answer_some(jobs: Vec<Job>, mut facts: &[Facts]) -> Vec<Job> {
    let mut rest = Vec::new();
    for mut job in jobs {
        let Some((own, others)) = facts.split_at_checked(job.appends.len()) else {
            continue;
        };
        facts = others;
        match judge::answer(&job.appends, own, None) {
            Some(answer) => job.reply.send(answer),
            None => rest.push(job),
        }
    }
    rest
}

/// One job of several entries; it is always alone.
fn is_all_or_nothing(jobs: &[Job]) -> bool {
    jobs.iter().any(|job| job.appends.len() > 1)
}

/// Only a statement that says nothing of whatever it refuses leaves a head out.
fn is_unexplained(verdicts: &[Verdict]) -> bool {
    verdicts.iter().any(|verdict| verdict.head.is_none())
}

fn has_commands(job: &Job) -> bool {
    let mut events = job.appends.iter().flat_map(|append| &append.events);
    events.any(|event| event.command.is_some())
}

fn in_doubt(jobs: &[Job], in_doubt: bool) {
    for job in jobs {
        job.reply.in_doubt(in_doubt);
    }
}

fn refuse(jobs: impl IntoIterator<Item = Job>, error: &AppendError) {
    for mut job in jobs {
        job.reply.send(Err(error.clone()));
    }
}

/// Accepted, and yet no row: a trigger that is none of ours has swallowed it.
pub(crate) fn not_inserted() -> Answer {
    Err(AppendError::Backend(Arc::new(sqlx::Error::RowNotFound)))
}
