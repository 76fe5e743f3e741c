//! What other tests take from `docs/database-setup.md`, so that they prove what people copy from there.

use std::{fs, path::Path};

/// The statements that create a log hash-partitioned by stream, to be run before the migration: the first block of SQL
/// below the heading "Partitioning". Several statements, for the simple protocol (`sqlx::raw_sql`).
#[expect(clippy::expect_used, reason = "what fails here fails the test, in words")]
pub(crate) fn partitioned_schema() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/database-setup.md");
    let guide = fs::read_to_string(path).expect("the guide is part of the repository");
    let (_, section) = guide
        .split_once("\n## Partitioning\n")
        .expect("the guide has a section on partitioning");
    let (_, block) = section
        .split_once("```sql\n")
        .expect("the section begins with the statements");
    let (block, _) = block.split_once("```").expect("a block ends");
    block.to_owned()
}
