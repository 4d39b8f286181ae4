//! `weir demo`: generate the sample, run its scripts, show what they found.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::batch::{self, BatchOptions, Source};
use crate::connection::LocalConnection;
use crate::demo::{self, DemoOptions, DemoProgress};
use crate::engine::{Lake, LakeOptions};
use crate::error::{Code, Result};
use crate::render::{Destination, Format, OpenDestination, RenderOptions};
use crate::syntax::Parameters;

use super::said;

/// What is shown at the end.
const FINDINGS: &str = include_str!("demo.sql");

/// Makes the sample in `folder`.
pub(super) async fn run(folder: &Path, options: DemoOptions, lake_options: LakeOptions) -> Result<(), Code> {
    batch::note(&format!(
        "generating {} events into '{}'",
        options.rows,
        folder.display()
    ));
    generate(folder.to_owned(), options).await?;
    let lake = Lake::open(folder, lake_options).await.map_err(said)?;
    let connection = LocalConnection::new(lake.session());
    let stdout = OpenDestination::open(&Destination::Stdout, Format::Table, RenderOptions::default());
    let mut output = stdout.map_err(said)?;

    batch::note("running its scripts: raw → processed → curated");
    let scripts: Vec<Source> = demo::SCRIPTS
        .iter()
        .map(|(name, _)| script(folder, name))
        .collect::<Result<_, Code>>()?;
    let quiet = BatchOptions::default();
    batch::run(&connection, &scripts, &Parameters::default(), quiet, &mut output).await?;

    let findings = Source {
        name: PathBuf::from("demo.sql"),
        text: FINDINGS.to_owned(),
    };
    let options = BatchOptions {
        echo: true,
        ..BatchOptions::default()
    };
    batch::run(
        &connection,
        &[findings],
        &Parameters::default(),
        options,
        &mut output,
    )
    .await?;
    output.finish().map_err(said)?;
    batch::note(&format!(
        "\nthe lake is '{0}': try  weir --lake {0} -c \"SHOW TABLES\"",
        folder.display()
    ));
    Ok(())
}

/// The script as it lies in the lake, where it may have been changed.
fn script(folder: &Path, name: &str) -> Result<Source, Code> {
    let path = folder.join("sql").join(name);
    let text = std::fs::read_to_string(&path).map_err(|e| said(crate::Error::io(&path, "read", e)))?;
    Ok(Source { name: path, text })
}

async fn generate(folder: PathBuf, options: DemoOptions) -> Result<(), Code> {
    let work = tokio::task::spawn_blocking(move || {
        demo::lay_out(&folder)?;
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}") {
            bar.set_style(style);
        }
        let answers = demo::generate(&folder, &options, &mut |progress: DemoProgress| {
            bar.set_length(progress.rows_total);
            bar.set_position(progress.rows_done);
            bar.set_message(progress.table);
        });
        bar.finish_and_clear();
        answers
    });
    let answers = match work.await {
        Ok(answers) => answers.map_err(said)?,
        Err(error) => {
            return Err(said(crate::Error::new(
                Code::Internal,
                format!("the generator failed: {error}"),
            )));
        }
    };
    for line in answers.summary() {
        batch::note(&format!("  {line}"));
    }
    Ok(())
}
