//! The hash of a compiled configuration: which two are the same (R12).
