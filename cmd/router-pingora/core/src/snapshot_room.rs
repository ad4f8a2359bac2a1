//! Sections of a snapshot about room (R5, R9).
