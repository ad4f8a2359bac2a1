//! Sections of a snapshot about requests that may come again (R5, R11).
