//! Succession: the state that a successor begins with.
