//! One loaded configuration with everything that it includes.

use crate::keys::KeyList;
use crate::load;
use crate::lower::discover::Discovery;
use crate::node::Node;
use crate::problem::{Place, Position, Problem, Problems, by_place};
use crate::settings::{Listener, Observe};
use crate::units::Range;
use lockstep_core::{Config, Duration, EndpointSpec, Spec, SpecError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Which of the three forms a file is written in.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// JSON with cellEndpoints.
    Baseline1,
    /// JSON with placements.
    Baseline2,
    /// YAML, or JSON as its subset, with lockstep: 1.
    #[default]
    Native,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Baseline1 => "baseline1",
            Form::Baseline2 => "baseline2",
            Form::Native => "native",
        })
    }
}

/// One loaded configuration. It does not change after loading; any number of readers may share it.
#[derive(Debug, Default)]
pub struct File {
    /// As given to load or parse.
    pub path: String,
    /// The form it is written in.
    pub form: Form,
    /// What `Config::compile` takes. Placements and keys are sorted by name.
    pub spec: Spec,
    /// What the operator knows about the fleet. Decisions never read it.
    pub facts: Facts,
    /// By name; empty: the command's default address. Not part of `spec`, as all below it.
    pub listen: Vec<Listener>,
    /// Where configurations are pushed from.
    pub control_plane: ControlPlane,
    /// Folder of the flight recorder's segments; "": the ring in memory only.
    pub recording_dir: String,
    /// How long segments stay, in ns, 0 for ever; and how many bytes they may take, 0 for any number.
    pub recording_keep: (Duration, i64),
    /// File with the secret under which recorded keys are hashed; "": they are not.
    pub recording_key_file: String,
    /// How the router is watched.
    pub observe: Observe,
    /// Names of the promises that the file makes. This router does not judge them.
    pub must: Vec<String>,
    /// Labels of placements; nothing decides by them.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Placements whose endpoints are found by DNS; `spec` has their unresolved endpoint.
    pub discover: Vec<Discovery>,
    /// What the baseline accepts and the native form refuses.
    pub warnings: Problems,
    /// Every file read, `path` first.
    pub sources: Vec<String>,
    /// `path` and the include patterns: whatever can change this configuration matches one.
    pub watch: Vec<String>,

    pub(crate) labelled: bool,  // spec.version is a label made here
    pub(crate) root: Arc<Node>, // for places; placements are merged with their defaults and profile
    pub(crate) keys: KeyList,
    pub(crate) tables: Vec<KeyList>,
    pub(crate) splits: BTreeMap<String, Place>, // where each split is first written
}

/// What the operator knows about the fleet.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Routers that share the load; the default: not stated.
    pub routers: Range,
    /// Highest load of a placement's own keys, over the whole fleet: requests a second and ns a request.
    pub peak: BTreeMap<String, (i64, Duration)>,
}

/// Where configurations are pushed from. The default: from nowhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlPlane {
    /// ws, wss, http or https.
    pub url: String,
    /// Folder of the last-known-good copies; "": none are kept.
    pub dir: String,
    /// File that an empty disk starts with; "" means this one.
    pub bootstrap: String,
    /// How long in ns a router must live with a configuration before it is the one to come back to;
    /// 0 means that none is.
    pub soak: Duration,
}

/// How long in ns a configuration soaks where the file does not say.
pub const DEFAULT_SOAK: Duration = 600_000_000_000;

/// Why a configuration could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The file could not be read.
    Io(String, std::io::Error),
    /// Its content is at fault.
    Content(Problems),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Io(path, e) => write!(f, "reading the configuration: open {path}: {e}"),
            LoadError::Content(p) => p.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<Problems> for LoadError {
    fn from(p: Problems) -> LoadError {
        LoadError::Content(p)
    }
}

impl File {
    /// Reads the configuration at `path`, with what it includes.
    pub fn load(path: &str) -> Result<File, LoadError> {
        let data = std::fs::read(Path::new(path)).map_err(|e| LoadError::Io(path.into(), e))?;
        Ok(load::load(path, path, &data)?)
    }

    /// Reads a configuration from memory; `name` stands for the file in errors. It may not include
    /// others: pushed bytes never name local files.
    pub fn parse(name: &str, data: &[u8]) -> Result<File, Problems> {
        load::load(name, "", data)
    }

    /// `parse` for a configuration that was made from the file at `path`: what it includes is looked
    /// for beside that file.
    pub fn parse_beside(path: &str, name: &str, data: &[u8]) -> Result<File, Problems> {
        load::load(name, path, data)
    }

    /// Validates `spec`. What core refuses is shown where the refused value was written.
    pub fn compile(&self) -> Result<Arc<Config>, Problems> {
        Config::compile(&self.spec).map_err(|e| self.problems(&e.errors))
    }

    /// `compile` with the endpoints that were found for the placements of `discover`, by placement. A
    /// placement without an entry keeps its unresolved one. The same endpoints make the same
    /// configuration, label included.
    pub fn compile_with(&self, found: &BTreeMap<String, Vec<EndpointSpec>>) -> Result<Arc<Config>, Problems> {
        if self.discover.is_empty() || found.is_empty() {
            return self.compile();
        }
        let mut spec = self.spec.clone();
        for p in &mut spec.placements {
            if let Some(e) = found.get(&p.name).filter(|e| !e.is_empty()) {
                p.endpoints.clone_from(e);
            }
        }
        if self.labelled {
            spec.version.clear(); // or the label would not tell of the endpoints
            spec.version = crate::label::label(&spec);
        }
        Config::compile(&spec).map_err(|e| self.problems(&e.errors))
    }

    /// Shows what core refused where it was written: once, however many placements inherit it.
    fn problems(&self, faults: &[SpecError]) -> Problems {
        let mut seen: BTreeSet<(Position, &str)> = BTreeSet::new();
        let mut out: Vec<Problem> = Vec::new();
        for e in faults {
            let (at, _) = self.place(&e.path);
            if seen.insert((at.position(), &e.what)) {
                out.push(at.problem(format!("{}: {}", self.local(&e.path), e.what), e.hint.clone()));
            }
        }
        out.sort_by(by_place);
        Problems(out)
    }
}
